"""What a layout writes it reads back the same, and what it has no place for it refuses by name."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.errors import RowError
from agentswift.formats import FORMATS
from agentswift.formats.tools import schema
from tests.layout_rows import ROWS
from tests.unit.test_formats_messages import conversations

WRITTEN = [layout for layout in FORMATS.values() if layout.write is not None]
CALL = Step(kind="call", tool="get_weather", arguments={"city": "北京"})
SEEN, SAID = Step(kind="observation", text="晴"), Step(kind="answer", text="晴天")
THOUGHT = Step(kind="thought", text="查")
SCHEMA = schema({"properties": {"city": {"type": "string"}, "day": {"type": "integer"}}, "required": ["city"]})
TOOLS = (Tool(name="get_weather", description="天气", parameters=SCHEMA),)
WHOLE = Conversation(
    turns=(Turn(user="雨？", steps=(THOUGHT, CALL, CALL, SEEN, THOUGHT, SAID)),), tools=TOOLS, system="s"
)


def test_these_layouts_are_written() -> None:
    assert [layout.name for layout in WRITTEN] == ["xlam", "messages", "sharegpt", "alpaca", "openai", "ms_swift"]


def test_ms_swift_rows_have_calls_and_results_in_messages_of_their_own() -> None:
    write = FORMATS["ms_swift"].write
    assert write is not None
    row = write(WHOLE)
    call = {"role": "tool_call", "content": '{"name": "get_weather", "arguments": {"city": "北京"}}'}
    assert row["messages"] == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "雨？"},
        {"role": "assistant", "content": "查"},
        call,
        call,
        {"role": "tool_response", "content": "晴"},
        {"role": "assistant", "content": "<think>\n查\n</think>\n\n晴天"},
    ]
    assert json.loads(row["tools"])[0]["function"]["name"] == "get_weather"


def test_sharegpt_rows_have_parallel_calls_in_one_message() -> None:
    write = FORMATS["sharegpt"].write
    assert write is not None
    row = write(WHOLE)
    call = '{"name": "get_weather", "arguments": {"city": "北京"}}'
    assert row["conversations"] == [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "雨？"},
        {"from": "function_call", "value": f"<think>\n查\n</think>\n\n[{call}, {call}]"},
        {"from": "observation", "value": "晴"},
        {"from": "gpt", "value": "<think>\n查\n</think>\n\n晴天"},
    ]
    assert [tool["name"] for tool in json.loads(row["tools"])] == ["get_weather"]


def test_alpaca_rows_hold_earlier_rounds_as_history() -> None:
    talk = Conversation(
        turns=tuple(Turn(user=f"q{i}", steps=(Step(kind="text", text=f"a{i}"),)) for i in (1, 2)), system="s"
    )
    write = FORMATS["alpaca"].write
    assert write is not None
    row = {"instruction": "q2", "input": "", "output": "a2", "system": "s", "history": [["q1", "a1"]]}
    assert write(talk) == row
    assert FORMATS["alpaca"].read(row) == talk


def test_xlam_rows_say_by_the_type_what_need_not_be_given() -> None:
    write = FORMATS["xlam"].write
    assert write is not None
    row = write(Conversation(turns=(Turn(user="雨？", steps=(CALL,)),), tools=TOOLS))
    assert json.loads(row["tools"])[0]["parameters"] == {
        "city": {"type": "string"},
        "day": {"type": "integer, optional"},
    }
    assert json.loads(row["answers"]) == [{"name": "get_weather", "arguments": {"city": "北京"}}]


PLAIN = Conversation(turns=(Turn(user="q", steps=(SAID,)),))


@pytest.mark.parametrize(
    ("name", "conversation", "what"),
    [
        ("alpaca", WHOLE, "tools"),
        ("alpaca", replace(WHOLE, tools=()), "one answer to each question"),
        ("alpaca", replace(PLAIN, turns=(Turn(user=None, steps=(SAID,)),)), "one answer to each question"),
        ("alpaca", replace(PLAIN, turns=(Turn(user="q", steps=(replace(SAID, train=False),)),)), "a weight of its own"),
        ("alpaca", replace(PLAIN, system=""), "a system prompt that is empty"),
        ("xlam", WHOLE, "one question and its calls"),
        ("xlam", PLAIN, "one question and its calls"),
        ("xlam", replace(WHOLE, turns=(Turn(user="q", steps=(CALL,)),)), "a system prompt"),
        (
            "sharegpt",
            replace(PLAIN, turns=(Turn(user="q", steps=(Step(kind="thought", text="a\n</think>\n\nb"), SAID)),)),
            "<think> tags of its own",
        ),
        (
            "ms_swift",
            replace(PLAIN, turns=(Turn(user="q", steps=(Step(kind="answer", text="<think>a</think>b"),)),)),
            "<think> tags of its own",
        ),
    ],
)
def test_what_a_layout_has_no_place_for_is_refused(name: str, conversation: Conversation, what: str) -> None:
    write = FORMATS[name].write
    assert write is not None
    with pytest.raises(RowError, match=f"the layout has no place for .*{what}") as error:
        write(conversation)
    assert error.value.rule == "not-held"


def holds_back(name: str, conversation: Conversation) -> bool:
    """Check that the layout reads back what it writes; False when it writes nothing."""
    layout = FORMATS[name]
    assert layout.write is not None
    try:
        row = layout.write(conversation)
    except RowError as error:
        return error.rule != "not-held"
    again = layout.read(json.loads(json.dumps(row, ensure_ascii=False)))
    assert again == conversation
    assert [(s.train, s.weight) for s in again.steps()] == [(s.train, s.weight) for s in conversation.steps()]
    return True


@settings(max_examples=100, deadline=None)
@given(conversations())
def test_any_conversation_is_read_back_or_not_written(conversation: Conversation) -> None:
    assert holds_back("messages", conversation)
    assert holds_back("sharegpt", conversation)
    assert holds_back("ms_swift", conversation)
    holds_back("alpaca", conversation)
    holds_back("xlam", conversation)


@settings(max_examples=100, deadline=None)
@given(conversations())
def test_what_alpaca_and_xlam_can_hold_they_read_back(conversation: Conversation) -> None:
    turns = tuple(
        Turn(user=turn.user or "", steps=(Step(kind="text", text=f"a{i}"),))
        for i, turn in enumerate(conversation.turns)
    )
    assert holds_back("alpaca", Conversation(turns=turns, system=conversation.system or None))
    calls = tuple(replace(s, train=True, weight=1.0) for s in conversation.steps() if s.kind == "call")
    if calls:
        assert holds_back("xlam", Conversation(turns=(Turn(user="q", steps=calls),), tools=conversation.tools))


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_any_layout_is_held_by_messages_sharegpt_and_ms_swift(name: str) -> None:
    conversation = FORMATS[name].read(ROWS[name][0])
    for target in ("messages", "sharegpt", "ms_swift"):
        assert holds_back(target, conversation)


word = st.sampled_from(
    ["USER: q", "ASSISTANT: <functioncall> {", "[f(a=1)]", "[f(", "API descriptions:", '"""x"""', ""]
)
odd = st.recursive(
    st.none() | st.integers(0, 1) | word | st.sampled_from([row for row, *_ in ROWS.values()]).map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "type", "role"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a layout's own row with one thing in it changed for another, or taken away."""
    row: Any = json.loads(json.dumps(draw(st.sampled_from([row for row, *_ in ROWS.values()]))))
    inside = whole = row
    while isinstance(inside, dict | list) and inside:
        key = draw(st.sampled_from(sorted(inside) if isinstance(inside, dict) else list(range(len(inside)))))
        if not isinstance(inside[key], dict | list) or draw(st.booleans()):
            inside[key] = draw(odd | st.just(str(inside[key])[: draw(st.integers(0, 400))]))
            break
        inside = inside[key]
    return dict(whole)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoilt())
def test_a_spoilt_row_is_read_or_refused_by_every_layout(row: dict[str, Any]) -> None:
    for layout in FORMATS.values():
        layout.matches(row)
        with suppress(RowError):
            layout.read(row)
