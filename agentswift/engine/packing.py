"""Which rows stand together in a sequence of max_length tokens: best fit, the longest first. Numbers alone."""

from collections.abc import Sequence

STRETCH = 1000  # rows packed together where the order of an epoch is to be kept


def packed(lengths: Sequence[int], max_length: int, *, in_order: bool = False) -> list[list[int]]:
    """Return the places of the rows of each sequence; all rows at once, or `in_order` a stretch after the other.

    The emptiest sequence of a stretch is packed anew with the rows of the next.
    """
    step = STRETCH if in_order else max(1, len(lengths))
    packs: list[list[int]] = []
    carried: list[int] = []
    for at in range(0, len(lengths), step):
        here = _best_fit([*carried, *range(at, min(at + step, len(lengths)))], lengths, max_length)
        carried = here.pop(min(range(len(here)), key=lambda n: sum(lengths[row] for row in here[n])))
        packs += here
    return [*packs, carried] if carried else packs


def _best_fit(rows: Sequence[int], lengths: Sequence[int], max_length: int) -> list[list[int]]:
    """Put each row where it leaves the least room; bit n of `rooms` says that a sequence has room for n tokens."""
    packs: list[list[int]] = []
    by_room: dict[int, list[int]] = {}
    rooms = 0
    for row in sorted(rows, key=lambda row: -lengths[row]):
        if fitting := rooms >> lengths[row]:
            room = lengths[row] + (fitting & -fitting).bit_length() - 1
            pack = by_room[room].pop()
            if not by_room[room]:
                rooms &= ~(1 << room)
        else:
            room, pack = max_length, len(packs)
            packs.append([])
        packs[pack].append(row)
        if left := room - lengths[row]:
            by_room.setdefault(left, []).append(pack)
            rooms |= 1 << left
    return packs


def fill(lengths: Sequence[int], max_length: int, sequences: int) -> str:
    """Return one line: how many sequences, and which share of their tokens is filled."""
    share = 100 * sum(lengths) / (max_length * max(1, sequences))
    return f"packed: {len(lengths)} rows in {sequences} sequences of {max_length}, {share:.1f} % of their tokens filled"
