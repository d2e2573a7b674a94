"""A row's columns: under other names, and which of them anyone looked at."""

from collections.abc import Mapping, Sequence
from typing import Any


def renamed(values: Mapping[str, Any], columns: Sequence[str]) -> Mapping[str, Any]:
    """Return the row with columns THEIRS=OURS under our names; one of ours that another takes over is not read."""
    names = dict(word.split("=", 1) for word in columns)
    kept = {key: value for key, value in values.items() if key not in names and key not in names.values()}
    return {**kept, **{names[key]: values[key] for key in names if key in values}} if names else values


class Watched(dict[str, Any]):
    """A row that notes which of its columns are looked at."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.seen = {"id"}

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the column, and note it."""
        self.seen.add(key)
        return super().get(key, default)

    def unread(self) -> tuple[str, ...]:
        """Return the columns that hold something and were not looked at."""
        return tuple(key for key, value in self.items() if key not in self.seen and value not in (None, "", [], {}))
