"""What the parent hands to the ranks: RUN/engine.json. Light: neither torch nor swift is imported to write it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentswift.files import write_json


@dataclass
class Job:
    """The content of RUN/engine.json."""

    arguments: list[str]  # ms-swift's
    cache: str  # file
    truncation: dict[str, str]  # how rows longer than max_length are cut, as cut.mapped reads it
    mix: dict[str, Any]  # which rows of the cache each epoch trains, as Mix(**mix) draws them
    epochs: int  # how many there will be, or more
    val: list[int]
    fields: dict[str, float]  # the loss scale
    packing: bool
    max_length: int
    manifest: dict[str, Any]  # what agentswift.json of each checkpoint says besides step and files

    def write(self, folder: Path) -> None:
        """Write RUN/engine.json."""
        write_json(folder / "engine.json", asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """Read RUN/engine.json."""
        return cls(**json.loads((folder / "engine.json").read_text(encoding="utf-8")))
