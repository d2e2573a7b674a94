"""A mix's shares → how many rows each part gives to an epoch."""

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from agentswift.errors import DataError, UsageError, did_you_mean


def plan(available: Mapping[str, int], parts: Mapping[str, float], rows: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows each part gives to an epoch: its share of those `available`, or `rows` of them.

    A share of 2.0 is each row twice; halves are rounded up. A share of 0 leaves the part out. Raises UsageError for a
    number or name that makes no sense, DataError for a part that has no rows and a mix that comes to none.
    """
    for name in rows:
        if name not in parts:
            raise UsageError(
                f"data.rows.{name}: not a part of the mix.{did_you_mean(name, parts, otherwise='Parts: ')}"
            )
    counts = {name: _count(name, available, share, rows.get(name)) for name, share in parts.items()}
    if not any(counts.values()):
        raise DataError("the mix comes to no row: every share is 0")
    return counts


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
