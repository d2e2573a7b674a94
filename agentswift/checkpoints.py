"""What a checkpoint says of itself: agentswift.json, written last, so that a folder which has it is whole.

Nothing else in a checkpoint is believed: ms-swift's args.json can name code to import, and is never read.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from agentswift.agent_templates.thinking import THINKING
from agentswift.errors import CheckpointError, did_you_mean
from agentswift.files import write_json
from agentswift.redact import scrub_file, without_keys

MANIFEST = "agentswift.json"
_NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of agentswift.json: how a checkpoint was trained, what to read it with, and its files."""

    step: int  # optimizer steps done
    model: str  # the base: id on a hub, or folder
    revision: str | None = None  # of the base, as the run pinned it
    model_type: str  # ms-swift's
    template: str  # the chat template, ms-swift's name
    agent_template: str
    loss_scale: dict[str, Any]  # as weights.Scale.json has it; the first checkpoints say name and fields alone
    tuner_type: str
    torch_dtype: str
    max_length: int  # tokens
    system: str | None  # of conversations that had none
    config_hash: str
    data_fingerprint: str
    world_size: int  # ranks
    versions: dict[str, str | None]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # name → {"bytes", "sha256"}
    merged: bool = False  # whole weights, no adapter
    run: str = ""  # the training run's folder, whose report.html later scores go into
    created: str = ""  # ISO 8601, UTC
    thinking: str = "keep"  # schema.groups.Thinking


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write FOLDER/agentswift.json with size and SHA-256 of every other file; the last thing done to a checkpoint.

    Before that the secrets go out of ms-swift's args.json (its own mask knows `_token` only). Raises CheckpointError
    for a link that leads out of the folder, and OutputError.
    """
    if (args := folder / "args.json").is_file():
        scrub_file(args)
    files = {name: _facts(folder / name) for name in _names(folder)}
    created = manifest.created or datetime.now(timezone.utc).isoformat(timespec="seconds")
    system = None if manifest.system is None else without_keys(manifest.system)
    write_json(folder / MANIFEST, asdict(replace(manifest, system=system, files=files, created=created)))


def read_manifest(folder: Path) -> Manifest:
    """Return what agentswift.json in `folder` says, its types checked. Raises CheckpointError.

    The files themselves are not looked at: `verify` does that.
    """
    file = _existing(folder) / MANIFEST
    if not file.is_file():
        raise CheckpointError(f"{folder} is not a checkpoint of agentswift: it has no {MANIFEST}.{_candidates(folder)}")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{file} cannot be read: {error}. Take another checkpoint; this one is damaged."
        ) from error
    return _checked(file, values)


def verify(folder: Path, *, hashes: bool = True) -> list[str]:
    """Return how the files in `folder` differ from its manifest, one line a file; none when it holds.

    Without `hashes` only presence and size are compared, which takes no time. Raises CheckpointError as read_manifest.
    """
    return [
        said for name, facts in read_manifest(folder).files.items() if (said := _differs(folder, name, facts, hashes))
    ]


def find_checkpoint(path: str | Path) -> Path:
    """Return the checkpoint that `path` means: itself, or of a run's folder the best, else the newest that is whole.

    Best is what run.json, or else the newest trainer_state.json, records; only its name is believed, within the
    folder. Raises CheckpointError when there is none, or the best is damaged.
    """
    folder = _existing(Path(path))
    if (folder / MANIFEST).exists():
        return folder
    found = _checkpoints(folder)
    best = _best(folder, found)
    if best and (wrong := _wrong(best)):
        raise CheckpointError(
            f"{best}, the best of the run, is damaged: {wrong}. Give another checkpoint by its folder."
        )
    newest = best or next((checkpoint for checkpoint in found if not _wrong(checkpoint)), None)
    if newest is None:
        damaged = "".join(f"\n  {checkpoint.name}: {_wrong(checkpoint)}" for checkpoint in found)
        where = f"No checkpoint in it is whole:{damaged}" if found else "Give a checkpoint-N folder, or a run's folder."
        raise CheckpointError(f"{folder} is not a checkpoint of agentswift, nor a run that has one. {where}")
    return newest


def _existing(folder: Path) -> Path:
    if "\0" in str(folder):
        raise CheckpointError(f"checkpoint={str(folder)!r}: a name cannot hold a NUL character.")
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CheckpointError(f"{folder} is a file, not the folder of a checkpoint. Try {folder.parent}.")
    beside = [str(p) for p in folder.parent.iterdir() if p.is_dir()] if folder.parent.is_dir() else []
    raise CheckpointError(f"there is no folder {folder}.{did_you_mean(str(folder), beside, otherwise='Beside it: ')}")


def _checkpoints(folder: Path) -> list[Path]:
    """Return checkpoint-N folders, newest first; a link that leads elsewhere is none."""
    numbered = [(int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    inside = [(n, path) for n, path in numbered if path.is_dir() and path.resolve().parent == folder.resolve()]
    return [path for _, path in sorted(inside, reverse=True)]


def _best(folder: Path, found: list[Path]) -> Path | None:
    for file in (folder / "run.json", *(checkpoint / "trainer_state.json" for checkpoint in found[:1])):
        try:
            recorded = json.loads(file.read_text(encoding="utf-8")).get("best_model_checkpoint")
        except (OSError, ValueError, AttributeError):
            continue
        for checkpoint in found:
            if isinstance(recorded, str) and checkpoint.name == PurePosixPath(recorded).name:
                return checkpoint
    return None


def _wrong(checkpoint: Path) -> str:
    try:
        return "; ".join(verify(checkpoint, hashes=False))
    except CheckpointError as error:
        return str(error)


def _candidates(folder: Path) -> str:
    inside = [path.name for path in _checkpoints(folder) if (path / MANIFEST).exists()]
    if inside:
        return f" Nearest candidates in it: {', '.join(inside)}."
    return " Give a checkpoint-N folder that agentswift trained, or the folder of its run."


def _names(folder: Path) -> Iterator[str]:
    """Yield the files in a checkpoint, in order, but for the manifest and half-written ones."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name == MANIFEST or name.endswith(".part"):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise CheckpointError(f"{path} is a link that leads out of the checkpoint. Put the file itself there.")
        yield name


def _facts(file: Path) -> dict[str, Any]:
    with file.open("rb") as content:
        digest = hashlib.sha256()
        while block := content.read(1 << 20):
            digest.update(block)
    return {"bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def _differs(folder: Path, name: str, facts: Mapping[str, Any], hashes: bool) -> str:
    file = folder / name
    if not file.is_file():
        return f"{name} is missing"
    if not file.resolve().is_relative_to(folder.resolve()):
        return f"{name} leads out of the checkpoint"
    if (size := file.stat().st_size) != facts["bytes"]:
        return f"{name} has {size} bytes, not {facts['bytes']}"
    return f"{name} has other content (SHA-256 differs)" if hashes and _facts(file) != facts else ""


def _checked(file: Path, values: Any) -> Manifest:
    if not isinstance(values, dict):
        raise CheckpointError(f"{file} holds {type(values).__name__}, not an object. Take another checkpoint.")
    values = {"thinking": "keep", **values}  # what the first checkpoints did, which do not say
    known = {f.name: get_type_hints(Manifest)[f.name] for f in fields(Manifest)}
    for name in values.keys() - known.keys():
        near = did_you_mean(name, known)
        raise CheckpointError(f"{file}: unknown field {name!r}.{near} A newer agentswift may have written it.")
    if missing := [name for name in known if name not in values]:
        raise CheckpointError(f"{file}: {', '.join(missing)} missing. Take another checkpoint; this one is damaged.")
    for name, value in values.items():
        _expect(file, f"$.{name}", value, known[name])
    if values["thinking"] not in THINKING:
        raise CheckpointError(f"{file}: $.thinking is {values['thinking']!r}, not one of {', '.join(THINKING)}.")
    _expect(file, "$.loss_scale.fields", values["loss_scale"].get("fields"), dict[str, float])
    for name, facts in values["files"].items():
        if "\0" in name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise CheckpointError(f"{file}: $.files: {name!r} is not a file of the checkpoint.")
        _expect(file, f"$.files.{name}.bytes", facts.get("bytes"), int)
        _expect(file, f"$.files.{name}.sha256", facts.get("sha256"), str)
    return Manifest(**values)


def _expect(file: Path, path: str, value: Any, hint: Any) -> None:
    if not _fits(value, hint):
        wanted = getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint)
        raise CheckpointError(f"{file}: {path} is {json.dumps(value, ensure_ascii=False)[:80]}, not {wanted}.")


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if get_origin(hint) is dict:
        keys, items = get_args(hint)
        return isinstance(value, dict) and all(_fits(k, keys) and _fits(v, items) for k, v in value.items())
    if get_args(hint):  # X | None
        return any(_fits(value, one) for one in get_args(hint))
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, NoneType if hint is None else hint)
