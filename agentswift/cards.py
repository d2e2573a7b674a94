"""Dataset cards: small YAML facts about a dataset, found by name."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from agentswift.documents import Document, packaged_folder, read_documents, shaped
from agentswift.errors import CardError, OutputError, did_you_mean
from agentswift.files import write_text

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_FORMAT = re.compile(r"[a-z][a-z0-9_]*")
_PYTHON_FORMAT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class Card:
    """Facts about one dataset. In a card's file every field but `name` and `format` may be left out."""

    name: str
    format: str  # a name of formats.FORMATS, auto (told by the first row), or pkg.mod:function in a card of the user's
    modelscope: str = ""  # id, OWNER/NAME
    huggingface: str = ""  # id, OWNER/NAME
    path: str = ""  # a file or folder; absolute once read, beside the card's own file as written
    url: str = ""  # where people get it when no hub has it
    subset: str = "default"
    split: str = "train"
    files: str = ""  # which files of the hub's repository, as a glob; empty: those of the subset and split
    columns: tuple[str, ...] = ()  # THEIRS=OURS: the row's key THEIRS is read as OURS
    license: str = ""
    rows: int = 0  # 0: not known
    languages: tuple[str, ...] = ()
    about: str = ""  # one line
    facts: str = ""  # where the facts above were read
    source: str = ""  # file:line of the card
    trusted: bool = False  # from the user's own folder or an installed plugin: may name Python


class Cards(dict[str, Card]):
    """Cards by name; a miss raises CardError with the nearest names."""

    def __missing__(self, name: str) -> Card:
        raise CardError(f"no dataset {name!r}.{did_you_mean(name, self, otherwise='Registered: ')}")


@dataclass(frozen=True)
class Folder:
    """A place of cards: `trusted` cards may name Python; `confined` ones name only files beside their own."""

    path: Path
    trusted: bool
    confined: bool


def find_cards(folders: Sequence[str], packaged: bool = True) -> Cards:
    """Return every card: ours, the plugins', the user's, and those of `folders`; without `packaged`, the last alone.

    Raises CardError for a folder that cannot be read, a card that is wrong, and two cards of one name.
    """
    cards = Cards()
    for folder in _folders(folders, packaged):
        for document in read_documents(folder.path):
            card = _card(document, folder)
            if card.name in cards:
                raise CardError(
                    f"{card.source}: {card.name!r} is already registered at {cards[card.name].source}. New names only"
                )
            cards[card.name] = card
    return cards


def user_registry() -> Path:
    """Return the folder of the user's own cards, there or not: $XDG_CONFIG_HOME/agentswift/registry."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "agentswift" / "registry"


def save_card(card: Card, folder: Path) -> Path:
    """Write `card` as folder/NAME.yaml, whole or not at all. Raises OutputError where the folder cannot be written."""
    import yaml

    named = {"name": card.name, "format": card.format, "path": card.path, "license": card.license, "about": card.about}
    text = yaml.safe_dump({k: v for k, v in named.items() if v}, sort_keys=False, allow_unicode=True, width=1000)
    file = folder / f"{check_name(card.name)}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}. Give another: registry=[FOLDER]") from error
    write_text(file, text)
    return file


def check_name(name: str, at: str = "name") -> str:
    """Return `name`, which becomes a file's and a folder's name. Raises CardError unless it is safe as one."""
    if not NAME.fullmatch(name) or ".." in name:
        raise CardError(
            f"{at}: {name!r} cannot name a dataset: a letter or digit first, then letters, digits, '-', '_', '.' "
            "(no two dots together), 64 characters at most"
        )
    return name


def _card(document: Document, folder: Folder) -> Card:
    card = shaped(document, Card, source=document.at(), trusted=folder.trusted)
    check_name(card.name, document.at("name"))
    for field in ("modelscope", "huggingface"):
        if (id_ := getattr(card, field)) and not HUB_ID.fullmatch(id_):
            raise CardError(f"{document.at(field)}: {field} must be an id of the form OWNER/NAME, not {id_!r}")
    if not (card.modelscope or card.huggingface or card.path or card.url):
        raise CardError(f"{document.at()}: says not where the data is: give modelscope, huggingface, path or url")
    _check_format(card, document)
    for word in card.columns:
        if not re.fullmatch(r"[^=]+=[^=]+", word):
            raise CardError(f"{document.at('columns')}: a column is THEIRS=OURS, as question=instruction, not {word!r}")
    return replace(card, path=str(_path(card, document, folder))) if card.path else card


def _check_format(card: Card, document: Document) -> None:
    if _FORMAT.fullmatch(card.format):
        return  # whether a format has this name is asked where it is used
    if not _PYTHON_FORMAT.fullmatch(card.format):
        raise CardError(f"{document.at('format')}: format {card.format!r} is neither a name nor pkg.mod:function")
    if not card.trusted:
        raise CardError(
            f"{document.at('format')}: format {card.format!r} is Python, which is taken only from "
            "your own registry folder or an installed plugin"
        )


def _path(card: Card, document: Document, folder: Folder) -> Path:
    base = document.file.parent.resolve()
    path = (base / Path(card.path).expanduser()).resolve()
    if folder.confined and not path.is_relative_to(base):
        raise CardError(f"{document.at('path')}: path {card.path!r} leads out of {base}, which only your own cards may")
    return path


def _folders(folders: Sequence[str], packaged: bool) -> Iterator[Folder]:
    """Yield each place once, though it be named twice."""
    places = [Folder(Path(f).expanduser(), trusted=True, confined=False) for f in folders]
    if packaged:
        user = user_registry()
        own = [Folder(user, trusted=True, confined=False)] if user.is_dir() else []
        places = [Folder(packaged_folder(), trusted=False, confined=True), *_plugins(), *own, *places]
    seen = set[Path]()
    for place in places:
        if (real := place.path.resolve()) not in seen:
            seen.add(real)
            yield place


def _plugins() -> Iterator[Folder]:
    """Yield the registry/ folders of installed plugins; nothing of a plugin is imported."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group="agentswift.plugins"), key=lambda p: p.name):
        package, *rest = point.value.partition(":")[0].split(".")
        spec = find_spec(package)
        for location in spec.submodule_search_locations or () if spec else ():
            folder = Path(location, *rest, "registry")
            if folder.is_dir():
                yield Folder(folder, trusted=True, confined=True)
