"""Scores of one generation against a table made by hand, and what must hold of any."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentswift.agent_templates.spans import Problem
from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.score import FIGURES, Score, first_generation, language_of, score_step, summarize

TOOLS = (Tool(name="weather"), Tool(name="路线"))
BROKEN = Problem("unparsable", "no JSON")


def call(tool: str, **arguments: Any) -> Step:
    return Step(kind="call", tool=tool, arguments=arguments)


def said(text: str) -> Step:
    return Step(kind="answer", text=text)


def score(expected: list[Step], predicted: list[Step], *problems: Problem) -> Score:
    return score_step(expected, predicted, problems, TOOLS)


GOLD = call("weather", city="北京", days=2)
SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 2.5, "", "1", "京"])
JSON = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from("xy"), SCALARS, max_size=2))
CALLS = st.lists(
    st.builds(
        Step,
        kind=st.just("call"),
        tool=st.sampled_from(["weather", "路线"]),
        arguments=st.dictionaries(st.sampled_from("abc"), JSON, max_size=3),
    ),
    max_size=3,
)
# The machine may be busy, which says nothing about the strategy.
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("predicted", "exact", "name", "f1"),
    [
        ([GOLD], 1, 1, 1),
        ([Step(kind="thought", text="hm"), call("weather", days=2.0, city="北京")], 1, 1, 1),
        ([call("weather", city="北京", days=3)], 0, 1, 0.5),
        ([call("weather", city="北京")], 0, 1, 2 / 3),
        ([call("weather", city="北京", days=2, unit="C")], 0, 1, 0.8),
        ([call("weather", city="北京", days="2")], 0, 1, 0.5),
        ([call("路线", city="北京", days=2)], 0, 0, 0),
        ([GOLD, GOLD], 0, 0, 2 / 3),
        ([said("晴")], 0, 0, 0),
        ([], 0, 0, 0),
    ],
)
def test_a_call_is_scored(predicted: list[Step], exact: float, name: float, f1: float) -> None:
    scored = score([GOLD], predicted)
    assert (scored["exact_call"], scored["tool_name"]) == (exact, name)
    assert scored["argument_f1"] == pytest.approx(f1)
    assert scored["no_call"] is scored["wrong_call"] is None
    assert scored["missed_call"] == (not any(s.kind == "call" for s in predicted))


@pytest.mark.parametrize(
    ("expected", "predicted", "exact"),
    [
        ({"a": True}, {"a": 1}, 0),
        ({"a": 0}, {"a": False}, 0),
        ({"a": 1}, {"a": 1.0}, 1),
        ({"a": {}}, {"a": []}, 0),
        ({"a": None}, {}, 0),
        ({"a": [1, 2]}, {"a": [2, 1]}, 0),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, 1),
        ({"a": {"0": "x"}}, {"a": ["x"]}, 0),
        ({}, {}, 1),
    ],
)
def test_arguments_are_compared_as_json(expected: dict[str, Any], predicted: dict[str, Any], exact: float) -> None:
    assert score([call("weather", **expected)], [call("weather", **predicted)])["exact_call"] == exact


@pytest.mark.parametrize(
    ("predicted", "problems", "no_call", "wrong_call"),
    [
        ([said("没有合适的工具。")], (), 1, 0),
        ([said("Which city?")], (Problem("stray_text", ""),), 1, 0),
        ([said(" ")], (), 0, 0),
        ([said("<tool_call>{")], (BROKEN,), 0, 0),
        ([GOLD], (), 0, 1),
    ],
)
def test_no_call_asks_for_words(
    predicted: list[Step], problems: tuple[Problem, ...], no_call: float, wrong_call: float
) -> None:
    scored = score([said("gold")], predicted, *problems)
    assert (scored["no_call"], scored["wrong_call"]) == (no_call, wrong_call)
    assert scored["exact_call"] is scored["tool_name"] is scored["argument_f1"] is scored["missed_call"] is None


def test_a_good_call_beside_a_broken_one_is_not_exact() -> None:
    scored = score([GOLD], [GOLD], BROKEN)
    assert (scored["valid_format"], scored["exact_call"]) == (0, 0)


def test_a_made_up_tool_counts_only_where_tools_are_declared() -> None:
    assert score([GOLD], [call("forecast")])["made_up_tool"] == 1
    assert score([said("x")], [GOLD])["made_up_tool"] == 0
    assert score_step([GOLD], [call("forecast")], (), ())["made_up_tool"] is None


@given(CALLS)
@QUICK
def test_a_perfect_prediction_scores_one(calls: list[Step]) -> None:
    steps = [*calls] if calls else [said("x")]
    for copy in (steps, [_again(step) for step in steps]):
        scored = score(steps, copy)
        good = [scored[k] for k in ("valid_format", "exact_call", "tool_name", "argument_f1", "no_call")]
        assert {v for v in good if v is not None} == {1.0}
        assert not any((scored["missed_call"], scored["wrong_call"], scored["made_up_tool"]))


@given(CALLS.filter(bool), CALLS.filter(bool))
@QUICK
def test_argument_f1_is_symmetric_bounded_and_one_only_for_the_same_calls(a: list[Step], b: list[Step]) -> None:
    there, back = score(a, b), score(b, a)
    assert there["argument_f1"] is not None
    assert 0 <= there["argument_f1"] <= 1
    assert there["argument_f1"] == back["argument_f1"]
    assert (there["argument_f1"] == 1) == bool(there["exact_call"])


def _again(step: Step) -> Step:
    """The same step by way of JSON, keys in reverse."""
    arguments = json.loads(json.dumps(dict(reversed(list(step.arguments.items())))))
    return Step(kind=step.kind, text=step.text, tool=step.tool, arguments=arguments)


SEEN = Step(kind="observation", text="晴")


@pytest.mark.parametrize(
    ("turns", "left", "expected"),
    [
        ([("q", [GOLD, SEEN, said("晴")]), ("r", [said("x")])], [("q", [])], [GOLD]),
        ([("q", [GOLD, call("路线"), SEEN, SEEN, said("晴")])], [("q", [])], [GOLD, call("路线")]),
        ([("q", [said("hi")]), ("r", [GOLD])], [("q", [])], [said("hi")]),
        ([("p", []), ("q", [GOLD])], [("p", []), ("q", [])], [GOLD]),
        ([(None, [SEEN, said("晴")])], [(None, [SEEN])], [said("晴")]),
        ([("q", [])], [("q", [])], []),
    ],
)
def test_a_conversation_is_cut_before_the_first_generation(
    turns: list[tuple[str | None, list[Step]]], left: list[tuple[str | None, list[Step]]], expected: list[Step]
) -> None:
    prompt, steps = first_generation(conversation(turns))
    assert (prompt, list(steps)) == (conversation(left), expected)


def conversation(turns: list[tuple[str | None, list[Step]]]) -> Conversation:
    return Conversation(
        turns=tuple(Turn(user=user, steps=tuple(steps)) for user, steps in turns), system="s", tools=TOOLS
    )


def test_the_language_is_the_user_s() -> None:
    assert language_of(conversation([("weather in 北京?", [])])) == "zh"
    assert language_of(conversation([("weather?", [said("晴")]), (None, [])])) == "en"


def test_rates_are_over_the_rows_they_apply_to() -> None:
    scores = [
        score_step([GOLD], [GOLD], (), TOOLS, language="zh", case="one_call"),
        score_step([GOLD], [call("rain")], (), TOOLS, language="en", case="one_call"),
        score_step([said("x")], [GOLD], (BROKEN,), TOOLS, language="en", case="no_tool"),
        score_step([said("x")], [said("y")], (), (), language="en"),
    ]
    summary = summarize(scores)
    expected = {"rows": 4, "calls": 2, "no_call_rows": 2, "tool_rows": 3, "valid_format": 0.75, "exact_call": 0.5}
    expected |= {"tool_name": 0.5, "argument_f1": 0.5, "missed_call": 0, "no_call": 0.5, "wrong_call": 0.5}
    assert {k: summary[k] for k in expected} == expected
    assert summary["made_up_tool"] == pytest.approx(1 / 3)
    assert set(summary["by_language"]) == {"en", "zh"}
    assert summary["by_language"]["zh"]["exact_call"] == 1
    assert summary["by_language"]["zh"]["no_call"] is None
    assert {k: v["rows"] for k, v in summary["by_case"].items()} == {"one_call": 2, "no_tool": 1}
    json.dumps(summary, allow_nan=False)


def test_no_rows_have_no_rates() -> None:
    summary = summarize([])
    assert summary["rows"] == 0
    assert {summary[figure] for figure in FIGURES} == {None}
    assert "by_case" not in summary
