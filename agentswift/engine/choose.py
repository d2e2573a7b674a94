"""Encoded rows → those that a run trains, epoch by epoch, and those that it holds out; what is left over is named."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from agentswift.engine.fitting import Fitter, Fitting, sums
from agentswift.engine.prepare import Prepared
from agentswift.mix import Asked, Mix, Sides, account, divide, plan
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
    """Choose the rows of a run: hold out `share_held_out`, leave out what does not fit, then mix by the parts' shares.

    What does not fit is what `truncate` did not cut, and what is not trained at all, at either end of a schedule.

    A row held out is never trained, whatever its part's share; which rows they are hangs on the parts' rows and
    `seed` alone, so that `eval` finds the same. `scale` is for shares by weights, those of the first step. Raises
    DataError when nothing is left to train.
    """
    parts = prepared.corpus.parts
    made = any(ledger.made for ledger in prepared.corpus.ledgers.values())
    sides = divide(parts, share_held_out, seed, split_by, made=made)
    starts = dict(zip(parts, accumulate((len(rows) for rows in parts.values()), initial=0), strict=False))
    fitter = Fitter(prepared, max_length, scale or Scale({}))
    fitting = {name: fitter.fitting(name, starts[name], set(sides[name].aside)) for name in parts}
    if not any(fitting.values()):
        raise fitter.nothing()
    placed = {name: _placed(fitting[name], sides[name]) for name in parts}
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


def _placed(fitting: Fitting, sides: Sides) -> Sides:
    """Return the fitting rows of each side, as numbers of the cache's rows."""
    return Sides(*([piece for at in rows for piece in fitting.get(at, ())] for rows in (sides.train, sides.held)))


def _mass(prepared: Prepared, pool: Mapping[str, Sequence[int]], by: By, scale: Scale) -> dict[str, list[float]] | None:
    """Return each row's tokens, or the weight of them; None where shares count rows."""
    if by is By.tokens:
        return {name: prepared.encodings.lengths[list(rows)].tolist() for name, rows in pool.items()}
    if by is By.weights:
        return {name: [round(sums(prepared, row, scale)[0], 3) for row in rows] for name, rows in pool.items()}
    return None
