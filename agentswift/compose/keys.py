"""The keys a command's run has, read from its dataclass: dotted name, type, and what the comment beside it says."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

_COMMENTED = re.compile(r"^    (\w+): [^#\n]*# *(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Key:
    """One declared key; `type` is the annotation, without its None."""

    name: str  # dotted: "data.path"
    type: Any
    about: str

    @property
    def is_text(self) -> bool:
        """A string or a path: its value on the command line is taken as it stands."""
        return self.type is str

    @property
    def is_texts(self) -> bool:
        """A list of strings."""
        return get_origin(self.type) is list and get_args(self.type) == (str,)

    @property
    def is_table(self) -> bool:
        """A mapping: names below it are the user's own."""
        return get_origin(self.type) is dict

    @property
    def choices(self) -> list[str]:
        """The words an enumeration allows; empty for any other type."""
        return [e.name for e in self.type] if isinstance(self.type, type) and issubclass(self.type, Enum) else []


@cache
def keys(shape: type) -> dict[str, Key]:
    """Return every key of `shape` by dotted name, groups' keys included, groups themselves not."""
    return {key.name: key for key in _keys(shape, "")}


@cache
def groups(shape: type) -> dict[str, type]:
    """Return the groups of `shape`: a field that is itself a dataclass is chosen as an option of conf/NAME/.

    One that may be None (`Model | None`) is a group that may be left out: model=null.
    """
    kinds = ((name, _without_none(kind)) for name, kind in get_type_hints(shape).items())
    return {name: kind for name, kind in kinds if isinstance(kind, type) and is_dataclass(kind)}


def optional(shape: type) -> set[str]:
    """Return the groups of `shape` that may be left out."""
    hints = get_type_hints(shape)
    return {name for name, kind in groups(shape).items() if hints[name] is not kind}


def _keys(shape: type, prefix: str) -> Iterator[Key]:
    comments = dict(_COMMENTED.findall(inspect.getsource(shape)))
    hints = get_type_hints(shape)
    for field in fields(shape):
        kind = _without_none(hints[field.name])
        if is_dataclass(kind):
            yield from _keys(kind, f"{prefix}{field.name}.")  # type: ignore[arg-type]
        else:
            yield Key(prefix + field.name, kind, comments.get(field.name, ""))


def _without_none(kind: Any) -> Any:
    rest = [k for k in get_args(kind) if k is not type(None)]
    return rest[0] if len(rest) == 1 and len(get_args(kind)) == 2 else kind
