"""What a run's loss scale takes from elsewhere: a file of ms-swift's, and options that it names for single datasets."""

from pathlib import Path
from typing import Any

import yaml

from agentswift.compose.search_path import Options
from agentswift.errors import UsageError, did_you_mean
from agentswift.schema.groups import LossScale
from agentswift.weights.scale import merged
from agentswift.weights.swift_file import read_swift_file


def fill_scale(scale: LossScale, options: Options) -> None:
    """Put in what `file` says, under what is said beside it, and the options named in by_dataset. Raises UsageError."""
    if scale.file is not None:
        said = merged(read_swift_file(scale.file), {"fields": scale.fields, "labels": scale.labels})
        scale.name, scale.fields, scale.labels = Path(scale.file).stem, said["fields"], said["labels"]
    for dataset, entry in scale.by_dataset.items():
        if isinstance(entry, str):
            scale.by_dataset[dataset] = _option(entry, f"loss_scale.by_dataset.{dataset}={entry}", options)


def _option(name: str, asked: str, options: Options) -> dict[str, Any]:
    """Return the values of conf/loss_scale/NAME.yaml, those of its defaults list under its own."""
    known = options.files.get("loss_scale", {})
    if name not in known:
        raise UsageError(f"{asked}: no such loss scale.{did_you_mean(name, known)}")
    values = yaml.safe_load(known[name].read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for under in values.pop("defaults", []):
        if under != "_self_":
            found = merged(found, _option(str(under), f"{known[name]}: {under}", options))
    return merged(found, values)
