"""A mix's shares → rows: exact, seeded, per epoch; a validation split; duplicates told apart."""

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from agentswift.conversation import Conversation, Step
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


def order(counts: Mapping[str, int], available: Mapping[str, int], seed: int, epoch: int) -> list[tuple[str, int]]:
    """Return one epoch as (part, row of that part), shuffled: the same for the same numbers, on any machine.

    Each row stands ⌊count / available⌋ times; the rest is a sample without replacement, a new one each epoch. What one
    part gives does not hang on the others.
    """
    drawn: list[tuple[str, int]] = []
    for name, count in counts.items():
        times, rest = divmod(count, available[name]) if count else (0, 0)
        rows = [*range(available[name])] * times + _random(seed, epoch, name).sample(range(available[name]), rest)
        drawn += [(name, row) for row in rows]
    _random(seed, epoch, "").shuffle(drawn)
    return drawn


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
        held += _random(seed, 0, "split", name).sample(rows, min(_rounded(share, len(rows)), len(rows) - 1))
    if share and not held and n > 1:
        held = [_random(seed, 0, "split").choice(max(groups.values(), key=len))]
    out = set(held)
    return [row for row in range(n) if row not in out], sorted(held)


def fingerprint(conversation: Conversation) -> str:
    """Return what two conversations share exactly when they are equal: weights and sources do not count."""
    said: dict[str, Any] = {
        "system": conversation.system,
        "tools": [[tool.name, tool.description, dict(tool.parameters)] for tool in conversation.tools],
        "turns": [[turn.user, [_said(step) for step in turn.steps]] for turn in conversation.turns],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode("ascii")).hexdigest()


def _said(step: Step) -> list[Any]:
    return [step.kind, step.text, step.tool, dict(step.arguments)]


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
    count = _rounded(share, available[name]) if exact is None else exact
    if not count:
        raise UsageError(f"{key}: of {available[name]} rows that is none. Take a larger share, or data.rows.{name}=1")
    return count


def _rounded(share: float, rows: int) -> int:
    """Return share × rows, halves up, as people reckon: 0.285 of 100 is 29, though the float lies below 28.5."""
    return int((Decimal(repr(share)) * rows).quantize(Decimal(1), ROUND_HALF_UP))


def _random(seed: int, epoch: int, *names: str) -> random.Random:
    digest = hashlib.sha256(json.dumps([seed, epoch, *names]).encode("ascii")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
