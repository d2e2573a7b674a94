"""The table of formats, the rules that all of them share, and the plain ones: sharegpt and alpaca."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentswift.conversation import Step
from agentswift.errors import RowError, UsageError
from agentswift.formats import FORMATS, detect, find_format
from agentswift.formats.tools import read_tools, schema
from agentswift.formats.turns import Turns
from agentswift.formats.values import parsed

USER, REPLY = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
REACT = "Thought: t\nAction: search\nAction Input: {}"


def rounds(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"from": role, "value": text} for role, text in pairs]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"messages": [USER, REPLY]}, "messages"),
        ({"conversation": [USER, REPLY], "id": "7"}, "messages"),
        ({"messages": '[{"role": "user", "content": "q"}]'}, "messages"),
        ({"messages": [USER, {"role": "assistant", "content": REACT}]}, "react"),
        ({"messages": [USER, {"role": "assistant", "content": "Action: search[x]"}]}, "react"),
        ({"messages": [{"role": "user", "content": REACT}, REPLY]}, "messages"),
        ({"instruction": "q", "output": "Action: finish[x]"}, "react"),
        ({"conversations": rounds(("human", "q"), ("gpt", "a"))}, "sharegpt"),
        ({"conversations": rounds(("system", "# 工具\n\n## 你拥有如下工具："), ("user", "q"))}, "sharegpt"),
        ({"conversations": rounds(("user", "(。你可以使用工具：[a])q"), ("assistant", "a"))}, "agentfabric"),
        ({"instruction": "q", "input": "", "output": "a"}, "alpaca"),
        ({"query": "你是？", "response": "我是{{NAME}}", "tag": "zh"}, "alpaca"),
    ],
)
def test_a_row_is_told_by_its_wording_then_by_its_keys(row: dict[str, Any], name: str) -> None:
    assert detect(row).name == name


@pytest.mark.parametrize(
    "row", [{}, {"question": "q", "answer": "a"}, {"messages": []}, {"messages": [1]}, {"x": None}]
)
def test_a_row_of_no_known_format_says_what_was_seen(row: dict[str, Any]) -> None:
    with pytest.raises(RowError, match="a row of no known format: its keys are") as error:
        detect(row)
    assert error.value.rule == "unknown-format"
    assert ", ".join(row) in str(error.value)


def test_a_format_of_another_name_is_answered_with_the_nearest() -> None:
    assert find_format("ms_agent") is FORMATS["ms_agent"]
    with pytest.raises(UsageError, match=r"no format 'sharegtp'\. Did you mean sharegpt\?"):
        find_format("sharegtp")


def kinds(*steps: Step | str) -> list[tuple[str | None, list[str]]]:
    turns = Turns()
    for step in steps:
        turns.user(step) if isinstance(step, str) else turns.add(step)
    return [(turn.user, [s.kind for s in turn.steps]) for turn in turns.conversation().turns]


CALL, SEEN, SAID = Step(kind="call", tool="f"), Step(kind="observation", text=""), Step(kind="text", text="a")
THOUGHT = Step(kind="thought", text="t")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("q", SAID), [("q", ["text"])]),
        (("q", SAID, "r", CALL, SEEN, SAID), [("q", ["answer"]), ("r", ["call", "observation", "answer"])]),
        (("q", THOUGHT, SAID), [("q", ["thought", "answer"])]),
        (("q", SAID, CALL), [("q", ["thought", "call"])]),
        (("q", "r", SAID), [("q\nr", ["text"])]),
        ((SAID, "q", SAID), [(None, ["text"]), ("q", ["text"])]),
        (("q", CALL, CALL, SEEN, SEEN, "r", SAID), [("q", ["call", "call", *["observation"] * 2]), ("r", ["answer"])]),
        (("q", Step(kind="thought", text=" "), SAID, "r"), [("q", ["text"]), ("r", [])]),
    ],
)
def test_steps_are_cut_into_turns(steps: tuple[Step | str, ...], expected: object) -> None:
    assert kinds(*steps) == expected


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        (("q",), "no-assistant"),
        ((), "no-assistant"),
        (("q", Step(kind="text", text=" \n")), "empty-assistant"),
        (("q", SEEN, SAID), "orphan-observation"),
        (("q", CALL, SEEN, SEEN), "orphan-observation"),
        (("q", CALL, "r", SEEN), "orphan-observation"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_by_rule(steps: tuple[Step | str, ...], rule: str) -> None:
    with pytest.raises(RowError) as error:
        kinds(*steps)
    assert error.value.rule == rule
    assert error.value.fix


def test_sharegpt_calls_stand_in_messages_of_their_own() -> None:
    call = '{"name": "天气", "arguments": {"city": "北京"}}'
    row = {
        "conversations": rounds(("human", "q"), ("function_call", call), ("observation", "晴"), ("gpt", "晴天")),
        "tools": '[{"name": "天气"}]',
        "system": "s",
    }
    read = FORMATS["sharegpt"].read(row)
    assert (read.system, [tool.name for tool in read.tools]) == ("s", ["天气"])
    assert read.steps() == [
        Step(kind="call", tool="天气", arguments={"city": "北京"}),
        Step(kind="observation", text="晴"),
        Step(kind="answer", text="晴天"),
    ]


def test_alpaca_joins_instruction_and_input_and_keeps_history_and_placeholders() -> None:
    row = {"instruction": "译", "input": "hi", "output": "我是<NAME>", "history": "[['a', 'b']]", "system": ""}
    read = FORMATS["alpaca"].read(row)
    assert [(turn.user, turn.steps[0].text) for turn in read.turns] == [("a", "b"), ("译\nhi", "我是<NAME>")]
    assert read.system is None


@pytest.mark.parametrize(
    ("row", "rule", "path"),
    [
        ({"instruction": "q", "input": "i"}, "no-assistant", "$"),
        ({"instruction": "q", "output": ""}, "empty-assistant", "$.output"),
        ({"instruction": ["q"], "output": "a"}, "bad-content", "$.instruction"),
        ({"query": "q", "response": "a", "history": [["x"]]}, "bad-content", "$.history[0]"),
    ],
)
def test_a_bad_alpaca_row_is_refused_at_its_key(row: dict[str, Any], rule: str, path: str) -> None:
    with pytest.raises(RowError) as error:
        FORMATS["alpaca"].read(row)
    assert (error.value.rule, error.value.path) == (rule, path)


STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (None, {"properties": {}}),
        ({"type": "dict", "properties": {"a": {"type": "str, optional"}}}, {"properties": {"a": STRING}}),
        ({"city": {"type": "STRING"}}, {"properties": {"city": STRING}}),
        ('{"properties": {"a": "the city"}}', {"properties": {"a": {"description": "the city"}}}),
        (
            {"properties": {"type": {"type": "List[int]"}}},
            {"properties": {"type": {"type": "array", "items": {"type": "integer"}}}},
        ),
        (
            {"properties": {"a": {"type": ["str", "null"]}, "b": None}},
            {"properties": {"a": {"type": ["string", "null"]}}},
        ),
        (
            {"properties": {"a": {"type": "date", "default": None, "enum": [None], "items": None}}},
            {"properties": {"a": {"format": "date", "default": None, "enum": [None]}}},
        ),
        (
            [{"name": "a", "description": "城市", "required": "True"}, {"name": "b", "required": False, "type": "int"}],
            {"properties": {"a": {"description": "城市"}, "b": {"type": "integer"}}, "required": ["a"]},
        ),
    ],
)
def test_parameters_become_one_json_schema(parameters: Any, expected: dict[str, Any]) -> None:
    assert schema(parameters) == {"type": "object", **expected}
    assert schema(schema(parameters)) == schema(parameters)


def test_tools_are_read_from_every_spelling() -> None:
    bare = {"name": "f", "parameters": {"properties": {"a": STRING}}, "required": ["a"]}
    for spelling in ([bare], [{"type": "function", "function": bare}], str([bare]), bare, [str(bare), None]):
        (tool,) = read_tools(spelling)
        assert tool.parameters == {"type": "object", "properties": {"a": STRING}, "required": ["a"]}
    assert read_tools("[]") == read_tools(None) == read_tools("") == ()


@pytest.mark.parametrize("declared", ["{[", 7, [{"description": "no name"}], [["f"]], [{"name": "f", "parameters": 3}]])
def test_tools_that_cannot_be_read_are_refused(declared: Any) -> None:
    with pytest.raises(RowError) as error:
        read_tools(declared)
    assert error.value.rule == "bad-tools"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("{'a': (1, None), 2: True}", {"a": [1, None], "2": True}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
        (r"{'re': '\d+'}", {"re": r"\d+"}),
    ],
)
def test_values_are_read_as_json_or_as_python_writes_them(text: str, value: object) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize("text", ["", "plain words", '{"a": NaN}', "{1, 2}", "__import__('os')", "[" * 99_999])
def test_text_that_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(text)


KEYS = ["messages", "conversations", "role", "from", "content", "value", "tool_calls", "function", "name", "arguments"]
MORE = ["tools", "parameters", "properties", "required", "type", "system", "output", "instruction", "history", "loss"]
TEXTS = [
    *FORMATS,
    "user",
    "assistant",
    "tool",
    "tool_call",
    "system",
    "{'a': 1}",
    "[1]",
    "Action: f\nAction Input: {}",
    "",
]
odd = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS + MORE), inner, max_size=4),
    max_leaves=12,
)
said = st.lists(st.dictionaries(st.sampled_from(KEYS), odd, max_size=3) | odd, max_size=3)
role = st.sampled_from(["user", "assistant", "tool", "tool_call"])
more = {"tool_calls": odd, "tool_call_id": odd, "loss": odd, "reasoning_content": odd}
some_messages = st.lists(st.fixed_dictionaries({"role": role, "content": odd}, optional=more), max_size=4)
parameters = odd | st.fixed_dictionaries({}, optional={"properties": odd, "required": odd, "type": odd, "schema": odd})
tool = st.fixed_dictionaries({"name": st.just("f")}, optional={"parameters": parameters | st.lists(parameters)})
rows_of_any_kind = st.dictionaries(st.sampled_from(KEYS + MORE), odd, max_size=4) | st.fixed_dictionaries(
    {"messages": said | some_messages}, optional={"tools": odd | st.lists(tool), "system": odd}
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows_of_any_kind)
def test_whatever_a_row_holds_it_is_read_or_refused(row: dict[str, Any]) -> None:
    for layout in FORMATS.values():
        layout.matches(row)
        with suppress(RowError):
            layout.read(row)
