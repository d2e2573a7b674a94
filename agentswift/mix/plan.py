"""A mix's shares → how many rows each part gives to an epoch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from agentswift.errors import DataError, UsageError, did_you_mean
from agentswift.schema.groups import By


@dataclass(frozen=True)
class Asked:
    """What is asked of a mix, by part: `parts` as `by` says, or exact `rows`, or `ratios` to the parts with a share."""

    parts: Mapping[str, float]
    rows: Mapping[str, int] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)
    by: By = By.passes
    size: int | None = None

    @property
    def shared(self) -> dict[str, float]:
        """The parts that have a share, neither rows nor a ratio, and their shares."""
        return {name: share for name, share in self.parts.items() if name not in {*self.rows, *self.ratios}}


def plan(available: Mapping[str, int], asked: Asked, mass: Mapping[str, float] | None = None) -> dict[str, int]:
    """Return how many rows each part gives to an epoch of those `available`.

    A share of 2.0 is each row twice; halves are rounded up. A share of 0 leaves the part out. Measured by rows, tokens
    or weights, shares are proportions; `mass` is the mean of each part's rows in that measure (1 by rows). Raises
    UsageError for a number or name that makes no sense, DataError for a part without rows and a mix that comes to none.
    """
    for key, names in (("rows", asked.rows), ("ratios", asked.ratios), ("caps", asked.caps)):
        for name in names:
            if name not in asked.parts:
                near = did_you_mean(name, asked.parts, otherwise="Parts: ")
                raise UsageError(f"data.{key}.{name}: not a part of the mix.{near}")
    if asked.by is By.passes:
        counts = {name: _count(name, available, share, None) for name, share in asked.shared.items()}
    else:
        counts = _proportions(available, asked, mass or dict.fromkeys(available, 1.0))
    base = sum(min(count, asked.caps.get(name, count)) for name, count in counts.items())
    counts |= {name: _count(name, available, asked.parts[name], rows) for name, rows in asked.rows.items()}
    counts |= {name: _count(name, available, 1.0, _of_ratio(name, r, base)) for name, r in asked.ratios.items()}
    counts = {name: min(counts[name], asked.caps.get(name, counts[name])) for name in asked.parts}
    if not any(counts.values()):
        raise DataError("the mix comes to no row: every share is 0")
    return counts


def _proportions(available: Mapping[str, int], asked: Asked, mass: Mapping[str, float]) -> dict[str, int]:
    """Return rows by part so that what they come to in `mass` is as the shares; no row twice unless `size` needs it."""
    for name, share in asked.shared.items():
        _count(name, available, min(share, 1.0), 1 if share > 0 else None)  # raises for what makes no sense
    shares = {name: share for name, share in asked.shared.items() if share > 0}
    whole = sum(shares.values())
    room = {name: min(available[name], asked.caps.get(name, available[name])) for name in shares}
    for name in shares:
        if not mass[name] > 0:
            raise DataError(f"data.by={asked.by.value}: the rows of {name} have none, so they can have no share of it")
    size = asked.size or min((room[n] * mass[n] * whole / shares[n] for n in shares), default=0)
    counts = {name: max(1, round(size * share / whole / mass[name])) for name, share in shares.items()}
    return {name: counts.get(name, 0) for name in asked.shared}


def _of_ratio(name: str, ratio: float, base: int) -> int:
    if not 0 <= ratio < math.inf:
        raise UsageError(f"data.ratios.{name}={ratio:g}: must be 0 or more")
    if ratio and not base:
        raise UsageError(f"data.ratios.{name}={ratio:g}: no part has a share that it could be a ratio to")
    return rounded(ratio, base)


def _count(name: str, available: Mapping[str, int], share: float, exact: int | None) -> int:
    key = f"data.parts.{name}={share:g}" if exact is None else f"data.rows.{name}={exact}"
    if name not in available:
        raise UsageError(f"{key}: no such dataset.{did_you_mean(name, available, otherwise='Read: ')}")
    if not math.isfinite(share) or share < 0 or (exact is not None and exact < 0):
        raise UsageError(f"{key}: must be 0 or more")
    if exact == 0 or (exact is None and share == 0):
        return 0
    if not available[name]:
        raise DataError(f"{key}: no row of {name} was kept. agentswift check data={name} says why")
    count = rounded(share, available[name]) if exact is None else exact
    if not count:
        raise UsageError(f"{key}: of {available[name]} rows that is none. Take a larger share, or data.rows.{name}=1")
    return count


def rounded(share: float, rows: int) -> int:
    """Return share × rows, halves up, as people reckon: 0.285 of 100 is 29, though the float lies below 28.5."""
    return int((Decimal(repr(share)) * rows).quantize(Decimal(1), ROUND_HALF_UP))
