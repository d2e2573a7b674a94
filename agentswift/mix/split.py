"""Which rows are held out."""

from collections.abc import Sequence

from agentswift.errors import UsageError
from agentswift.mix.chance import seeded
from agentswift.mix.plan import rounded


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
