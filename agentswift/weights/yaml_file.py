"""A loss scale's YAML, outside Hydra: one named in by_dataset, and one given to the plugin. Read as Hydra reads it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from agentswift.errors import UsageError, did_you_mean
from agentswift.weights.scale import PLAIN, merged
from agentswift.weights.swift_file import read_swift_file

_GROUP = "/loss_scale"
_KEYS = (*PLAIN, "file", "defaults")


def read_yaml_file(file: Path, options: Mapping[str, Path]) -> dict[str, Any]:
    """Return what a loss scale's YAML says, with its defaults list and its `file` put in.

    `options` are those that a defaults list may name. Raises UsageError, with the file, for what is no loss scale.
    """
    return _read(file, options, ())


def _read(file: Path, options: Mapping[str, Path], above: tuple[Path, ...]) -> dict[str, Any]:
    if file in above:
        raise UsageError(f"{file}: its defaults list comes back to itself")
    said = _mapping(file)
    if faults := list(_faults(said)):
        raise UsageError("\n  ".join(f"{file}: {fault}" for fault in faults))
    own, found = {key: value for key, value in said.items() if key != "defaults"}, dict[str, Any]()
    names = [_name(entry, file) for entry in said.get("defaults", [])]
    for name in names if "_self_" in names else [*names, "_self_"]:
        if name != "_self_" and name not in options:
            raise UsageError(f"{file}: defaults: no loss scale {name!r}.{did_you_mean(name, options)}")
        found = merged(found, own if name == "_self_" else _read(options[name], options, (*above, file)))
    if (theirs := found.pop("file", None)) is not None:
        found = merged({"name": Path(theirs).stem, **read_swift_file(str(theirs))}, found)
    return found


def _mapping(file: Path) -> dict[Any, Any]:
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: no YAML: {' '.join(str(error).split())}") from error
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise UsageError(f"{file}: a loss scale is a YAML with name: and fields: (see conf/loss_scale/react.yaml)")
    return said


def _faults(said: Mapping[Any, Any]) -> Iterator[str]:
    for key in said:
        if key not in _KEYS:
            yield f"no key {key!r}.{did_you_mean(str(key), _KEYS)}"
    if not isinstance(said.get("defaults", []), list):
        yield "defaults: a list of loss scales is wanted, as [react, _self_]"
    if not isinstance(said.get("name", ""), str):
        yield f"name: {said['name']!r} is no name. Quote it"
    if "${" in str(dict(said)):
        yield "${…} is not resolved here: write the value"


def _name(entry: Any, file: Path) -> str:
    """Return the option that an entry of a defaults list names: react, /loss_scale/react, /loss_scale: react."""
    if isinstance(entry, dict) and list(entry) == [_GROUP]:
        entry = entry[_GROUP]
    if not isinstance(entry, str):
        raise UsageError(f"{file}: defaults: {entry!r} is no loss scale's name. Give a name, as react")
    return entry.removeprefix(f"{_GROUP}/")
