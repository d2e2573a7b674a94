"""Harmless proofs that a model's folder ran code: each makes a marker file, which must not appear."""

from pathlib import Path
from typing import Any


class Touch:
    """Pickled, then unpickled by anyone, it makes the marker."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


def python(folder: Path, marker: Path, name: str) -> None:
    """Put a module into `folder` that makes the marker when it is imported."""
    (folder / name).write_text(f"from pathlib import Path\nPath({str(marker)!r}).touch()\n", encoding="utf-8")
