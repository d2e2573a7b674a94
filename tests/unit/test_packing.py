"""Best-fit packing: every row once, nothing over max_length, and hardly a token left empty on real data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentswift.engine.packing import STRETCH, fill, packed


@given(st.lists(st.integers(1, 40), max_size=200), st.booleans())
def test_each_row_stands_in_one_sequence_that_holds_it(lengths: list[int], in_order: bool) -> None:
    packs = packed(lengths, 40, in_order=in_order)
    assert sorted(row for pack in packs for row in pack) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in pack) <= 40 for pack in packs)


@given(st.lists(st.integers(1, 12), max_size=60))
def test_a_row_goes_where_it_leaves_the_least_room(lengths: list[int]) -> None:
    rooms: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [room for room in rooms if room >= length]
        if fitting:
            rooms.remove(min(fitting))
        rooms.append((min(fitting) if fitting else 12) - length)
    assert sorted(12 - sum(lengths[row] for row in pack) for pack in packed(lengths, 12)) == sorted(rooms)


def test_in_order_rows_stay_with_those_around_them_and_one_sequence_alone_is_not_full() -> None:
    lengths = [3 + n % 4 for n in range(3 * STRETCH + 5)]
    packs = packed(lengths, 20, in_order=True)
    assert all(max(pack) - min(pack) < 2 * STRETCH for pack in packs)
    assert len(packs) <= len(packed(lengths, 20)) + 2


@pytest.mark.parametrize("order", [True, False])
def test_what_is_filled_is_said(order: bool) -> None:
    sequences = len(packed([5, 5, 4, 6, 9], 10, in_order=order))
    assert fill([5, 5, 4, 6, 9], 10, sequences) == (
        "packed: 5 rows in 3 sequences of 10, 96.7 % of their tokens filled"
    )
