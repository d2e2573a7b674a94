"""What the parent hands to the ranks: RUN/engine.json. Light: neither torch nor swift is imported to write it."""

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from agentswift.errors import UsageError
from agentswift.files import write_json


@dataclass(frozen=True)
class Origins:
    """Which dataset each row of the cache came from."""

    names: list[str]
    stretches: list[list[int]]  # index into `names`, and how many rows; in the cache's order

    @classmethod
    def of(cls, datasets: Iterable[str]) -> "Origins":
        """Return the origins of rows whose datasets are these."""
        found = [(name, len(list(rows))) for name, rows in groupby(datasets)]
        names = list(dict.fromkeys(name for name, _ in found))
        return cls(names, [[names.index(name), rows] for name, rows in found])

    def __getitem__(self, row: int) -> str:
        at = bisect_right(self._ends, row)
        return self.names[self.stretches[at][0]]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(rows for _, rows in self.stretches))


@dataclass
class Job:
    """The content of RUN/engine.json."""

    arguments: list[str]  # ms-swift's
    cache: str  # file
    truncation: dict[str, str]  # how rows longer than max_length are cut, as cut.mapped reads it
    mix: dict[str, Any]  # which rows of the cache each epoch trains, as Mix(**mix) draws them
    epochs: int  # how many there will be, or more
    val: list[int]
    scale: dict[str, Any]  # the loss scale, as Scale.from_json reads it
    datasets: list[str]  # the mix's parts
    stretches: list[list[int]]  # which of them each row of the cache came from: Origins(datasets, stretches)
    loss_backend: str  # auto, torch, liger, triton, swift
    packing: bool
    padding_free: bool | None  # None: rows are padded after all where the model does not keep them apart
    max_length: int
    manifest: dict[str, Any]  # what agentswift.json of each checkpoint says besides step and files

    def write(self, folder: Path) -> None:
        """Write RUN/engine.json."""
        write_json(folder / "engine.json", asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """Read RUN/engine.json. Raises UsageError where another version of agentswift wrote it, or it is none."""
        file = folder / "engine.json"
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{file}: written by another version of agentswift: {error}. Start the run anew"
            ) from error
