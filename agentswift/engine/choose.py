"""Encoded rows → those that a run trains, epoch by epoch, and those that it holds out; what is left over is named."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from agentswift.corpus import over_length, split_aside
from agentswift.engine.prepare import Prepared
from agentswift.errors import DataError
from agentswift.mix import Asked, Mix, Sides, account, divide, plan
from agentswift.rows import Finding
from agentswift.schema.groups import By, Data, SplitBy
from agentswift.weights import Scale


def choose(
    prepared: Prepared,
    data: Data,
    max_length: int,
    share_held_out: float,
    seed: int,
    split_by: SplitBy = SplitBy.row,
    scale: Scale | None = None,
) -> None:
    """Choose the rows of a run: hold out `share_held_out`, leave out over-long ones, then mix by the parts' shares.

    A row held out is never trained, whatever its part's share; which rows they are hangs on the parts' rows and
    `seed` alone, so that `eval` finds the same. `scale` is for shares by weights, those of the first step. Raises
    DataError when nothing is left to train.
    """
    parts = prepared.corpus.parts
    made = any(ledger.made for ledger in prepared.corpus.ledgers.values())
    sides = divide(parts, share_held_out, seed, split_by, made=made)
    starts = dict(zip(parts, accumulate((len(rows) for rows in parts.values()), initial=0), strict=False))
    fitting = {name: _fitting(prepared, name, starts[name], max_length) for name in parts}
    if not any(fitting.values()):
        lengths = prepared.encodings.lengths
        shortest = int(min(lengths, default=0))
        raise DataError(
            f"no row is left: the shortest of {len(lengths)} has {shortest} tokens, max_length={max_length}"
        )
    placed = {name: _placed(prepared, name, starts[name], fitting[name], sides[name]) for name in parts}
    prepared.val = [row for side in placed.values() for row in side.held]
    pool = {name: side.train for name, side in placed.items()}
    asked = _asked(data, pool)
    mass = _mass(prepared, pool, asked.by, scale or Scale({}))
    means = {name: float(np.mean(rows)) if rows else 0.0 for name, rows in mass.items()} if mass else None
    counts = plan({name: len(rows) for name, rows in pool.items()}, asked, means)
    prepared.mix = Mix(pool, counts, seed, data.order.value, mass)
    prepared.train = prepared.mix.epoch(0)
    prepared.account = account(prepared.mix, asked, prepared.encodings.lengths.tolist())


def _asked(data: Data, pool: Mapping[str, Sequence[int]]) -> Asked:
    """Return what the run asks of the parts that were read; a file without a card is a mix of that file alone."""
    parts = {name: data.parts.get(name, 1.0) for name in pool}
    rows = {name: count for name, count in data.rows.items() if name in pool}
    ratios = {name: ratio for name, ratio in data.ratios.items() if name in pool}
    caps = {name: cap for name, cap in data.caps.items() if name in pool}
    return Asked(parts, rows, ratios, caps, data.by, data.size)


def _fitting(prepared: Prepared, name: str, start: int, max_length: int) -> set[int]:
    """Return the rows of a part that have at most `max_length` tokens; the others are counted and named."""
    lengths, fitting = prepared.encodings.lengths, set[int]()
    for index in range(start, start + len(prepared.corpus.parts[name])):
        if lengths[index] <= max_length:
            fitting.add(index)
        else:
            source = prepared.conversations[index].source
            _leave(prepared, name, "over_length", over_length(source, int(lengths[index]), max_length), source.made)
    return fitting


def _placed(prepared: Prepared, name: str, start: int, fitting: set[int], sides: Sides) -> Sides:
    """Return the fitting rows of each side, as numbers of the cache's rows; those that are on neither are named."""
    for at in sides.aside:
        if start + at in fitting:
            source = prepared.conversations[start + at].source
            _leave(prepared, name, "set_aside", split_aside(source), source.made)
    here = ([start + at for at in rows if start + at in fitting] for rows in (sides.train, sides.held))
    return Sides(*here)


def _leave(prepared: Prepared, name: str, column: str, finding: Finding, made: str) -> None:
    """Count a row that was kept so far, or made, as left out."""
    ledger = prepared.corpus.ledgers[name]
    prepared.corpus.findings.append(finding)
    if made:
        ledger.made -= 1
    else:
        ledger.kept -= 1
        setattr(ledger, column, getattr(ledger, column) + 1)


def _mass(prepared: Prepared, pool: Mapping[str, Sequence[int]], by: By, scale: Scale) -> dict[str, list[float]] | None:
    """Return each row's tokens, or the weight of them; None where shares count rows."""
    if by is By.tokens:
        return {name: prepared.encodings.lengths[list(rows)].tolist() for name, rows in pool.items()}
    if by is By.weights:
        return {name: [_weight(prepared, row, scale) for row in rows] for name, rows in pool.items()}
    return None


def _weight(prepared: Prepared, row: int, scale: Scale) -> float:
    table = np.array(scale.table(prepared.encodings.spans(row), prepared.datasets[row]))
    return round(float(table[prepared.encodings.span_ids(row)[1:]].sum()), 3)  # the first token is never trained
