"""Which rows stand together in a sequence of max_length tokens: best fit, the longest first. Numbers alone."""

from collections.abc import Sequence

STRETCH = 1000  # rows packed together where the order of an epoch is to be kept


def packed(lengths: Sequence[int], max_length: int, *, in_order: bool = False) -> list[list[int]]:
    """Return the places of the rows of each sequence; all rows at once, or `in_order` a stretch after the other."""
    if not in_order:
        return _best_fit(range(len(lengths)), lengths, max_length)
    stretches = (range(at, min(at + STRETCH, len(lengths))) for at in range(0, len(lengths), STRETCH))
    return [pack for stretch in stretches for pack in _best_fit(stretch, lengths, max_length)]


def _best_fit(rows: range, lengths: Sequence[int], max_length: int) -> list[list[int]]:
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
