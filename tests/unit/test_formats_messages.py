"""messages: what ms-swift and OpenAI write is read, and what we write is read back the same."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.errors import RowError
from agentswift.formats.messages import read, write
from agentswift.formats.tools import schema

USER = {"role": "user", "content": "q"}
TEXT = {"role": "assistant", "content": "a"}


def call(tool: str = "f", **arguments: object) -> Step:
    return Step(kind="call", tool=tool, arguments=arguments)


def seen(text: str) -> Step:
    return Step(kind="observation", text=text)


def asked(arguments: object, name: str = "f", **more: object) -> dict[str, object]:
    return {"function": {"name": name, "arguments": arguments}, **more}


ANSWER, THOUGHT = Step(kind="answer", text="a"), Step(kind="thought", text="t")


@pytest.mark.parametrize(
    ("messages", "steps"),
    [
        ([USER, TEXT], [Step(kind="text", text="a")]),
        (
            [
                USER,
                {"role": "tool_call", "content": '{"name": "f", "arguments": {"x": 1}}'},
                {"role": "tool_response", "content": "r"},
            ],
            [call(x=1), seen("r")],
        ),
        ([USER, {"role": "tool_call", "content": {"name": "f", "arguments": "{'x': 1}"}}], [call(x=1)]),
        ([USER, {"role": "assistant", "content": None, "tool_calls": [asked('{"x": 1}')]}], [call(x=1)]),
        ([USER, {"role": "assistant", "content": "t", "tool_calls": [asked({"x": 1})]}], [THOUGHT, call(x=1)]),
        ([USER, {"role": "assistant", "content": "\n\n", "tool_calls": [asked("")]}], [call()]),
        ([USER, {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}], [call()]),
        (
            [USER, {"role": "assistant", "content": "t"}, {"role": "tool_call", "content": '{"name": "f"}'}],
            [THOUGHT, call()],
        ),
        ([USER, {**TEXT, "reasoning_content": "t"}], [THOUGHT, ANSWER]),
        ([USER, {"role": "assistant", "content": "", "reasoning_content": "t"}, TEXT], [THOUGHT, ANSWER]),
        ([USER, {"role": "assistant", "content": [{"type": "text", "text": "a"}]}], [Step(kind="text", text="a")]),
        (
            [
                USER,
                {
                    "role": "assistant",
                    "content": [{"type": "reasoning", "value": "t"}, {"type": "tool_call", "value": '{"name": "f"}'}],
                },
                {"role": "tool", "content": {"ok": "是"}},
            ],
            [THOUGHT, call(), seen('{"ok": "是"}')],
        ),
        (
            [
                USER,
                {"role": "assistant", "tool_calls": [asked({}, "f", id="1"), asked({}, "g", id="2")]},
                {"role": "tool", "tool_call_id": "2", "content": "of g"},
                {"role": "tool", "tool_call_id": "1", "content": "of f"},
            ],
            [call("f"), call("g"), seen("of f"), seen("of g")],
        ),
    ],
)
def test_steps_are_read(messages: list[dict[str, Any]], steps: list[Step]) -> None:
    assert read({"messages": messages}).steps() == steps


def test_a_users_word_behind_a_result_begins_a_turn() -> None:
    said = [USER, {"role": "tool_call", "content": '{"name": "f"}'}, {"role": "tool", "content": "r"}, USER, TEXT]
    assert [len(turn.steps) for turn in read({"messages": said}).turns] == [2, 1]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"loss": False}, (False, 1.0)),
        ({"loss": 0}, (False, 1.0)),
        ({"loss": 1, "loss_scale": 2.5}, (True, 2.5)),
        ({"loss": "true"}, (True, 1.0)),
        ({"train": False}, (False, 1.0)),
        ({"training": False}, (False, 1.0)),
        ({"loss": None, "training": "true"}, (True, 1.0)),
        ({"loss": True, "train": False}, (False, 1.0)),
        ({"weight": 0}, (True, 0.0)),
        ({"loss": None, "tool_calls": None}, (True, 1.0)),
    ],
)
def test_a_messages_own_loss_is_kept(flags: dict[str, object], expected: tuple[bool, float]) -> None:
    (step,) = read({"messages": [USER, {**TEXT, **flags}]}).steps()
    assert (step.train, step.weight) == expected


@pytest.mark.parametrize(
    ("row", "rule", "path"),
    [
        ({"question": "q"}, "no-messages", "$"),
        ({"messages": [USER]}, "no-assistant", "$"),
        ({"messages": []}, "no-assistant", "$"),
        ({"messages": ["hello"]}, "bad-message", "$.messages[0]"),
        ({"messages": [USER, {"role": "asistant", "content": "a"}]}, "unknown-role", "$.messages[1].role"),
        ({"conversations": [{"from": "usr", "value": "q"}]}, "unknown-role", "$.conversations[0].from"),
        ({"messages": [{"content": "q"}]}, "unknown-role", "$.messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}, TEXT]}, "bad-content", "$.messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image"}]}, TEXT]},
            "bad-content",
            "$.messages[0].content[0]",
        ),
        ({"messages": [USER, {"role": "assistant", "content": ""}]}, "empty-assistant", "$.messages[1].content"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "empty-assistant", "$.messages[1].content"),
        ({"messages": [USER, TEXT, {"role": "system", "content": "s"}]}, "system-not-first", "$.messages[2].content"),
        ({"messages": [USER, {"role": "tool", "content": "r"}, TEXT]}, "orphan-observation", "$.messages[1].content"),
        ({"messages": [USER, {"role": "tool_call", "content": "f(x)"}]}, "bad-call", "$.messages[1].content"),
        (
            {"messages": [USER, {"role": "tool_call", "content": '{"arguments": {}}'}]},
            "bad-call",
            "$.messages[1].content",
        ),
        (
            {"messages": [USER, {"role": "assistant", "tool_calls": [asked("x=1")]}]},
            "bad-arguments",
            "$.messages[1].content",
        ),
        (
            {"messages": [USER, {"role": "assistant", "tool_calls": [asked("[1]")]}]},
            "bad-arguments",
            "$.messages[1].content",
        ),
        ({"messages": [USER, {"role": "assistant", "tool_calls": "f("}]}, "bad-call", "$.messages[1].content"),
        ({"messages": [USER, {**TEXT, "loss": 3}]}, "bad-loss", "$.messages[1]"),
        ({"messages": [USER, {**TEXT, "train": "maybe"}]}, "bad-loss", "$.messages[1]"),
        ({"messages": [USER, {**TEXT, "loss_scale": -1}]}, "bad-loss", "$.messages[1]"),
        ({"messages": [USER, TEXT], "tools": "{"}, "bad-tools", "$.tools"),
    ],
)
def test_a_bad_message_is_refused_where_it_stands(row: dict[str, Any], rule: str, path: str) -> None:
    with pytest.raises(RowError) as error:
        read(row)
    assert (error.value.rule, error.value.path) == (rule, path)
    assert error.value.fix


def test_an_unknown_role_is_answered_with_the_nearest() -> None:
    with pytest.raises(RowError, match=r"unknown role 'asistant'\. Did you mean assistant"):
        read({"messages": [USER, {"role": "asistant", "content": "a"}]})


def test_calls_are_written_as_openai_has_them() -> None:
    steps = (THOUGHT, call(城市="北京"), seen("晴"), THOUGHT, ANSWER)
    tools = (Tool(name="f", parameters=schema(None)),)
    row = write(Conversation(turns=(Turn(user="q", steps=steps),), system="s", tools=tools))
    function = {"name": "f", "arguments": '{"城市": "北京"}'}
    assert row["messages"] == [
        {"role": "system", "content": "s"},
        USER,
        {
            "role": "assistant",
            "content": "t",
            "tool_calls": [{"id": "call_0", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_0", "content": "晴"},
        {"role": "assistant", "content": "a", "reasoning_content": "t"},
    ]
    assert row["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


texts = st.text(st.characters(codec="utf-8"), max_size=8)
words = texts.filter(str.strip)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda v: st.lists(v, max_size=2), max_leaves=3
)
flags = {"train": st.booleans(), "weight": st.sampled_from([1.0, 1.0, 0.0, 2.5])}
thoughts = st.builds(Step, kind=st.just("thought"), text=words, **flags)
answers = st.builds(Step, kind=st.just("answer"), text=words, **flags)
calls = st.builds(Step, kind=st.just("call"), tool=words, arguments=st.dictionaries(texts, values, max_size=2), **flags)
results = st.builds(Step, kind=st.just("observation"), text=texts, **flags)


@st.composite
def steps_of_a_turn(draw: st.DrawFn) -> tuple[Step, ...]:
    """Draw rounds of thoughts, parallel calls and at most as many results, then an answer or none."""
    steps: list[Step] = []
    for _ in range(draw(st.integers(0, 2))):
        asked = draw(st.lists(calls, min_size=1, max_size=2))
        steps += [*draw(st.lists(thoughts, max_size=2)), *asked, *draw(st.lists(results, max_size=len(asked)))]
    ending = [*draw(st.lists(thoughts, max_size=1)), *draw(st.lists(answers, max_size=2))]
    return (*steps, *(ending or ([] if steps else [draw(answers)])))


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    turns = [Turn(user=draw(texts), steps=draw(steps_of_a_turn())) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):
        turns[0] = Turn(user=None, steps=turns[0].steps)
    tool = Tool(name=draw(words), description=draw(texts), parameters=schema({"properties": {"a": {"type": "string"}}}))
    return Conversation(turns=tuple(turns), system=draw(st.none() | texts), tools=(tool,))


@settings(max_examples=150, deadline=None)
@given(conversations())
def test_what_is_written_is_read_back_the_same(conversation: Conversation) -> None:
    again = read(json.loads(json.dumps(write(conversation), ensure_ascii=False)))
    assert again == conversation
    assert [(s.train, s.weight) for s in again.steps()] == [(s.train, s.weight) for s in conversation.steps()]
