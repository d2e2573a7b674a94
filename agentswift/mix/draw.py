"""Which rows an epoch is made of, and in which order: a pure function of the plan, the seed and the epoch's number."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from agentswift.mix.chance import seeded
from agentswift.schema.groups import Order


def order(
    counts: Mapping[str, int],
    available: Mapping[str, int],
    seed: int,
    epoch: int,
    mass: Mapping[str, Sequence[float]] | None = None,
    arrangement: Order = Order.shuffled,
) -> list[tuple[str, int]]:
    """Return one epoch as (part, row of that part): the same for the same numbers, on any machine.

    Each row stands ⌊count / available⌋ times; the rest is a sample without replacement, a new one each epoch. What one
    part gives does not hang on the others. With `mass` (a number a row: its tokens, say) the sample of a part is drawn
    evenly from small rows to large, so that it comes to its share of the whole but for one row of the largest.
    """
    drawn: dict[str, list[tuple[str, int]]] = {}
    for name, count in counts.items():
        times, rest = divmod(count, available[name]) if count else (0, 0)
        chance = seeded(seed, epoch, name)
        sample = _even(mass[name], rest, chance) if mass and rest else chance.sample(range(available[name]), rest)
        drawn[name] = [(name, row) for row in [*range(available[name])] * times + sample]
    return _arranged(drawn, seed, epoch, arrangement)


def _even(mass: Sequence[float], count: int, chance: Random) -> list[int]:
    """Return `count` rows, each as likely as any other but for one exchange: every so-many-th of the rows by mass.

    Neighbours change places before, lest the same rows always come together.
    """
    rows = len(mass)
    ranked = sorted(range(rows), key=lambda row: mass[row])
    width = -(-rows // count)
    for start in range(-chance.randrange(width), rows, width):
        near = ranked[max(0, start) : start + width]
        chance.shuffle(near)
        ranked[max(0, start) : start + width] = near
    first = chance.randrange(rows)
    return _balanced([ranked[(number * rows + first) // count] for number in range(count)], mass, chance)


_CLOSE = 0.001  # of what a part should come to: half a percent is promised
_TRIES = 16


def _balanced(drawn: list[int], mass: Sequence[float], chance: Random) -> list[int]:
    """Exchange one row for one that is not drawn, where that brings the sum nearer to its due."""
    due = len(drawn) * sum(mass) / len(mass)
    over = sum(mass[row] for row in drawn) - due
    taken = set(drawn)
    others = sorted((mass[row], row) for row in range(len(mass)) if row not in taken)
    if abs(over) <= _CLOSE * due or not others:
        return drawn
    swaps: list[tuple[float, int, int]] = []
    for place in chance.sample(range(len(drawn)), min(_TRIES, len(drawn))):
        wanted = mass[drawn[place]] - over
        at = bisect_left(others, (wanted, -1))
        swaps += [(abs(m - wanted), place, row) for m, row in others[max(0, at - 1) : at + 1]]
    left, place, row = min(swaps)
    if left < abs(over):
        drawn[place] = row
    return drawn


def _arranged(
    drawn: Mapping[str, list[tuple[str, int]]], seed: int, epoch: int, arrangement: Order
) -> list[tuple[str, int]]:
    if arrangement is Order.shuffled:
        rows = [row for part in drawn.values() for row in part]
        seeded(seed, epoch, "").shuffle(rows)
        return rows
    placed: list[tuple[float, int, tuple[str, int]]] = []
    for number, (name, part) in enumerate(drawn.items()):
        seeded(seed, epoch, "order", name).shuffle(part)
        for at, row in enumerate(part):
            place = number if arrangement is Order.sequential else (at + 0.5) / len(part)
            placed.append((place, number, row))
    return [row for _, _, row in sorted(placed, key=lambda p: p[:2])]


@dataclass(frozen=True)
class Mix:
    """Everything that decides each epoch's rows; as plain data it goes to the ranks."""

    pool: dict[str, list[int]]  # part → its rows, numbers of whatever the caller numbers
    counts: dict[str, int]  # part → rows an epoch
    seed: int
    order: str = Order.shuffled.value
    mass: dict[str, list[float]] | None = None  # part → of each row in its pool

    def epoch(self, number: int) -> list[int]:
        """Return the rows of an epoch in order."""
        available = {name: len(rows) for name, rows in self.pool.items()}
        drawn = order(self.counts, available, self.seed, number, self.mass, Order(self.order))
        return [self.pool[name][row] for name, row in drawn]

    def json(self) -> dict[str, Any]:
        """Return the mix as `Mix(**values)` takes it."""
        return asdict(self)
