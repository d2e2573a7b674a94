"""Which rows an epoch is made of, and in which order: a pure function of the plan, the seed and the epoch's number."""

from collections.abc import Mapping

from agentswift.mix.chance import seeded


def order(counts: Mapping[str, int], available: Mapping[str, int], seed: int, epoch: int) -> list[tuple[str, int]]:
    """Return one epoch as (part, row of that part), shuffled: the same for the same numbers, on any machine.

    Each row stands ⌊count / available⌋ times; the rest is a sample without replacement, a new one each epoch. What one
    part gives does not hang on the others.
    """
    drawn: list[tuple[str, int]] = []
    for name, count in counts.items():
        times, rest = divmod(count, available[name]) if count else (0, 0)
        rows = [*range(available[name])] * times + seeded(seed, epoch, name).sample(range(available[name]), rest)
        drawn += [(name, row) for row in rows]
    seeded(seed, epoch, "").shuffle(drawn)
    return drawn
