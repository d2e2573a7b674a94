"""Figures of a mix, and the language of a conversation."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.stats import Tally, figures, json_type, language, lengths, quantile

CALL = Step(kind="call", tool="amap_weather", arguments={"location": "朝阳区"})
ANSWER = Step(kind="answer", text="晴")


def said(user: str | None, *steps: Step) -> Conversation:
    return Conversation(turns=(Turn(user=user, steps=steps),))


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("今天天气怎么样？", "zh"),
        ("帮我搜索 InternLM2 Technical Report 这篇论文", "zh"),
        ("What is the weather in Beijing?", "en"),
        ("Translate the character 你 into English, please", "en"),
        ("12 + 30 = ?", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_that_of_the_user(user: str, expected: str) -> None:
    assert language(said(user, Step(kind="text", text="ok"))) == expected


def test_where_no_user_speaks_the_agents_words_tell() -> None:
    assert language(said(None, Step(kind="text", text="你好，我是小助手"))) == "zh"


def test_figures_count_what_is_there() -> None:
    weather = Conversation(
        turns=(Turn(user="北京天气？", steps=(CALL, CALL, ANSWER)), Turn(user="谢谢", steps=(ANSWER,))),
        tools=(Tool(name="amap_weather"), Tool(name="clock")),
    )
    assert figures(iter([weather, said("Hello", Step(kind="text", text="Hi")), said("你好", CALL)])) == {
        "conversations": 3,
        "turns": 4,
        "steps": {"call": 3, "answer": 2, "text": 1},
        "calls": 3,
        "without_calls": 1,
        "tools": 2,
        "called": {"amap_weather": 3},
        "arguments": {"amap_weather": {"location": {"string": 3}}},
        "types": {"string": 3},
        "languages": {"zh": 2, "en": 1},
    }


def test_nothing_has_figures_too() -> None:
    assert figures([])["conversations"] == 0


def test_datasets_counted_apart_and_together_give_the_same() -> None:
    rows = [
        said("a", CALL, ANSWER),
        said("你好", ANSWER),
        said("b", replace(CALL, arguments={"location": None, "n": 1})),
    ]
    parts = Tally()
    for row in rows:
        one = Tally()
        one.add(row)
        parts.update(one)
    assert parts.figures() == figures(rows)
    assert figures(rows)["types"] == {"string": 1, "null": 1, "integer": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "boolean"),
        (1, "integer"),
        (1.5, "number"),
        ("1", "string"),
        (None, "null"),
        ([1], "array"),
        ({}, "object"),
    ],
)
def test_values_have_json_schemas_types(value: object, expected: str) -> None:
    assert json_type(value) == expected


def test_lengths_are_told_by_nearest_rank() -> None:
    found = lengths([5, 1, 2, 3, 4, 100, 6, 7, 8, 9], max_length=8)
    assert found == {
        "rows": 10,
        "tokens": 145,
        "shortest": 1,
        "median": 5,
        "mean": 14.5,
        "p90": 9,
        "p99": 100,
        "longest": 100,
        "over": 2,
    }


@given(st.lists(st.integers(0, 10**6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_a_value_that_its_share_does_not_exceed(values: list[int], share: float) -> None:
    found = quantile(sorted(values), share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-6
    assert sum(v < found for v in values) < share * len(values) + 1e-6
