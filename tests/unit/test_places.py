"""Which field a token belongs to, by its characters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Field
from agentswift.engine.chat import Mark, Segment
from agentswift.engine.encode import places


def marks(*parts: tuple[str, Field]) -> tuple[str, list[Mark]]:
    text, found = "", []
    for part, field in parts:
        text += part
        found.append(Mark(len(text), field, "", 0, 0, 1.0))
    return text, found


@pytest.mark.parametrize(
    ("parts", "offsets", "expected"),
    [
        pytest.param([("abc", "text")], [(0, 1), (1, 3)], [0, 0], id="one span takes all"),
        pytest.param([("Action:", "label"), (" go", "action")], [(0, 7), (7, 10)], [0, 1], id="a token a span"),
        pytest.param([("a", "thought"), (" b", "action")], [(0, 2), (2, 3)], [0, 1], id="first letter decides"),
        pytest.param([("a ", "thought"), ("b", "action")], [(0, 1), (1, 3)], [0, 1], id="its space does not"),
        pytest.param(
            [("a", "thought"), (" \n", "label"), ("b", "action")], [(0, 1), (1, 3), (3, 4)], [0, 0, 2], id="blank"
        ),
        pytest.param([("\n", "label"), ("b", "action")], [(0, 1), (1, 2)], [0, 1], id="blank at the start"),
        pytest.param([("ab", "action"), ("cd", "observation")], [(0, 3), (3, 4)], [1, 1], id="an observation wins"),
        pytest.param(
            [("ab", "observation"), ("cd", "answer")], [(0, 1), (1, 3), (3, 4)], [0, 0, 1], id="at its end too"
        ),
        pytest.param([("你", "thought"), ("好", "action")], [(0, 1), (0, 1), (1, 2), (1, 2)], [0, 0, 1, 1], id="bytes"),
    ],
)
def test_a_token_takes_the_field_of_its_first_letter(
    parts: list[tuple[str, Field]], offsets: list[tuple[int, int]], expected: list[int]
) -> None:
    assert placed([(*marks(*parts), offsets)]) == [expected]


def placed(cuts: list[tuple[str, list[Mark], list[tuple[int, int]]]]) -> list[list[int]]:
    segments = [Segment(text, tuple(found), generated=True) for text, found, _ in cuts]
    return [at.tolist() for at in places(segments, [offsets for _, _, offsets in cuts])]


PARTS = st.lists(
    st.tuples(
        st.text("a \n你\u3000\x1c", min_size=1, max_size=5), st.sampled_from(["thought", "label", "observation"])
    ),
    min_size=1,
    max_size=6,
)


@given(st.lists(st.tuples(PARTS, st.lists(st.integers(0, 3), max_size=20)), max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_token_at_a_time_gives_the_same(segments: list[tuple[list[tuple[str, Field]], list[int]]]) -> None:
    """Tokens of 0 to 3 characters, now and then one that is a piece of the character before it."""
    cuts = [_cut(*marks(*parts), lengths) for parts, lengths in segments]
    assert placed(cuts) == [one_at_a_time(*cut) for cut in cuts]


def _cut(text: str, found: list[Mark], lengths: list[int]) -> tuple[str, list[Mark], list[tuple[int, int]]]:
    offsets, at = [], 0
    for length in lengths:
        offsets.append((at, min(at + length, len(text))) if length else (max(at - 1, 0), at))
        at = min(at + length, len(text))
    return text, found, offsets


def one_at_a_time(text: str, found: list[Mark], offsets: list[tuple[int, int]]) -> list[int]:
    """The rule of `places`, read out word for word."""
    taken: list[int] = []
    for start, end in offsets:
        first = next((i for i in range(start, end) if not text[i].isspace()), end)
        stands = next((i for i, mark in enumerate(found) if mark.end > start), len(found) - 1)
        place = next((i for i, mark in enumerate(found) if mark.end > first), len(found) - 1)
        if first == end:
            place = taken[-1] if taken else stands
        touched = next((i for i, mark in enumerate(found) if mark.end >= end), len(found) - 1)
        seen = [i for i in range(stands, touched + 1) if found[i].field == "observation"]
        taken.append(seen[0] if seen and end > start else place)
    return taken
