"""Our own look into a model's folder before ms-swift sees it: nothing in it may run, unless the user says so.

ms-swift 4.6 loads models with trust_remote_code=True, runs a pickle named .mdl at trainer start, and imports what an
args.json names as external_plugins. So each is found here first, by name and content, and nothing is executed.
"""

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from agentswift.errors import ModelError

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
# Never loaded by anything here: what Hugging Face's trainer leaves in checkpoints (a resumed run reads the last three
# as plain tensors), and weights in another form where safetensors stand beside them.
_OF_THE_TRAINER = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state*.pth")
_WEIGHTS = ("pytorch_model*.bin", "adapter_model.bin", "consolidated*.pth")
_MARKS = {".mdl", ".msc"}  # modelscope's downloads are marked by pickles of these names
_WORDS = {"tokenizer.json", "vocab.json", "added_tokens.json"}  # megabytes of words; no loader seeks code in them
_PLUGINS = ("external_plugins", "custom_register_path")


def look(folder: Path, trust_remote_code: bool) -> None:
    """Raise ModelError with the files of `folder` that would run code, or have to be unpickled.

    `trust_remote_code` lets the folder's own Python run (auto_map, *.py); pickles and plugins are refused all the same.
    """
    if not (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} is not a model: it has no config.json")
    found = list(findings(folder))
    code = [why for kind, why in found if kind == "code"]
    other = [why for kind, why in found if kind != "code"]
    if other:
        raise ModelError(
            f"{folder} is not loaded: files in it can run code when they are read:\n  " + "\n  ".join(other) + "\n"
            "Take a copy with safetensors and without these files (delete them if you do not need them)"
        )
    if code and not trust_remote_code:
        raise ModelError(
            f"{folder} is not loaded: it brings Python of its own:\n  " + "\n  ".join(code) + "\n"
            "Read it, and if you trust it: model.trust_remote_code=true (export: trust_remote_code=true)"
        )


def findings(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (kind, what) for each file of `folder` that would run: kind is code, pickle or plugin. Nothing is run.

    Two levels deep: no loader looks further down.
    """
    weights = any(folder.glob("*.safetensors"))
    downloaded = _modelscope_cache() in folder.resolve().parents
    for file in sorted((*folder.glob("*"), *folder.glob("*/*"))):
        name = str(file.relative_to(folder))
        if file.suffix == ".py":
            yield "code", f"{name}: Python"
        elif file.suffix == ".json" and file.name not in _WORDS:
            yield from _in_json(file, name)
        elif file.name in _MARKS and not downloaded:
            yield "pickle", f"{name}: a pickle, which modelscope would load"
        elif file.suffix in _PICKLES and not _is_left_alone(file, weights):
            yield "pickle", f"{name}: a pickle" + ("" if weights else ", and no safetensors to take in its place")


def _is_left_alone(file: Path, weights: bool) -> bool:
    known = _OF_THE_TRAINER + (_WEIGHTS if weights else ())
    return any(fnmatch(file.name, pattern) for pattern in known)


def _modelscope_cache() -> Path:
    """Return where modelscope keeps its downloads, which it marks itself; our runs let nothing read the marks."""
    return Path(os.environ.get("MODELSCOPE_CACHE") or "~/.cache/modelscope").expanduser().resolve()


def _in_json(file: Path, name: str) -> Iterator[tuple[str, str]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if file.name in ("config.json", "tokenizer_config.json"):
            raise ModelError(f"{file}: cannot be read as JSON: {str(error)[:200]}") from error
        return
    if not isinstance(content, dict):
        return
    if file.name == "args.json":
        named = {key: content[key] for key in _PLUGINS if content.get(key)}
        if named:
            yield "plugin", f"{name}: names Python to import: {json.dumps(named, ensure_ascii=False)[:200]}"
        return
    for key, value in _named(content, {"auto_map", "custom_pipelines"}):
        yield "code", f"{name}: {key} {json.dumps(value, ensure_ascii=False)[:200]}"


def _named(content: Any, keys: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield every (key, value) with one of `keys`, at any depth: processor configs nest them."""
    waiting = [content]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield from ((k, v) for k, v in here.items() if k in keys and v)
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here
