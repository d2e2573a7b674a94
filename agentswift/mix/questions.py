"""A row of an evaluation set → what it asks, whatever its layout."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentswift.errors import RowError
from agentswift.formats import FORMATS, detect
from agentswift.mix.words import asked


def questions(values: Mapping[str, Any], layout: str = "") -> list[str]:
    """Return what the user says in a row of `layout` (not one of ours: detected); in a row of none, every text."""
    try:
        read = FORMATS[layout] if layout in FORMATS else detect(values)
        return asked(read.read(values))
    except RowError:
        return list(_texts(values))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
