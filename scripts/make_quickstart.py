"""Write the quickstart set: `python -m scripts.make_quickstart [FOLDER]`; the same bytes every time.

Tools, frames and values stand in scripts/quickstart/*.yaml. train.jsonl is in an order of which any first part is a
fair sample.
"""

import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.quickstart.rows import Writer
from scripts.quickstart.talk import fits
from scripts.quickstart.tools import FILES, read_tools
from scripts.quickstart.values import Language, Split

FOLDER = Path(__file__).parent.parent / "registry" / "data" / "quickstart"
SEED = 20
LANGUAGES: tuple[Language, ...] = ("en", "zh")
# Rows in English and in Chinese, by what the row shows.
TRAIN = {
    "one_call": (176, 108),
    "failing_tool": (26, 16),
    "same_tool_twice": (44, 24),
    "two_tools": (16, 10),
    "two_turns": (50, 30),
    "chain": (10, 0),
    "talk": (22, 14),
    "refusal": (26, 18),
    "missing": (50, 30),
}
KNOWN = {
    "one_call": (80, 46),
    "failing_tool": (9, 5),
    "same_tool_twice": (9, 5),
    "two_tools": (5, 5),
    "chain": (2, 2),
    "talk": (6, 4),
    "refusal": (6, 4),
    "missing": (10, 6),
}
UNSEEN = {
    "one_call": (50, 28),
    "failing_tool": (5, 3),
    "same_tool_twice": (4, 3),
    "two_tools": (3, 2),
    "talk": (3, 3),
    "refusal": (5, 4),
    "missing": (8, 5),
}


def write_rows(writer: Writer, kind: str, count: int, seen: set[str]) -> list[dict[str, Any]]:
    """Write `count` rows of a kind that are short enough and ask what no row of `seen` asks."""
    make: Callable[[], dict[str, Any]] = getattr(writer, kind)  # each kind is a method of Writer
    rows: list[dict[str, Any]] = []
    for _ in range(1000 + count * 50):
        if len(rows) == count:
            break
        row = make()
        key = json.dumps([row["tools"], row["messages"][0]], sort_keys=True)
        if key not in seen and fits(row, writer.split):
            seen.add(key)
            rows.append(row)
    if len(rows) < count:
        raise SystemExit(f"only {len(rows)} of {count} rows of {kind} in {writer.language}: give it more frames")
    return rows


def make_split(
    name: str, split: Split, files: Sequence[str], counts: dict[str, tuple[int, int]]
) -> list[dict[str, Any]]:
    """Return the rows of one file, shuffled, with ids."""
    chance = random.Random(f"{SEED} {name}")
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for i, language in enumerate(LANGUAGES):
        writer = Writer(language, split, read_tools(language, *files), chance)
        for kind, count in counts.items():
            rows += write_rows(writer, kind, count[i], seen)
    chance.shuffle(rows)
    return [{"id": f"{name}-{i:04}", **row} for i, row in enumerate(rows)]


def main(folder: Path) -> None:
    """Write the three files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = {
        "train": make_split("train", "train", FILES, TRAIN),
        "known": make_split("known", "held", FILES, KNOWN),
        "unseen": make_split("unseen", "held", ["unseen"], UNSEEN),
    }
    for name, rows in splits.items():
        part = folder / f"{name}.jsonl.part"
        part.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8", newline="\n")
        os.replace(part, folder / f"{name}.jsonl")
        print(f"{folder / name}.jsonl: {len(rows)} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
