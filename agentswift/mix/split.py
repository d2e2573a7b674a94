"""Which rows are held out: any, or all that ask the same question, or all that call the same tools."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agentswift.conversation import Conversation
from agentswift.errors import UsageError
from agentswift.mix.chance import seeded
from agentswift.mix.plan import rounded
from agentswift.mix.words import words
from agentswift.schema.groups import SplitBy


def split(n: int, share: float, seed: int, strata: Sequence[str] | None = None) -> tuple[list[int], list[int]]:
    """Return the indices of `n` rows that train and those held out, each in order.

    Of every stratum (`strata`: one name a row) its share is held out, halves rounded up, and one row at the least over
    all; a row always remains to train. Raises UsageError unless 0 ≤ share < 1.
    """
    if not 0 <= share < 1:
        raise UsageError(f"split={share:g}: a share of the rows, from 0 up to but not 1")
    groups: dict[str, list[int]] = {}
    for row in range(n):
        groups.setdefault(strata[row] if strata else "", []).append(row)
    held: list[int] = []
    for name, rows in groups.items():
        held += seeded(seed, 0, "split", name).sample(rows, min(rounded(share, len(rows)), len(rows) - 1))
    if share and not held and n > 1:
        held = [seeded(seed, 0, "split").choice(max(groups.values(), key=len))]
    out = set(held)
    return [row for row in range(n) if row not in out], sorted(held)


@dataclass
class Sides:
    """The conversations of a part, by place: those trained, those held out, and those that may be neither."""

    train: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    aside: list[int] = field(default_factory=list)


def divide(
    parts: Mapping[str, Sequence[Conversation]], share: float, seed: int, by: SplitBy, *, made: bool = True
) -> dict[str, Sides]:
    """Return the sides of every part of a mix; what was made from a row stands on that row's side.

    By row, `share` of each part is held out, whatever the other parts are. By question, all rows in which the user
    first says the same are on one side, over all parts; by tool, all rows that call it, and a row to be trained that
    only declares a tool of the held-out side is set aside. Raises UsageError unless 0 ≤ share < 1, and where rows hang
    together so that nothing can be held out.
    """
    if by is SplitBy.row or not share:
        return {name: _by_row(rows, share, seed, made) for name, rows in parts.items()}
    groups = _questions(parts) if by is SplitBy.question else _tools(parts)
    held = _held(groups, rounded(share, sum(1 for rows in parts.values() for c in rows if not c.source.made)), seed)
    if not held:
        raise UsageError(
            f"split_by={by.value}: all rows hang together, none can be held out. Take another split_by, or split=0"
        )
    tested = {tool for key in held for row in groups[key] for tool in _called(parts[row[0]][row[1]])}
    out = {row for key in held for row in groups[key]}
    return {name: _sides(name, rows, out, tested if by is SplitBy.tool else set()) for name, rows in parts.items()}


Row = tuple[str, int]  # part, place


def _by_row(rows: Sequence[Conversation], share: float, seed: int, made: bool) -> Sides:
    if not made:
        return Sides(*split(len(rows), share, seed))
    given = [at for at, row in enumerate(rows) if not row.source.made]
    return _sides("", rows, {("", given[at]) for at in split(len(given), share, seed)[1]}, set())


def _sides(name: str, rows: Sequence[Conversation], out: set[Row], tested: set[str]) -> Sides:
    """Put each row where it belongs, those made from it after it."""
    sides, held = Sides(), False
    for at, row in enumerate(rows):
        held = held if row.source.made else (name, at) in out
        known = bool(tested) and not tested.isdisjoint({*_called(row), *(tool.name for tool in row.tools)})
        (sides.held if held else sides.aside if known else sides.train).append(at)
    return sides


def _questions(parts: Mapping[str, Sequence[Conversation]]) -> dict[str, list[Row]]:
    """Return the rows by what the user first says."""
    groups: dict[str, list[Row]] = {}
    for name, at, row in _given(parts):
        asked = next((turn.user for turn in row.turns if turn.user), "")
        groups.setdefault(" ".join(words(asked)) or f"{name} {at}", []).append((name, at))
    return groups


def _tools(parts: Mapping[str, Sequence[Conversation]]) -> dict[str, list[Row]]:
    """Return the rows that call tools, so that two groups have no tool in common; each is named by one of its tools."""
    of: dict[str, str] = {}  # tool → another of its group, itself for the one that names it

    def first(tool: str) -> str:
        while of.setdefault(tool, tool) != tool:
            of[tool] = tool = of[of[tool]]
        return tool

    for _, _, row in _given(parts):
        called = sorted(_called(row))
        for tool in called[1:]:
            of[first(tool)] = first(called[0])
    groups: dict[str, list[Row]] = {}
    for name, at, row in _given(parts):
        if called := sorted(_called(row)):
            groups.setdefault(first(called[0]), []).append((name, at))
    return groups


def _held(groups: Mapping[str, Sequence[Row]], rows: int, seed: int) -> list[str]:
    """Return groups that come to `rows` or little less, by chance; the smallest where none is so small; never all."""
    names = sorted(groups)
    seeded(seed, "split").shuffle(names)
    held, count = list[str](), 0
    for name in names:
        if count + len(groups[name]) <= max(1, rows):
            held.append(name)
            count += len(groups[name])
    if not held and len(groups) > 1:
        held = [min(names, key=lambda name: len(groups[name]))]
    return held if len(held) < len(groups) else held[:-1]


def _given(parts: Mapping[str, Sequence[Conversation]]) -> Iterable[tuple[str, int, Conversation]]:
    return ((n, at, row) for n, rows in parts.items() for at, row in enumerate(rows) if not row.source.made)


def _called(conversation: Conversation) -> set[str]:
    return {step.tool for step in conversation.steps() if step.kind == "call"}
