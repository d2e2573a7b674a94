"""What is trained of a conversation: steps masked and left out, tools chosen, rows made. One seed, one result."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.check import check_conversation
from agentswift.conversation import Conversation, Source, Step, Tool, Turn
from agentswift.errors import UsageError
from agentswift.schema.groups import Data, Thoughts
from agentswift.shape import as_given, shaped
from agentswift.shape.disguised import tools_added
from agentswift.shape.shaping import check_kinds
from agentswift.shape.steps import last_turn_only, without_failed_calls, without_thoughts
from agentswift.shape.toolbox import most_tools, unlike, with_tools
from agentswift.shape.unanswerable import argument_missing
from tests.checked import defaults


def tool(name: str, *required: str, description: str = "does it") -> Tool:
    properties = {argument: {"type": "string"} for argument in required}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return Tool(name=name, description=description, parameters=schema)


def call(name: str, **arguments: Any) -> Step:
    return Step(kind="call", tool=name, arguments=arguments)


def seen(text: str) -> Step:
    return Step(kind="observation", text=text)


THINK, ANSWER = Step(kind="thought", text="I use get_weather."), Step(kind="answer", text="Sunny.")
WEATHER = Turn(user="How is the weather in Paris today?", steps=(THINK, call("get_weather", city="Paris"), seen("20")))
TOOLS = (tool("get_weather", "city"), tool("send_mail", "to"), tool("weather_map"), tool("playMusic", "song"))
ROW = Conversation(turns=(replace(WEATHER, steps=(*WEATHER.steps, ANSWER)),), tools=TOOLS)
OTHERS = {t.name: t for t in (tool("book_flight"), tool("translate"), tool("map_route"), tool("Finish"))}


def trained(conversation: Conversation) -> list[bool]:
    return [step.train for step in conversation.steps()]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([call("a"), seen('{"error": "no such city"}'), call("a"), seen("20")], [False, True, True, True]),
        ([call("a"), call("b"), seen("20"), seen("Error: timeout")], [True, False, True, True]),
        ([THINK, call("a"), seen("错误：城市不存在"), ANSWER], [True, False, True, True]),
        ([call("a"), ANSWER, seen("Error: late")], [True, True, True]),
        ([call("a")], [True]),
    ],
)
def test_a_call_that_failed_is_read_and_what_is_made_of_it_is_trained(steps: list[Step], expected: list[bool]) -> None:
    row = Conversation(turns=(Turn(user="?", steps=tuple(steps)),))
    assert trained(without_failed_calls(row)) == expected
    assert without_failed_calls(row) == row  # what is said stays as it was


def test_thoughts_are_left_out_where_something_else_is_said() -> None:
    alone = Turn(user="?", steps=(THINK,))
    kinds = [[s.kind for s in t.steps] for t in without_thoughts(replace(ROW, turns=(*ROW.turns, alone))).turns]
    assert kinds == [["call", "observation", "answer"], ["thought"]]


def test_only_the_last_turn_that_acts_is_trained() -> None:
    row = Conversation(turns=(WEATHER, WEATHER, Turn(user="thanks")))
    assert trained(last_turn_only(row)) == [False] * 3 + [True] * 3


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("given", ["get_weather", "send_mail", "weather_map", "playMusic"]),
        ("sampled 9", ["get_weather", "send_mail", "weather_map", "playMusic"]),
        ("sampled 1", ["get_weather"]),
    ],
)
def test_tools_that_are_called_stay(option: str, names: list[str]) -> None:
    assert [t.name for t in with_tools(ROW, option, random.Random(0)).tools] == names


def test_shuffled_tools_are_the_same_tools() -> None:
    orders = [with_tools(ROW, "shuffled", random.Random(seed)).tools for seed in range(9)]
    assert all(sorted(t.name for t in tools) == sorted(t.name for t in TOOLS) for tools in orders)
    assert any(tools != TOOLS for tools in orders)


@pytest.mark.parametrize("option", ["sample 3", "sampled", "sampled 0", "sampled -1", "none", ""])
def test_an_option_for_tools_that_makes_no_sense_is_answered(option: str) -> None:
    with pytest.raises(UsageError, match="sampled N"):
        most_tools(option)


def test_tools_unlike_others_share_no_word_with_them() -> None:
    assert [t.name for t in unlike(OTHERS, ["weather_map", "get_it"])] == ["book_flight", "translate"]
    assert not unlike({"查天气": tool("查天气")}, ["天气预报"])


def data(**changes: Any) -> Data:
    return replace(defaults(), **changes)


def made(kind: str, rows: Sequence[Conversation], share: float = 1.0, seed: int = 1) -> list[Conversation]:
    out = shaped("part", rows, data(negatives={kind: share}, seed=seed), dict(OTHERS))
    return [c for c in out if c.source.made]


def test_where_the_tool_is_gone_the_agent_says_so_and_nothing_else_is_trained() -> None:
    earlier = Turn(user="Hi", steps=(ANSWER,))
    (one,) = made("tool_removed", [replace(ROW, turns=(earlier, *ROW.turns, WEATHER))])
    assert [t.name for t in one.tools] == ["send_mail", "playMusic"]  # weather_map may well do it
    assert [s.kind for s in one.steps()] == ["answer", "thought", "answer"]
    assert trained(one) == [False, True, True]
    assert one.turns[-1].user == WEATHER.user


def test_where_no_tool_is_left_others_stand_in_its_place() -> None:
    (one,) = made("tool_removed", [replace(ROW, tools=TOOLS[:1])])
    assert 1 <= len(one.tools) <= 3
    assert {t.name for t in one.tools} <= {"book_flight", "translate", "map_route"}


WHAT = "The weather of a city."


@pytest.mark.parametrize(
    ("called", "other", "left"),
    [
        ("tool_1", tool("tool_2"), ["tool_2"]),
        ("getAPI", tool("api2"), ["api2"]),
        ("get", tool("set_by"), ["set_by"]),
        ("tool_1", tool("tool_2", description=WHAT), []),
        ("tool_1", tool("tool_2", description="the weather of a city"), []),
    ],
)
def test_the_tool_called_is_gone_whatever_its_name_and_so_is_one_described_as_it(
    called: str, other: Tool, left: list[str]
) -> None:
    turn = Turn(user="And in Paris?", steps=(call(called, city="Paris"), seen("20"), ANSWER))
    row = Conversation(turns=(turn,), tools=(tool(called, "city", description=WHAT), other))
    (one,) = made("tool_removed", [row])
    assert [t.name for t in one.tools if t.name not in OTHERS] == left


def test_no_tool_is_added_twice_or_beside_one_that_does_the_same() -> None:
    turn = Turn(user="And in Paris?", steps=(call("tool_1", city="Paris"), seen("20"), ANSWER))
    row = Conversation(turns=(turn,), tools=(tool("tool_1", "city", description=WHAT),))
    known = {t.name: t for t in (tool("tool_1"), tool("rain", description=WHAT), tool("tool_2"))}
    one = tools_added(row, known, random.Random(0))
    assert one is not None
    assert sorted(t.name for t in one.tools) == ["tool_1", "tool_2"]


@pytest.mark.parametrize("required", [[["x"]], [{}], True, "x", None, {"x": True}])
def test_what_names_no_argument_is_not_missed(required: Any) -> None:
    schema = {"type": "object", "properties": {"xy": {"type": "string"}}, "required": required}
    row = replace(ROW, tools=(Tool(name="get_weather", parameters=schema),))
    assert argument_missing(row, random.Random(0)) is None


@pytest.mark.parametrize(
    ("request_", "value", "rest"),
    [
        ("How is the weather in Paris today?", "Paris", "How is the weather today?"),
        ("Translate the text to 'French', please", "french", "Translate the text, please"),
        ("北京的天气怎么样？", "北京", "天气怎么样？"),
        ("我要退L-63206，理由是“不需要了”。", "L-63206", "我要退，理由是“不需要了”。"),
        ("Convert 500 USD to Euros", 500, None),  # "Convert USD": which amount is not all that is amiss
        ("贷款期限为60个月。", 60, None),
        ("这部电影叫做《盗梦空间》。", "盗梦空间", None),
        ("I am in Paris and need a park", "Paris", None),
        ("Rain in Paris, snow in Paris?", "Paris", None),
        ("In Paris?", "Paris", None),
        ("Is it on in the hall?", True, None),
    ],
)
def test_an_argument_is_cut_out_where_a_sentence_is_left(request_: str, value: Any, rest: str | None) -> None:
    turn = Turn(user=request_, steps=(call("a", x=value), seen("1"), ANSWER))
    one = argument_missing(Conversation(turns=(turn,), tools=(tool("a", "x"),)), random.Random(0))
    assert (one.turns[-1].user if one else None) == rest


@pytest.mark.parametrize(("user", "asks"), [("How is the weather in Paris?", "city"), ("北京的天气怎么样？", "城市名")])
def test_what_is_missing_is_asked_for_in_the_rows_language(user: str, asks: str) -> None:
    place = "北京" if "北京" in user else "Paris"
    schema = {"type": "object", "properties": {"city": {"description": "城市名，如北京"}}, "required": ["city"]}
    turn = Turn(user=user, steps=(call("w", city=place),))
    one = argument_missing(Conversation(turns=(turn,), tools=(Tool(name="w", parameters=schema),)), random.Random(3))
    assert one is not None
    assert asks in one.turns[-1].steps[-1].text


def test_an_argument_said_before_is_not_missing() -> None:
    row = replace(ROW, turns=(Turn(user="I love Paris", steps=(ANSWER,)), *ROW.turns))
    assert argument_missing(row, random.Random(0)) is None


def test_renamed_tools_are_called_by_their_new_names_wherever_they_stand() -> None:
    (one,) = made("tools_renamed", [ROW])
    names = {old.name: new.name for old, new in zip(TOOLS, one.tools, strict=True)}
    assert not names.keys() & set(names.values())
    assert [t.parameters for t in one.tools] == [t.parameters for t in TOOLS]
    assert one.steps()[0].text == f"I use {names['get_weather']}."
    assert one.steps()[1] == call(names["get_weather"], city="Paris")
    assert one.steps()[2:] == ROW.steps()[2:]


def test_swapped_names_go_round() -> None:
    (one,) = made("names_swapped", [ROW])
    assert sorted(t.name for t in one.tools) == sorted(t.name for t in TOOLS)
    assert all(new.name != old.name for old, new in zip(TOOLS, one.tools, strict=True))
    assert one.steps()[1].tool == one.tools[0].name


@pytest.mark.parametrize("kind", ["tools_renamed", "names_swapped"])
def test_no_tool_is_renamed_whose_name_thoughts_use_as_a_word(kind: str) -> None:
    words = replace(ROW, tools=(tool("weather"), tool("mail")), turns=(
        Turn(user="?", steps=(Step(kind="thought", text="I need the weather."), call("weather"), ANSWER)),
    ))  # fmt: skip
    assert not made(kind, [words])


def test_added_tools_are_unlike_those_there() -> None:
    (one,) = made("tools_added", [ROW])
    added = {t.name for t in one.tools} - {t.name for t in TOOLS}
    assert added
    assert added <= {"book_flight", "translate"}
    assert one.turns == ROW.turns


@pytest.mark.parametrize("kind", ["tool_removed", "argument_missing", "tools_added", "tools_renamed", "names_swapped"])
def test_a_made_row_breaks_no_rule_and_says_what_it_is(kind: str) -> None:
    source = Source(dataset="d", file="f.jsonl", line=3, row=2)
    (one,) = made(kind, [replace(ROW, source=source)])
    assert not [f for f in check_conversation(one) if f.severity == "error"]
    assert one.source == replace(source, made=kind)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 1.0), st.integers(0, 99), st.integers(1, 80))
def test_as_many_rows_are_made_as_asked_and_one_seed_is_one_result(share: float, seed: int, count: int) -> None:
    rows = [replace(ROW, source=Source(row=i)) for i in range(count)]
    out = made("tools_added", rows, share, seed)
    assert abs(len(out) - share * count) <= 1
    assert made("tools_added", rows, share, seed) == out


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"thoughts": Thoughts.drop}, lambda c: "thought" not in [s.kind for s in c.steps()]),
        ({"last_turn_only": True}, lambda c: trained(c) == [True] * 4),
        ({"mask_failed_calls": True}, lambda c: c == ROW),
        ({"tools": "sampled 1"}, lambda c: len(c.tools) == 1),
    ],
)
def test_each_option_reaches_the_rows_and_a_model_is_scored_with_the_tools_given(
    changes: dict[str, Any], expected: Callable[[Conversation], bool]
) -> None:
    asked = data(negatives={"tools_added": 1.0}, **changes)
    out = list(shaped("part", [ROW], asked, dict(OTHERS)))
    assert len(out) == 2
    assert expected(out[0])
    scored = list(shaped("part", [ROW], as_given(asked), {}))
    assert [c.tools for c in scored] == [TOOLS]


def test_a_kind_there_is_not_is_answered() -> None:
    with pytest.raises(UsageError, match=r"data\.negatives\.tool_remove: .*Did you mean tool_removed"):
        check_kinds(["tool_remove"])
