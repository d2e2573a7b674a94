"""left, right and split keep the tokens that ms-swift keeps under the same names."""

import copy
from typing import Any

import pytest

from agentswift.engine.cut import windows
from agentswift.schema.groups import Truncation
from tests.swift_template import swift_template

TALK = {
    "messages": [
        {"role": "user", "content": "How is the weather today in Paris, in Rome and in Oslo?"},
        {"role": "assistant", "content": "In Paris it rains, in Rome the sun shines, and in Oslo it snows."},
    ]
}


def encoded(strategy: str, max_length: int | None) -> list[dict[str, Any]]:
    template = swift_template()
    template.max_length, template.truncation_strategy = max_length, strategy
    found = template.encode(copy.deepcopy(TALK))
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("strategy", [Truncation.left, Truncation.right, Truncation.split])
@pytest.mark.parametrize("max_length", [7, 20, 1000])
def test_our_windows_are_swifts(strategy: Truncation, max_length: int) -> None:
    (whole,) = encoded("raise", None)
    ids = whole["input_ids"]
    kept = [ids[start:end] for start, end in windows(len(ids), strategy, max_length)]
    theirs = encoded(strategy.value, max_length)
    assert [row["input_ids"] for row in theirs] == kept
    assert all(row["labels"][0] == -100 for row in theirs)
