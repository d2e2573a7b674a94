"""A thought, a call, its result and the answer, character by character, as each template writes them."""

from typing import Any

import pytest

from agentswift.agent_templates import AGENT_TEMPLATES
from tests.steps import TURN, answer, call, drawn, result, thought

JSON = '{"location": "朝阳区", "detail": {"days": [1, 2]}}'
REACT = [
    [
        ("label", "Thought:", 0),
        ("thought", " 我来查询天气。\n", 0),
        ("label", "Action:", 1),
        ("action", " amap_weather\n", 1),
        ("label", "Action Input:", 1),
        ("action_input", f" {JSON}\n", 1),
        ("label", "Observation:", 1),
    ],
    [("observation", "晴，25度\n", 2)],
    [("label", "Final Answer:", 3), ("answer", " 朝阳区今天晴。", 3)],
]
AGENTFABRIC = [
    [
        ("thought", "我来查询天气。\n", 0),
        ("label", "Action:", 1),
        ("action", " amap_weather\n", 1),
        ("label", "Action Input:", 1),
        ("action_input", f" {JSON}\n", 1),
        ("label", "Observation:", 1),
    ],
    [("observation", " <result>晴，25度</result>\nAnswer:", 2)],
    [("answer", " 朝阳区今天晴。", 3)],
]
HERMES = [
    [
        ("thought", "我来查询天气。\n", 0),
        ("label", '<tool_call>\n{"name": "', 1),
        ("action", "amap_weather", 1),
        ("label", '", "arguments": ', 1),
        ("action_input", JSON, 1),
        ("label", "}\n</tool_call>", 1),
    ],
    [("observation", "<tool_response>\n晴，25度\n</tool_response>", 2)],
    [("answer", "朝阳区今天晴。", 3)],
]

MS_AGENT = [REACT[0], [("observation", " 晴，25度\n", 2)], REACT[2]]
LAGENT = [
    [
        ("label", "Thought:", 0),
        ("thought", "我来查询天气。\n", 0),
        ("label", "Action:", 1),
        ("action", "amap_weather\n", 1),
        ("label", "Action Input:", 1),
        ("action_input", JSON, 1),
    ],
    [("observation", "Response:晴，25度\n", 2)],
    [("label", "Final Answer:", 3), ("answer", "朝阳区今天晴。", 3)],
]
TOOLBENCH = [
    REACT[0],
    REACT[1],
    [
        ("label", 'Action: Finish\nAction Input: {"return_type": "give_answer", "final_answer": "', 3),
        ("answer", "朝阳区今天晴。", 3),
        ("label", '"}', 3),
    ],
]
QWEN = [
    [
        ("thought", "我来查询天气。\n", 0),
        ("label", "✿FUNCTION✿:", 1),
        ("action", " amap_weather\n", 1),
        ("label", "✿ARGS✿:", 1),
        ("action_input", f" {JSON}\n", 1),
        ("label", "✿RESULT✿:", 1),
    ],
    [("observation", "晴，25度\n", 2)],
    [("label", "✿RETURN✿:", 3), ("answer", " 朝阳区今天晴。", 3)],
]
LLAMA3 = [
    [
        ("thought", "我来查询天气。\n", 0),
        ("label", '{"name": "', 1),
        ("action", "amap_weather", 1),
        ("label", '", "parameters": ', 1),
        ("action_input", JSON, 1),
        ("label", "}", 1),
    ],
    [("observation", "晴，25度", 2)],
    [("answer", "朝阳区今天晴。", 3)],
]
OPENAI_JSON = [
    [
        ("thought", "我来查询天气。\n", 0),
        ("label", '{"tool_calls": [{"type": "function", "function": {"name": "', 1),
        ("action", "amap_weather", 1),
        ("label", '", "arguments": ', 1),
        ("action_input", JSON, 1),
        ("label", "}}]}", 1),
    ],
    *LLAMA3[1:],
]
AGENTFLAN = [
    [
        ("label", '{"thought": "', 0),
        ("thought", "我来查询天气。", 0),
        ("label", '", ', 0),
        ("label", '"action": "', 1),
        ("action", "amap_weather", 1),
        ("label", '", "args": ', 1),
        ("action_input", JSON, 1),
        ("label", "}", 1),
    ],
    [("observation", '{"response": "晴，25度"}', 2)],
    [
        ("label", '{"action": "', 3),
        ("label", 'FinalAction", "args": {"return_type": "give_answer", "final_answer": "', 3),
        ("answer", "朝阳区今天晴。", 3),
        ("label", '"}}', 3),
    ],
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ms_agent", MS_AGENT),
        ("lagent", LAGENT),
        ("toolbench", TOOLBENCH),
        *((name, QWEN) for name in ("qwen_en", "qwen_zh", "qwen_en_parallel", "qwen_zh_parallel")),
        ("llama3", LLAMA3),
        ("openai_json", OPENAI_JSON),
        ("agentflan", AGENTFLAN),
        ("react_en", REACT),
        ("react_zh", REACT),
        ("agentfabric_zh", AGENTFABRIC),
        ("agentfabric_en", AGENTFABRIC),
        ("hermes", HERMES),
    ],
)
def test_a_call_its_result_and_the_answer_are_written_so(name: str, expected: Any) -> None:
    pieces = AGENT_TEMPLATES[name].write(TURN)
    assert [drawn(piece) for piece in pieces] == expected
    assert [piece.role for piece in pieces] == ["generated", "observation", "generated"]


TWO_CALLS = [call("a"), call("b", x=1), result("1"), result("Observation:2\n"), thought("so"), answer("3")]
A_B = 'Action: a\nAction Input: {}\nAction: b\nAction Input: {"x": 1}\nObservation:'


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("react_en", [A_B, "1\n", "Observation:Observation:2\n\n", "Thought: so\nFinal Answer: 3"]),
        (
            "agentfabric_zh",
            [
                A_B,
                " <result>1</result>\n",
                "Observation: <result>Observation:2\n</result>\nAnswer:",
                " <think>\nso\n</think>\n\n3",
            ],
        ),
        (
            "hermes",
            [
                '<tool_call>\n{"name": "a", "arguments": {}}\n</tool_call>\n'
                '<tool_call>\n{"name": "b", "arguments": {"x": 1}}\n</tool_call>',
                "<tool_response>\n1\n</tool_response>",
                "\n<tool_response>\nObservation:2\n\n</tool_response>",
                "<think>\nso\n</think>\n\n3",
            ],
        ),
        (
            "qwen_en_parallel",
            [
                '✿FUNCTION✿: a\n✿ARGS✿: {}\n✿FUNCTION✿: b\n✿ARGS✿: {"x": 1}\n✿RESULT✿:',
                "1\n",
                "✿RESULT✿:Observation:2\n\n",
                "<think>\nso\n</think>\n\n✿RETURN✿: 3",
            ],
        ),
        (
            "llama3",
            [
                '{"name": "a", "parameters": {}}\n{"name": "b", "parameters": {"x": 1}}',
                "1",
                "Observation:2\n",
                "<think>\nso\n</think>\n\n3",
            ],
        ),
        (
            "openai_json",
            [
                '{"tool_calls": [{"type": "function", "function": {"name": "a", "arguments": {}}}, '
                '{"type": "function", "function": {"name": "b", "arguments": {"x": 1}}}]}',
                "1",
                "Observation:2\n",
                "<think>\nso\n</think>\n\n3",
            ],
        ),
        (
            "agentflan",
            [
                '{"action": "a", "args": {}}\n{"action": "b", "args": {"x": 1}}',
                '{"response": "1"}',
                '\n{"response": "Observation:2\\n"}',
                '{"thought": "so", "action": "FinalAction", "args": '
                '{"return_type": "give_answer", "final_answer": "3"}}',
            ],
        ),
    ],
)
def test_calls_at_once_and_a_thought_before_the_answer_are_written_so(name: str, texts: list[str]) -> None:
    assert [piece.text for piece in AGENT_TEMPLATES[name].write(TWO_CALLS)] == texts
