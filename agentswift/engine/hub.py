"""Models and datasets as folders on this disk: a path, an embedded model, a hub's cache, and only then the network."""

import hashlib
import os
import re
from fnmatch import fnmatch
from pathlib import Path

from agentswift.cards import Card
from agentswift.engine.embedded import EMBEDDED
from agentswift.engine.fetch import HUBS, cached, download
from agentswift.engine.swift_facts import cache_folder
from agentswift.errors import DataError, HubError, ModelError, did_you_mean
from agentswift.models import ModelFacts, find_models

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# Weights in other forms, and pickles: safetensors alone are ever loaded.
_UNWANTED = ["*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.msgpack", "*.h5", "*.onnx", "*.gguf", "original/*"]
_DATA = ["*.jsonl", "*.json", "*.csv", "*.parquet", "*.jsonl.gz", "*.jsonl.zst"]
_SPLITS = {"train", "test", "validation", "valid", "dev", "eval"}
_NO_ROWS = {"dataset_info.json", "dataset_infos.json", "configuration.json", "config.json"}


def model_folder(model: str, hub: str, revision: str | None) -> Path:
    """Return the folder of `model`: a path, "smollm2" or "tiny", a name of ours ("llama3"), or an id OWNER/NAME.

    `hub` is modelscope, huggingface or path; the last asks none. Raises ModelError, or HubError where the hub cannot
    give it.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return path.absolute()
    if model in EMBEDDED:
        return EMBEDDED[model]()
    if path.is_file():
        raise ModelError(f"{model} is a file; a model is a folder with config.json, a tokenizer and safetensors")
    facts = _facts(model)
    if not facts and not _ID.fullmatch(model):
        raise ModelError(f"no model {model!r}: no folder of this path, and no id OWNER/NAME.{_near(model)}")
    id_ = _id_on(hub, facts, model)
    local = "Use a local copy: model.model=/folder"
    if hub == "path":
        raise HubError(f"model {id_}: no folder of this path, and hub=path asks no hub. {local}")
    found = cached(hub, id_, "model", revision)
    if found and _is_whole(found):
        return found
    try:
        return download(hub, id_, "model", revision, None, _UNWANTED)
    except HubError as error:
        near = "" if facts else _near(id_)
        raise HubError(f"model {id_}: {error}.{near} {local}") from error.__cause__


def _facts(model: str) -> ModelFacts | None:
    """Return what we know of a model by our name for it or by its id on either hub."""
    models = find_models()
    by_id = (m for m in models.values() if model.lower() in (m.modelscope.lower(), m.huggingface.lower()))
    return models.get(model) or next(by_id, None)


def _id_on(hub: str, facts: ModelFacts | None, model: str) -> str:
    """Return the id that the hub has the model under: hub=huggingface finds a model named by its ModelScope id."""
    if facts is None:
        return model
    id_ = facts.huggingface if hub == "huggingface" else facts.modelscope
    return id_ or facts.modelscope or facts.huggingface


def _near(model: str) -> str:
    models = find_models().values()
    names = {n for m in models for n in (m.name, m.modelscope, m.huggingface) if n} | EMBEDDED.keys()
    return did_you_mean(model, names, otherwise="Known by name: ") if "/" not in model else _near_id(model, names)


def _near_id(model: str, names: set[str]) -> str:
    """Return the nearest ids for a mistyped one, or nothing: the list of all ids would help nobody."""
    from difflib import get_close_matches

    near = get_close_matches(model, sorted(names), n=3, cutoff=0.8)
    return f" Did you mean {', '.join(near)}?" if near and model not in near else ""


def _is_whole(folder: Path) -> bool:
    """Whether a cached folder holds a model, not just the tokenizer that something once asked for."""
    return (folder / "config.json").exists() and any(folder.glob("*.safetensors"))


def local_copy(card: Card, hub: str) -> Path:
    """Return the file or folder of `card`'s rows. Raises DataError or HubError, with the way to use a local copy."""
    if card.path:
        if not Path(card.path).exists():
            raise DataError(f"dataset {card.name}: no file {card.path} ({card.source or 'data.path'})")
        return Path(card.path)
    ids = {"modelscope": card.modelscope, "huggingface": card.huggingface}
    id_ = ids.get(hub, "") or card.modelscope or card.huggingface
    named = f"dataset {card.name}" + (f" ({id_})" if id_ else "")
    local = "Use a local copy: data.path=FILE, or a card of your own with `path:` (agentswift register)"
    if hub == "path":
        raise HubError(f"{named}: its card has no path, and hub=path asks no hub. {local}")
    if not ids[hub]:
        elsewhere = [f"it is on {HUBS[h]}: hub={h}" for h, other in ids.items() if other]
        elsewhere += [f"get it at {card.url}"] if card.url else []
        raise HubError(f"{named}: {HUBS[hub]} has it not; {', or '.join(elsewhere)}. {local}")
    wanted = [card.files] if card.files else _DATA
    folder = cached(hub, id_, "dataset", None)
    if folder is None or not _files(folder, card):
        try:
            folder = download(hub, id_, "dataset", None, wanted, [])
        except HubError as error:
            raise HubError(f"{named}: {error}. {local}") from error.__cause__
    return _rows(folder, card)


def _rows(folder: Path, card: Card) -> Path:
    """Return the card's one file, or a folder of links to its several."""
    files = _files(folder, card)
    if not files:
        asked = card.files or f"subset {card.subset}, split {card.split}"
        raise DataError(f"dataset {card.name}: {folder} has no data file for {asked} ({card.source})")
    if len(files) == 1:
        return files[0]
    listed = "\n".join(str(f.resolve()) for f in files)
    view = cache_folder() / "data" / f"{card.name}-{hashlib.sha256(listed.encode()).hexdigest()[:16]}"
    view.mkdir(parents=True, exist_ok=True)
    for file in files:
        link = view / "--".join(file.relative_to(folder).parts)
        if not link.exists():
            part = link.with_name(f".{link.name}.{os.getpid()}.part")
            part.symlink_to(file.resolve())
            part.replace(link)
    return view


def _files(folder: Path, card: Card) -> list[Path]:
    """Return the card's files in a hub's folder: those its glob names, else those of its subset and split."""
    names = sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())
    if card.files:
        return [folder / n for n in names if fnmatch(n, card.files)]
    names = [n for n in names if any(fnmatch(n, glob) for glob in _DATA) and n.rsplit("/", 1)[-1] not in _NO_ROWS]
    names = [n for n in names if "/." not in f"/{n}"]
    # Hubs lay them out as subset/split-00000.parquet, subset_split.jsonl and so on.
    words = {n: set(re.split(r"[/._-]", n)) | set(n.split("/")[:-1]) for n in names}
    if card.subset != "default":
        names = [n for n in names if card.subset in words[n] or n.rsplit("/", 1)[-1].startswith(card.subset)]
    told = [n for n in names if card.split in words[n]]
    return [folder / n for n in told or names if told or not words[n] & _SPLITS]
