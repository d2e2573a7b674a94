"""dataset_info.json of LLaMA-Factory or ms-swift → dataset cards, and what of it a card cannot say."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os.path import relpath
from pathlib import Path
from typing import Any

from agentswift.cards import HUB_ID, NAME, Cards
from agentswift.errors import DataError
from agentswift.formats.chat import ROLES

# LLaMA-Factory's names of columns → ours.
_COLUMNS = {"prompt": "instruction", "query": "input", "response": "output", "messages": "conversations"}
_SAME_COLUMNS = ("history", "system", "tools")
_TAGS = {  # its names of roles → the role each must stand for here
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "observation",
    "function_tag": "call",
    "system_tag": "system",
}
_FORMATS = {"alpaca": "alpaca", "sharegpt": "sharegpt", "openai": "messages"}
_PREFERENCES = "chosen and rejected answers: supervised fine-tuning has one answer"
_CANNOT = {  # keys of an entry of which no card can be made
    "ranking": _PREFERENCES,
    "script_url": "a script would have to run",
    "cloud_file_name": "a file in a cloud's store: fetch it, then agentswift register",
}
_CANNOT_COLUMNS = dict.fromkeys(("images", "videos", "audios"), "the data is not text alone") | dict.fromkeys(
    ("chosen", "rejected", "kto_tag"), _PREFERENCES
)


@dataclass
class Listed:
    """The cards as the values of their YAML, what of an entry was left out, and the entries that became none."""

    cards: list[dict[str, Any]] = field(default_factory=list)
    partly: list[tuple[str, str]] = field(default_factory=list)  # entry, what is left out of its card
    lost: list[tuple[str, str]] = field(default_factory=list)  # entry, why there is no card


def read_list(path: Path, folder: Path, known: Cards) -> Listed:
    """Return the cards of a dataset_info.json, for a file in `folder`; a name that is `known` gets none.

    Raises DataError for a file that is no such list.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON: {error}") from error
    listed = Listed()
    if isinstance(entries, Mapping) and all(isinstance(entry, Mapping) for entry in entries.values()):
        made = [(name, _of_llamafactory(name, entry, path, folder, listed)) for name, entry in entries.items()]
    elif isinstance(entries, list) and all(isinstance(entry, Mapping) for entry in entries):
        made = [named for entry in entries for named in _of_swift(entry, path, folder, listed)]
    else:
        raise DataError(f"{path}: neither LLaMA-Factory's dataset_info.json (an object) nor ms-swift's (a list)")
    taken = {name: card.source for name, card in known.items()}
    for name, card in made:
        if card is None:
            continue
        if card["name"] in taken:
            listed.lost.append((name, f"a card {card['name']} is there already: {taken[card['name']]}"))
            continue
        taken[card["name"]] = name
        listed.cards.append(card | {"facts": path.name})
    return listed


def list_yaml(listed: Listed, source: str) -> str:
    """Return the cards as one file."""
    import yaml

    documents = [yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=1000) for card in listed.cards]
    return f"# From {source}, by agentswift convert.\n" + "---\n".join(documents)


def _of_llamafactory(
    name: str, entry: Mapping[str, Any], path: Path, folder: Path, listed: Listed
) -> dict[str, Any] | None:
    columns, tags = entry.get("columns") or {}, entry.get("tags") or {}
    layout = _FORMATS.get(str(entry.get("formatting", "alpaca")))
    for why in _obstacles(entry, columns, tags, layout):
        listed.lost.append((name, why))
        return None
    card = {"name": _safe(name), "format": "messages" if tags.get("role_tag") == "role" else layout}
    card |= _ids(name, {ours: entry.get(theirs) for theirs, ours in _PLACES}, listed)
    if file := "" if "modelscope" in card or "huggingface" in card else entry.get("file_name"):
        card["path"] = relpath(path.parent / file, folder)
    if not card.keys() & {"modelscope", "huggingface", "path"}:
        listed.lost.append((name, "no place that a card can name: no file, no id on ModelScope or Hugging Face"))
        return None
    card |= {key: str(entry[key]) for key in ("subset", "split") if entry.get(key)}
    if entry.get("folder"):
        card["files"] = f"{entry['folder']}/*"
    named = {str(theirs): _COLUMNS.get(ours, ours) for ours, theirs in columns.items()}
    card |= _renamed(named, skip=("messages", "conversation"))
    if entry.get("num_samples"):
        listed.partly.append((name, f"num_samples: data.rows.{card['name']}={entry['num_samples']} says it"))
    for key in entry.keys() - _READ:
        listed.partly.append((name, f"{key}: a card has no such fact"))
    return card


_PLACES = (("ms_hub_url", "modelscope"), ("hf_hub_url", "huggingface"))
_READ = {"file_name", "formatting", "columns", "tags", "subset", "split", "folder", "num_samples", "hf_hub_url"} | {
    "ms_hub_url",
    *_CANNOT,
}


def _obstacles(
    entry: Mapping[str, Any], columns: Mapping[str, Any], tags: Mapping[str, Any], layout: str | None
) -> Iterator[str]:
    """Yield why an entry cannot be a card."""
    for key, why in _CANNOT.items():
        if entry.get(key):
            yield f"{key}: {why}"
    for column in columns:
        if column in _CANNOT_COLUMNS:
            yield f"columns.{column}: {_CANNOT_COLUMNS[column]}"
        elif column not in (*_COLUMNS, *_SAME_COLUMNS):
            yield f"columns.{column}: no format has such a column"
    if layout is None:
        yield f"formatting: {entry.get('formatting')}: {', '.join(_FORMATS)} are known"
    elif layout == "alpaca" and columns and "response" not in columns:
        yield "columns: no response: text to go on with, which has no assistant"
    for tag, word in tags.items():
        if (tag in _TAGS and ROLES.get(str(word)) != _TAGS[tag]) or word not in _SPELLINGS.get(tag, (word,)):
            yield f"tags.{tag}: {word}: no format reads messages so spelt"


_SPELLINGS = {"role_tag": ("role", "from"), "content_tag": ("content", "value")}


def _of_swift(
    entry: Mapping[str, Any], path: Path, folder: Path, listed: Listed
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield (name, card) of each subset."""
    places = {"modelscope": entry.get("ms_dataset_id"), "huggingface": entry.get("hf_dataset_id")}
    name = str(entry.get("dataset_name") or next(filter(None, places.values()), entry.get("dataset_path") or ""))
    if not name:
        listed.lost.append(("an entry without id or path", "a card must say where the data is"))
        return
    subsets = entry.get("subsets") or ["default"]
    for subset in [s if isinstance(s, Mapping) else {"subset": s} for s in subsets]:
        merged = {**entry, **subset}
        word = str(subset.get("name") or subset.get("subset") or "default")
        said = name if len(subsets) == 1 else f"{name}:{word}"
        yield said, _swift_card(said, merged, _ids(said, places, listed), path, folder, listed)


def _swift_card(
    said: str, entry: Mapping[str, Any], places: Mapping[str, str], path: Path, folder: Path, listed: Listed
) -> dict[str, Any] | None:
    columns = {str(k): str(v) for k, v in (entry.get("columns") or {}).items() if v not in ("_", "-")}
    if beyond := sorted(set(columns.values()) & _BEYOND):
        listed.lost.append((said, f"columns: {', '.join(beyond)}: supervised fine-tuning on text has no such thing"))
        return None
    if not places and not entry.get("dataset_path"):
        listed.lost.append((said, "no place that a card can name"))
        return None
    # ms-swift finds a row's layout out by itself, and so does a card that says auto.
    card: dict[str, Any] = {"name": _safe(said.rpartition("/")[2] or said), "format": "auto", **places}
    if entry.get("dataset_path"):
        card["path"] = relpath(path.parent / Path(str(entry["dataset_path"])).expanduser(), folder)
    if (subset := entry.get("subset", "default")) != "default":
        card["subset"] = str(subset)
    splits = [entry["split"]] if isinstance(entry.get("split"), str) else entry.get("split") or ["train"]
    if splits[0] != "train":
        card["split"] = str(splits[0])
    if len(splits) > 1:
        listed.partly.append((said, f"split: {', '.join(map(str, splits[1:]))}: a card has one"))
    card |= _renamed(columns)
    about = [entry.get("help"), ", ".join(map(str, entry.get("tags") or []))]
    card |= {"about": text} if (text := "; ".join(str(word) for word in about if word)) else {}
    for key in sorted(entry.keys() - _READ_OF_SWIFT):
        listed.partly.append((said, f"{key}: a card has no such fact"))
    return card


_BEYOND = {"rejected_response", "rejected_messages", "images", "videos", "audios", "label", "objects"}
_READ_OF_SWIFT = {"ms_dataset_id", "hf_dataset_id", "dataset_path", "dataset_name", "subsets", "subset", "name"} | {
    "split",
    "columns",
    "tags",
    "help",
    "huge_dataset",  # whether it is streamed: here every file is
}


def _ids(said: str, places: Mapping[str, Any], listed: Listed) -> dict[str, str]:
    """Return the ids that a card can hold; one of no owner, as Hugging Face once gave them, it cannot."""
    ids = {hub: str(id_) for hub, id_ in places.items() if id_}
    for hub, id_ in ids.items():
        if not HUB_ID.fullmatch(id_):
            listed.partly.append((said, f"{hub}: {id_}: a card's id is OWNER/NAME"))
    return {hub: id_ for hub, id_ in ids.items() if HUB_ID.fullmatch(id_)}


def _renamed(named: Mapping[str, str], skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the card's `columns`, none where each is called as ours."""
    words = [f"{theirs}={ours}" for theirs, ours in named.items() if theirs != ours and theirs not in skip]
    return {"columns": words} if words else {}


def _safe(name: str) -> str:
    """Return a name that can name a card: what no card's name may hold becomes a hyphen."""
    safe = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-._")[:64] or "dataset"
    return re.sub(r"\.\.+", ".", safe) if NAME.fullmatch(safe) else f"d-{safe}"[:64]
