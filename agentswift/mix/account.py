"""What a mix was asked for beside what an epoch comes to, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.mix.draw import Mix
from agentswift.mix.plan import Asked
from agentswift.schema.groups import By

NEAR_ENOUGH = 0.005  # of what was asked


@dataclass(frozen=True)
class Line:
    """One part: what it gives to an epoch, asked and got in the same measure (see `unit`)."""

    dataset: str
    available: int  # rows
    rows: int
    tokens: int
    unit: str  # "passes", "rows", "per row", or "of rows", "of tokens", "of weights": then asked and got are shares
    asked: float
    got: float

    @property
    def off(self) -> float:
        """How far `got` is from `asked`, as a share of it."""
        return abs(self.got - self.asked) / self.asked if self.asked else 0.0

    @property
    def cells(self) -> list[str]:
        """The line as a table shows it."""
        asked, got = (_shown(number, self.unit) for number in (self.asked, self.got))
        return [
            self.dataset,
            f"{self.available:,}",
            f"{self.rows:,}",
            f"{self.tokens:,}",
            asked,
            got,
            f"{self.off:.2%}",
        ]


COLUMNS = ("dataset", "available", "rows", "tokens", "asked", "got", "off")


def account(mix: Mix, asked: Asked, lengths: Sequence[int], epoch: int = 0) -> list[Line]:
    """Return a line a part; `lengths` is the tokens of each row that the pool numbers."""
    place = {row: (name, at) for name, rows in mix.pool.items() for at, row in enumerate(rows)}
    tokens, mass, rows = (dict.fromkeys(mix.pool, 0.0) for _ in range(3))
    for row in mix.epoch(epoch):
        name, at = place[row]
        rows[name] += 1
        tokens[name] += lengths[row]
        mass[name] += mix.mass[name][at] if mix.mass else 1
    shared = asked.shared
    whole, shares = sum(mass[name] for name in shared), sum(shared.values())
    base = sum(rows[name] for name in shared)
    lines = []
    for name in asked.parts:
        if name in asked.rows:
            unit, want, got = "rows", float(asked.rows[name]), rows[name]
        elif name in asked.ratios:
            unit, want, got = "per row", asked.ratios[name], rows[name] / base if base else 0.0
        elif asked.by is By.passes:
            unit, want, got = "passes", shared[name], rows[name] / max(1, len(mix.pool[name]))
        else:
            unit, want, got = f"of {asked.by.value}", shared[name] / shares, mass[name] / whole if whole else 0.0
        lines.append(Line(name, len(mix.pool[name]), int(rows[name]), int(tokens[name]), unit, want, got))
    return lines


def far_off(lines: Sequence[Line]) -> list[str]:
    """Say of each part that is not as asked, by more than half a percent, why it is not."""
    return [
        f"{line.dataset}: {line.off:.1%} off what was asked: {_reason(line)}"
        for line in lines
        if line.off > NEAR_ENOUGH
    ]


def _reason(line: Line) -> str:
    if line.got < line.asked * 0.9:
        return f"data.caps or the size of the epoch leave it {line.rows:,} rows"
    return f"{line.rows:,} rows are too few to come nearer"


def _shown(number: float, unit: str) -> str:
    return f"{100 * number:.2f} % {unit}" if unit.startswith("of ") else f"{number:g} {unit}"
