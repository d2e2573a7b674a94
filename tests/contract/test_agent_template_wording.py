"""Our prompts are ms-swift's, so a model trained by either is served by both."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.engine.chat import chat, segments
from agentswift.engine.swift_facts import chat_templates

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from swift.agent_template import agent_template_map

TOOLS = (
    Tool(
        name="get_weather",
        description='查询天气，支持"城市"与日期。',
        parameters={
            "type": "object",
            "properties": {
                "城市": {"type": "string", "description": "如：北京", "enum": ["北京", "上海"]},
                "days": {"type": "array", "items": {"type": "integer"}, "default": [1, 2]},
            },
            "required": ["城市"],
        },
    ),
    Tool(name="Factorial calculator", description="Compute n! {exactly}.", parameters={}),
    Tool(name="now", parameters={"type": "object", "properties": {}}),
)


def functions(tools: tuple[Tool, ...]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


REACTS = ["react_en", "react_zh", "toolbench"]
QWENS = ["qwen_en", "qwen_zh", "qwen_en_parallel", "qwen_zh_parallel"]


@pytest.mark.parametrize("name", [*REACTS, *QWENS, "hermes"])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("system", [None, "你是{助手}。\nBe brief."])
def test_our_system_text_is_ms_swifts(name: str, count: int, system: str | None) -> None:
    tools = TOOLS[:count]
    theirs = agent_template_map[name]()._format_tools(functions(tools), system)
    forgotten = f"{system}\n\n" if system and name in REACTS else ""  # ms-swift's react drops the row's own prompt
    assert find_agent_template(name).system(system, tools).text == forgotten + theirs


CALLS = [Step(kind="call", tool="get_weather", arguments={"城市": "北京"}), Step(kind="call", tool="now")]
MESSAGES = [
    {"role": "tool_call", "content": json.dumps({"name": step.tool, "arguments": dict(step.arguments)})}
    for step in CALLS
]


def test_our_hermes_calls_and_results_are_ms_swifts() -> None:
    theirs = agent_template_map["hermes"]()
    results = [Step(kind="observation", text="晴"), Step(kind="observation", text="8:00\n")]
    generated, *observed = find_agent_template("hermes").write([*CALLS, *results])
    assert generated.text == theirs._format_tool_calls(MESSAGES)
    assert "".join(piece.text for piece in observed) == theirs._get_tool_responses(
        [{"content": step.text} for step in results]
    )


@pytest.mark.parametrize("name", [*REACTS, *QWENS])
def test_our_labelled_calls_are_ms_swifts_but_for_json(name: str) -> None:
    (piece,) = find_agent_template(name).write(CALLS)
    theirs = agent_template_map[name]()._format_tool_calls(MESSAGES)
    assert piece.text == theirs.replace("{'城市': '北京'}", '{"城市": "北京"}')
    assert "{'城市': '北京'}" in theirs  # when ms-swift writes JSON, this belief goes


@pytest.mark.parametrize("name", [*REACTS, *QWENS])
def test_our_labelled_results_are_ms_swifts(name: str) -> None:
    results = [Step(kind="observation", text="晴"), Step(kind="observation", text="8:00")]
    generated, *observed = find_agent_template(name).write([*CALLS, *results])
    theirs = agent_template_map[name]()._format_tool_responses(
        generated.text, [{"role": "tool", "content": step.text} for step in results]
    )
    assert (generated.text, "".join(piece.text for piece in observed)) == (theirs[0], "".join(theirs[1]))


def test_our_llama3_tools_and_calls_are_ms_swifts() -> None:
    theirs, ours = agent_template_map["llama3"](), find_agent_template("llama3")
    message = {"role": "user", "content": "天气？"}
    assert theirs._format_tools(functions(TOOLS), "Be brief.", message) == ours.system("Be brief.", TOOLS).text
    assert message["content"] == ours.user("天气？", TOOLS).text
    assert ours.user("天气？", TOOLS, turn=1).text == "天气？"
    (generated,) = ours.write(CALLS)
    assert generated.text == theirs._format_tool_calls(MESSAGES)


def test_our_llama3_results_in_llama3s_chat_template_are_ms_swifts() -> None:
    results = [Step(kind="observation", text="晴"), Step(kind="observation", text="8:00")]
    whole = Conversation(tools=TOOLS, turns=(Turn(user="天气？", steps=(*CALLS, *results)),))
    form = chat(chat_templates()["llama3"], {"bos_token_id": "", "eos_token_id": "<|eot_id|>"})
    _, _, after = [s.text for s in segments(whole, find_agent_template("llama3"), form)]
    theirs = agent_template_map["llama3"]()._format_tool_responses("", [{"content": r.text} for r in results])[1]
    assert f"<|eot_id|>{after}" == "".join(theirs)
