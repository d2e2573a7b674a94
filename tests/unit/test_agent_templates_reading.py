"""How templates read what models write amiss: understood where it can be, named where it cannot, never raised."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.agent_templates import AGENT_TEMPLATES, find_agent_template, read_turn
from agentswift.agent_templates.spans import Problem
from agentswift.conversation import Step, Tool

TOOLS = [
    Tool(
        name="get_weather",
        parameters={
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    ),
    Tool(name="now", parameters={"type": "object", "properties": {}}),
]
BEIJING = [("get_weather", {"city": "北京"})]


def calls(steps: Sequence[Step]) -> list[tuple[str, object]]:
    return [(step.tool, step.arguments) for step in steps if step.kind == "call"]


def kinds(problems: Sequence[Problem]) -> list[str]:
    return [problem.kind for problem in problems]


@pytest.mark.parametrize("name", ["react_en", "react_zh", "agentfabric_zh", "agentfabric_en", "ms_agent", "toolbench"])
@pytest.mark.parametrize(
    ("text", "expected", "problems"),
    [
        ('Action: get_weather\nAction Input: {"city": "北京"}\nObservation:', BEIJING, []),
        ('Action: get_weather\nAction Input: {"city": "北京"}', BEIJING, []),
        ('Action:get_weather\nAction Input:{"city":"北京"}\n', BEIJING, []),
        ('Action: get_weather\nAction Input: {\n  "city": "北京"\n}\nObservation:', BEIJING, []),
        ('Action：get_weather\nAction Input：{"city": "北京"}', BEIJING, ["repaired"]),
        ('action: get_weather\naction input: {"city": "北京"}\nobservation:', BEIJING, ["repaired"]),
        ('**Action:** get_weather\n**Action Input:** {"city": "北京"}', BEIJING, ["repaired"]),
        ('  Action: get_weather\n  Action_Input: {"city": "北京"}', BEIJING, ["repaired"]),
        ("Action: get_weather\nAction Input: {'city': '北京'}", BEIJING, ["repaired"]),
        ('Action: get_weather\nAction Input: ```json\n{"city": "北京"}\n```\nObservation:', BEIJING, ["repaired"]),
        ('Action: get_weather\nAction Input: "{\\"city\\": \\"北京\\"}"', BEIJING, ["repaired"]),
        ('Action: get_weather\nAction Input: \'{"city": "北京"}\'', BEIJING, ["repaired"]),
        ("Action: get_weather\nAction Input: city=北京", BEIJING, ["repaired"]),
        ('Action: get_weather\nAction Input: the input is {"city": "北京"}', BEIJING, ["repaired"]),
        ('Action: "get_weather"\nAction Input: {"city": "北京"}', BEIJING, ["repaired"]),
        ('Action: `Get_Weather`()\nAction Input: {"city": "北京"}', BEIJING, ["repaired"]),
        ('Action: get_weather\nAction Input: {"city": "北京"} and so on', BEIJING, ["stray_text"]),
        ('Action: get_weather\nAction Input: {"city": "北京"}\nObservation: 晴\nThought: x', BEIJING, ["stray_text"]),
        (
            'Action: get_weather\nAction Input: {"city": "北京"}\nAction: now\nAction Input: {}\nObservation:',
            [*BEIJING, ("now", {})],
            [],
        ),
        ("Action: now\nAction Input:\nObservation:", [("now", {})], ["repaired"]),
        ("Action: now\nObservation:", [("now", {})], ["repaired"]),
        ("Action: get_weather\nAction Input: Beijing please", [("get_weather", {})], ["unparsable"]),
        ('Action: get_weather\nAction Input: {"city": "北', [("get_weather", {})], ["unparsable"]),
        ("Action: get_weather\nAction Input: [1]", [("get_weather", {})], ["unparsable"]),
        ("Action: get_wether\nAction Input: {}", [("get_wether", {})], ["unknown_tool"]),
        ("Action: get_weather\nAction Input: {}", [("get_weather", {})], ["missing_argument"]),
        ('Action: now\nAction Input: {"tz": 8}', [("now", {"tz": 8})], ["unknown_argument"]),
        (
            'Action: get_weather\nAction Input: {"city": "a", "days": true}',
            [("get_weather", {"city": "a", "days": True})],
            ["ill_typed_argument"],
        ),
    ],
)
def test_labelled_calls_are_understood(name: str, text: str, expected: Any, problems: Any) -> None:
    reading = AGENT_TEMPLATES[name].read(text, TOOLS)
    assert calls(reading.steps) == expected
    assert kinds(reading.problems) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('✿FUNCTION✿: get_weather\n✿ARGS✿: {"city": "北京"}\n✿RESULT✿:', []),
        ('✿FUNCTION✿: get_weather\n✿ARGS✿: {"city": "北京"}', []),
        ('✿FUNCTION✿：get_weather\n✿ARGS✿：{"city": "北京"}', ["repaired"]),
        ("✿FUNCTION✿: get_weather\n✿ARGS✿: {'city': '北京'}\n", ["repaired"]),
        ('✿function✿: get_weather\n✿ARGS✿: ```json\n{"city": "北京"}\n```', ["repaired", "repaired"]),
        ("✿FUNCTION✿: get_weather\n✿ARGS✿: city=北京\n✿RESULT✿:", ["repaired"]),
        ('✿FUNCTION✿: get_weather\n✿ARGS✿: {"city": "北京"}\n✿RESULT✿: 晴', ["stray_text"]),
    ],
)
def test_flowered_calls_are_understood(text: str, problems: list[str]) -> None:
    reading = AGENT_TEMPLATES["qwen_zh"].read(text, TOOLS)
    assert calls(reading.steps) == BEIJING
    assert kinds(reading.problems) == problems


BARE = '{"name": "get_weather", "parameters": {"city": "北京"}}'


@pytest.mark.parametrize("name", ["llama3", "openai_json", "native"])
@pytest.mark.parametrize(
    ("text", "expected", "problems"),
    [
        (BARE, BEIJING, []),
        (f"<|python_tag|>{BARE}<|eom_id|>", BEIJING, []),
        (f"{BARE}; {BARE}", BEIJING, ["stray_text"]),
        (f"{BARE}\n{BARE}", BEIJING * 2, []),
        (f"[{BARE}, {BARE}]", BEIJING * 2, []),
        (BARE.replace("parameters", "arguments"), BEIJING, []),
        (BARE.replace('{"city": "北京"}', '"{\\"city\\": \\"北京\\"}"'), BEIJING, []),
        (f'{{"tool_calls": [{{"type": "function", "function": {BARE}}}]}}', BEIJING, []),
        (BARE.replace('"name"', '"type": "function", "function"'), BEIJING, []),
        (BARE.replace('"', "'"), BEIJING, ["repaired"]),
        (f"```json\n{BARE}\n```", BEIJING, ["repaired"]),
        (BARE.replace('{"city": "北京"}', "{}"), [("get_weather", {})], ["missing_argument"]),
        (BARE.replace("get_weather", "no"), [("no", {"city": "北京"})], ["unknown_tool"]),
        (f"{BARE}\n稍等。", BEIJING, ["stray_text"]),
        (f"I say {BARE}", [], []),
    ],
)
def test_bare_calls_are_understood(name: str, text: str, expected: Any, problems: Any) -> None:
    reading = find_agent_template(name).read(text, TOOLS)
    assert calls(reading.steps) == expected
    assert kinds(reading.problems) == problems


@pytest.mark.parametrize(
    ("text", "steps", "problems"),
    [
        ('{"InnerThought": "a", "API": "now", "Arguments": {}}', [("thought", "a"), ("call", "")], []),
        ('{"cot": "a", "Tool": "now", "action_input": "{}"}', [("thought", "a"), ("call", "")], []),
        ("{'thought': 'a', 'action': 'now', 'args': {}}", [("thought", "a"), ("call", "")], ["repaired"]),
        ('{"action": "FinalAction", "args": {"final_answer": "42"}}', [("answer", "42")], []),
        ('{"action": "FinalAction", "args": {"return_type": "give_up"}}', [("call", "")], ["unknown_tool"]),
        ('{"action": "now"}', [("call", "")], ["repaired"]),
        ("It is 42.", [("answer", "It is 42.")], ["stray_text", "unparsable"]),
    ],
)
def test_acts_in_json_are_understood(text: str, steps: Any, problems: Any) -> None:
    reading = AGENT_TEMPLATES["agentflan"].read(text, TOOLS)
    assert [(step.kind, step.text) for step in reading.steps] == steps
    assert kinds(reading.problems) == problems


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Action: Finish\nAction Input: {"return_type": "give_answer", "final_answer": "42"}', "answer"),
        ("Action: Finish\nAction Input: {'final_answer': '42'}\nObservation:", "answer"),
        ('Action: Finish\nAction Input: {"return_type": "give_up_and_restart"}', "call"),
    ],
)
def test_finish_gives_the_answer_unless_it_is_a_tool(text: str, kind: str) -> None:
    template = AGENT_TEMPLATES["toolbench"]
    assert [step.kind for step in template.read(text, TOOLS).steps] == [kind]
    assert [step.kind for step in template.read(text, [*TOOLS, Tool(name="Finish")]).steps] == ["call"]


TAGGED = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "北京"}}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "expected", "problems"),
    [
        (TAGGED, BEIJING, []),
        (f"{TAGGED}\n", BEIJING, []),
        (f"{TAGGED}\n{TAGGED}", BEIJING * 2, []),
        (TAGGED.replace("\n", ""), BEIJING, []),
        (TAGGED.removesuffix("\n</tool_call>"), BEIJING, ["repaired"]),
        (TAGGED.replace('"', "'"), BEIJING, ["repaired"]),
        (TAGGED.replace('{"name', '```json\n{"name').replace("\n</", "\n```\n</"), BEIJING, ["repaired"]),
        (TAGGED.replace('{"city": "北京"}', '"{\\"city\\": \\"北京\\"}"'), BEIJING, []),
        (TAGGED.replace("arguments", "parameters"), BEIJING, []),
        (f"{TAGGED}\n稍等。", BEIJING, ["stray_text"]),
        ('<tool_call>\n{"name": "now"}\n</tool_call>', [("now", {})], ["repaired"]),
        ('<tool_call>\n{"name": "no", "arguments": {}}\n</tool_call>', [("no", {})], ["unknown_tool"]),
        ("<tool_call>\nget_weather\n</tool_call>", [], ["unparsable"]),
        ('<tool_call>\n{"arguments": {}}', [], ["unparsable"]),
    ],
)
def test_tagged_calls_are_understood(text: str, expected: Any, problems: Any) -> None:
    reading = AGENT_TEMPLATES["hermes"].read(text, TOOLS)
    assert calls(reading.steps) == expected
    assert kinds(reading.problems) == problems


@pytest.mark.parametrize(
    ("name", "text", "steps", "problems"),
    [
        ("react_en", "Thought: I know\nFinal Answer: 42", [("thought", "I know"), ("answer", "42")], []),
        ("react_en", "I know.\nFinal Answer: 42", [("thought", "I know."), ("answer", "42")], ["stray_text"]),
        ("react_en", "Thought：好\nFinal Answer：晴", [("thought", "好"), ("answer", "晴")], ["repaired"]),
        ("react_en", "It is 42.", [("answer", "It is 42.")], ["unparsable"]),
        ("react_en", "Thought: a\nAction: b", [("thought", "a\nAction: b")], ["stray_text", "unparsable"]),
        ("react_en", "", [], ["unparsable"]),
        ("agentfabric_zh", "晴。", [("answer", "晴。")], []),
        ("agentfabric_zh", "Action: 大声说话！", [("answer", "Action: 大声说话！")], ["stray_text"]),
        ("hermes", "晴。", [("answer", "晴。")], []),
        ("hermes", "<think>hm</think>\n晴。", [("thought", "hm"), ("answer", "晴。")], []),
        ("hermes", "<think>\n\n</think>\n\n晴。", [("thought", ""), ("answer", "晴。")], []),
    ],
)
def test_words_without_a_call_are_understood(name: str, text: str, steps: Any, problems: Any) -> None:
    reading = AGENT_TEMPLATES[name].read(text, TOOLS)
    assert [(step.kind, step.text) for step in reading.steps] == steps
    assert kinds(reading.problems) == problems


def test_undeclared_tools_are_not_unknown() -> None:
    reading = AGENT_TEMPLATES["react_en"].read('Action: search\nAction Input: {"query": "x"}', [])
    assert calls(reading.steps) == [("search", {"query": "x"})]
    assert reading.problems == ()


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
def test_a_plain_chats_reply_is_text_whatever_it_says(name: str) -> None:
    reading = AGENT_TEMPLATES[name].read("Action: now\nAction Input: {}", [], is_agent=False)
    assert reading.steps == (Step(kind="text", text="Action: now\nAction Input: {}"),)


MARKS = (
    *("Action:", "\nAction: now", "\nAction Input: ", "\nObservation:", "\nFinal Answer:", "<tool_call>", "<think>"),
    *(
        "✿FUNCTION✿: now",
        "\n✿ARGS✿: ",
        "✿RESULT✿:",
        "\n✿RETURN✿:",
        "Response:",
        '"parameters": ',
        '{"thought": ',
        "Finish",
    ),
    *('{"name": ', '"arguments": ', "{", "}", "[", "'", '"', "\\", "\\u12", "=", ",", "```", "\n"),
)


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(MARKS) | st.text(max_size=8),
        max_size=12,
    ).map("".join),
    goes_on=st.booleans(),
)
def test_reading_never_raises(name: str, text: str, goes_on: bool) -> None:
    template = AGENT_TEMPLATES[name]
    steps = template.read(text, TOOLS, after_observation=goes_on).steps
    template.read_observation(text, labelled=goes_on)
    read_turn(template, template.write(steps), TOOLS, True)


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5_000, " " * 100_000, "{'" * 20_000])
def test_reading_endless_text_ends(name: str, text: str) -> None:
    for wrapped in (text, f"Action: now\nAction Input: {text}", f'<tool_call>\n{{"name": "now", "arguments": {text}'):
        AGENT_TEMPLATES[name].read(wrapped, TOOLS)
