"""Datasets as ms-swift's --dataset names them → parts of a mix: [HF::]ID_OR_NAME_OR_FILE[:SUBSET][#ROWS]."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentswift.cards import Card, Cards
from agentswift.convert.settings import Settings

_WORD = re.compile(r"(?:(?:HF|MS|hf|ms)::)?(?P<id>.+?)(?::(?P<subset>[\w./-]+))?(?:#(?P<rows>\d+))?")
_FILE = re.compile(r".*\.(jsonl?|csv|parquet|arrow|txt)(\.gz|\.zst)?")


def add_datasets(settings: Settings, argument: str, words: Iterable[str], cards: Cards) -> None:
    """Put the datasets into the mix; one with neither card nor file of its own is said."""
    files = []
    for word in words:
        found = _WORD.fullmatch(word)
        name, subset, rows = (found["id"], found["subset"], found["rows"]) if found else (word, None, None)
        if _FILE.fullmatch(name) or Path(name).exists():
            files.append((name, rows))
        elif card := _card(name, subset, cards):
            add_part(settings, argument, card.name, int(rows) if rows else None)
        else:
            settings.lost.append(
                (f"{argument} {word}", "no card has this name or id: write one, then data.parts.NAME=1.0")
            )
    _add_files(settings, argument, files)


def _card(name: str, subset: str | None, cards: Cards) -> Card | None:
    if name in cards:
        return cards[name]
    of_id = [card for card in cards.values() if name in (card.modelscope, card.huggingface)]
    wanted = [card for card in of_id if card.subset == (subset or "default")]
    return wanted[0] if wanted else of_id[0] if len(of_id) == 1 and subset is None else None


def add_part(settings: Settings, argument: str, name: str, rows: int | None = None, note: str = "") -> None:
    """Put a dataset into the mix: each row once, or so many rows."""
    parts: dict[str, Any] = settings.values.setdefault("data.parts", {})
    parts[name] = 1.0
    if rows is not None:
        settings.values.setdefault("data.rows", {})[name] = rows
    of_rows = f", data.rows.{name}: {rows}" if rows is not None else ""
    settings.said.append((f"{argument} {name}", f"data.parts.{name}: 1.0{of_rows}{note}"))


def _add_files(settings: Settings, argument: str, files: list[tuple[str, str | None]]) -> None:
    """A mix holds cards, or one file: a single file that is all there is needs no card."""
    if len(files) == 1 and "data.parts" not in settings.values and files[0][1] is None:
        settings.put(argument, "data.path", files[0][0])
        return
    for name, rows in files:
        then = f"data.parts.NAME=1.0{f' data.rows.NAME={rows}' if rows else ''}"
        why = f"a file within a mix needs a card: agentswift register name=NAME path={name}, then {then}"
        settings.lost.append((f"{argument} {name}", why))
