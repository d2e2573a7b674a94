"""Which field a token belongs to, by its characters."""

import pytest

from agentswift.conversation import Field
from agentswift.engine.chat import Mark
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
    text, found = marks(*parts)
    assert places(text, found, offsets) == expected
