"""What a run's loss scale takes from elsewhere: a file of ms-swift's, and options that it names for single datasets."""

from pathlib import Path
from typing import Any

from agentswift.compose.search_path import Options
from agentswift.errors import UsageError, did_you_mean
from agentswift.schema.groups import LossScale
from agentswift.weights.scale import merged
from agentswift.weights.swift_file import read_swift_file
from agentswift.weights.yaml_file import read_yaml_file

_PLAIN = "flat"  # the option that is chosen where none is named, and weighs nothing by itself


def fill_scale(scale: LossScale, options: Options, chosen: str | None = None) -> None:
    """Put in what `file` says, under what is said beside it, and the options named in by_dataset. Raises UsageError.

    `chosen` is the option that the run's loss scale is made of.
    """
    known = options.files.get("loss_scale", {})
    if scale.file is not None:
        own = known.get(chosen or _PLAIN)
        has_file = chosen != _PLAIN and own is not None and "\nfile:" in f"\n{own.read_text(encoding='utf-8')}"
        if chosen not in (None, _PLAIN) and not has_file:
            raise UsageError(
                f"loss_scale={chosen} beside loss_scale.file={scale.file}: both weigh fields. Give one of them; "
                "single keys go over a file: loss_scale.fields.FIELD=WEIGHT"
            )
        said = merged(read_swift_file(scale.file), {"fields": scale.fields, "labels": scale.labels})
        scale.fields, scale.labels = said["fields"], said["labels"]
        scale.name = Path(scale.file).stem if scale.name == _PLAIN else scale.name
    for dataset, entry in scale.by_dataset.items():
        if isinstance(entry, str):
            scale.by_dataset[dataset] = _option(entry, f"loss_scale.by_dataset.{dataset}={entry}", known)


def _option(name: str, asked: str, known: dict[str, Path]) -> dict[str, Any]:
    """Return the values of conf/loss_scale/NAME.yaml; with a name, so that it stands by itself."""
    if name not in known:
        raise UsageError(f"{asked}: no such loss scale.{did_you_mean(name, known)}")
    return {"name": name, **read_yaml_file(known[name], known)}
