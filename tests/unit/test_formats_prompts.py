"""Formats whose tools stand in a prompt: ms_agent, agentfabric, toolbench."""

from typing import Any

import pytest

from agentswift.conversation import Step
from agentswift.errors import RowError
from agentswift.formats import FORMATS, detect
from agentswift.formats.agentfabric import read_system as fabric_system
from agentswift.formats.ms_agent import read_system


def row(*said: tuple[str, str]) -> dict[str, Any]:
    return {"conversations": [{"from": role, "value": text} for role, text in said]}


def api(number: int, name: str, about: str, parameters: str) -> str:
    words = f"Call this tool to interact with the {name} API. What is the {name} API useful for? {about}"
    return f"{number}. {name}: {words}. Parameters: {parameters}\n\n"


HEAD = "Answer the following questions as best you can. You have access to the following APIs:\n"
TAIL = (
    "Use the following format:\n\nThought: you should always think about what to do\nAction: the action to take, "
    "should be one of the above tools[a, b]\nAction Input: the input to the action\nObservation: the result of the "
    "action\nThought: I now know the final answer\nFinal Answer: the final answer\nBegin!"
)
KEYWORDS = '[{"name": "keywords", "description": "词 [a] {b}. \\"c\\"", "required": "True"}, {"name": "n"}]'


def test_every_tool_of_an_ms_agent_prompt_is_read() -> None:
    apis = [
        api(1, "Factorial calculator", "e.g. by car v2.0", KEYWORDS),
        api(2, "ping", "", "[]"),
        "3. fire: This API sees fire. Parameters: [] are its own. Parameters: []\n\n",
        *(api(n, f"tool_{n}", "工具", "[]") for n in range(4, 13)),
    ]
    system, tools = read_system(HEAD + "".join(apis) + TAIL, "$")
    assert system is None
    assert [t.name for t in tools] == ["Factorial calculator", "ping", "fire", *(f"tool_{n}" for n in range(4, 13))]
    assert [t.description for t in tools[:3]] == ["e.g. by car v2.0", "", "This API sees fire"]
    assert tools[0].parameters["required"] == ["keywords"]
    assert tools[0].parameters["properties"]["keywords"] == {"description": '词 [a] {b}. "c"'}
    assert read_system("你是助手。\n" + HEAD + apis[1] + TAIL + "\nBe brief.", "$")[0] == "你是助手。\n\nBe brief."


def test_an_ms_agent_prompt_without_parameters_is_refused() -> None:
    with pytest.raises(RowError, match="no JSON after `Parameters:` for the tool ping") as error:
        read_system(HEAD + "1. ping: Call it.\n\n" + TAIL, "$.x")
    assert (error.value.rule, error.value.path) == ("bad-tools", "$.x")


def test_several_cycles_in_one_ms_agent_answer_are_read_in_order() -> None:
    cycle = "Action: ping\nAction Input: {'a': '它\\'s', 'b': [True, None]}\nObservation: [{'ok': True}]\n"
    answered = cycle * 2 + "Thought: t\nFinal Answer: a"
    said = row(("system", HEAD + api(1, "ping", "", "[]") + TAIL), ("user", "q"), ("assistant", answered))
    assert detect(said).name == "ms_agent"
    call = Step(kind="call", tool="ping", arguments={"a": "它's", "b": [True, None]})
    seen = Step(kind="observation", text="[{'ok': True}]")
    last = [Step(kind="thought", text="t"), Step(kind="answer", text="a")]
    assert FORMATS["ms_agent"].read(said).steps() == [call, seen, call, seen, *last]


SCHEMA = '{"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}'
ZH = """
# 工具

## 你拥有如下工具：

amap_weather: amap_weather API。获取对应城市的天气数据 输入参数: @SCHEMA Format the arguments as a JSON object.

web: web API。Search. It finds. 输入参数: [{"name": "q", "required": true}] Format the arguments as a JSON object.

## 当你需要调用工具时，请在你的回复中穿插如下的工具调用命令，可以根据需求调用零次或多次：

工具调用
Action: 工具的名称，必须是[amap_weather,web]之一
Action Input: 工具的输入
Observation: <result>工具返回的结果</result>
Answer: 根据Observation总结本次工具调用返回的结果，如果结果中出现url，请使用如下格式展示出来：![图片](url)


# 指令

你扮演一个天气预报助手。

请注意：你具有图像和视频的展示能力，也具有运行代码的能力，不要在回复中说你做不到。
""".replace("@SCHEMA", SCHEMA)
EN = """

# Knowledge Base

Rain is wet.


# Tools

## You have the following tools:

amap_weather: amap_weather API. Weather: of a city. Parameters: @SCHEMA Format the arguments as a JSON object.

## When you need to call a tool, please intersperse the following tool command in your reply.

Tool Invocation
Action: The name of the tool, must be one of [amap_weather]
Action Input: Tool input
Observation: <result>Tool returns result</result>
Answer: Summarize the results of this tool call based on Observation. If the result contains url, show it


#Instructions

You are a forecaster.

Note: you have the ability to display images and videos. Don't say you can't do it.
""".replace("@SCHEMA", SCHEMA)
WEATHER = Step(kind="call", tool="amap_weather", arguments={"location": "朝阳区"})
CALLED = 'Action: amap_weather\nAction Input: {"location": "朝阳区"}\nObservation: <result>晴，25度</result>\nAnswer:'
STEPS = [WEATHER, Step(kind="observation", text="晴，25度"), Step(kind="answer", text="今天晴。")]


def test_an_agentfabric_prompt_is_tools_and_a_role() -> None:
    system, tools = fabric_system(ZH, "$")
    assert system == "你扮演一个天气预报助手。"
    assert [(t.name, t.description) for t in tools] == [
        ("amap_weather", "获取对应城市的天气数据"),
        ("web", "Search. It finds."),
    ]
    assert [t.parameters["required"] for t in tools] == [["location"], ["q"]]
    system, (tool,) = fabric_system(EN, "$")
    assert system == "# Knowledge Base\n\nRain is wet.\n\nYou are a forecaster."
    assert (tool.name, tool.description) == ("amap_weather", "Weather: of a city.")


def test_the_stray_backslash_of_seed_003s_converter_is_taken_off() -> None:
    bad = (
        r'{"type": "object", "properties": {"\location": {"type": "string"}, "\url": {}, "\u57ce": {}}, "required": []}'
    )
    _, tools = fabric_system(ZH.replace(" 输入参数: " + SCHEMA, "输入参数: " + bad), "$")
    assert list(tools[0].parameters["properties"]) == ["location", "url", "城"]


@pytest.mark.parametrize("bad", ["输入参数: {]", "no schema at all"])
def test_an_agentfabric_tool_that_cannot_be_read_is_refused(bad: str) -> None:
    with pytest.raises(RowError) as error:
        fabric_system(ZH.split("web: ")[0].replace("输入参数: " + SCHEMA, bad) + ZH[ZH.index("## 当") :], "$")
    assert error.value.rule == "bad-tools"


@pytest.mark.parametrize(
    "said",
    [
        [("user", "(。你可以使用工具：[amap_weather,web])朝阳区天气"), ("assistant", f"{CALLED} 今天晴。")],
        [("user", "(你正在扮演小明。你可以使用工具：[amap_weather])朝阳区天气"), ("assistant", f"{CALLED}\n今天晴。")],
        [("user", f"(. you can use tools: [amap_weather])朝阳区天气{CALLED}"), ("assistant", " 今天晴。")],
        [
            ("user", f"(。你可以使用工具：[a]。请查看前面的知识库)朝阳区天气\n{CALLED}"),
            ("assistant", "Answer: 今天晴。"),
        ],
        [("user", "朝阳区天气"), ("assistant", CALLED.replace("Answer", "Final Answer") + "今天晴。")],
    ],
)
def test_results_are_read_in_the_agents_slot_and_behind_the_users_words(said: list[tuple[str, str]]) -> None:
    values = row(("system", ZH), *said)
    assert detect(values).name == "agentfabric"
    (turn,) = FORMATS["agentfabric"].read(values).turns
    assert (turn.user, list(turn.steps)) == ("朝阳区天气", STEPS)
    own = "Action" not in said[0][1]
    assert [step.train for step in turn.steps] == [own, own, True]


def test_a_call_behind_an_appended_result_is_trained() -> None:
    values = row(("system", ZH), ("user", f"天气\n{CALLED}"), ("assistant", 'Action: web\nAction Input: {"q": "雨"}'))
    steps = FORMATS["agentfabric"].read(values).steps()
    assert [(s.kind, s.train) for s in steps] == [("call", False), ("observation", False), ("call", True)]


APIS = "[{'name': 'get', 'parameters': {'type': 'object', 'properties': {}, 'optional': []}}, {'name': 'Finish'}]"
TOOLBENCH = (
    "You are AutoGPT, …\nYou have access of the following tools:\n1.weather: Weather of a city\n\n"
    f"Specifically, you have access to the following APIs: {APIS}"
)


def test_toolbench_keeps_finish_as_the_call_that_it_is() -> None:
    finish = '\nThought: \nAction: Finish\nAction Input: {\n "return_type": "give_answer",\n "final_answer": "a"}'
    values = row(
        ("system", TOOLBENCH),
        ("user", "\nq\nBegin!\n"),
        ("assistant", "\nThought: t\nAction: get\nAction Input: {}"),
        ("function", '{"error": "", "response": "x"}'),
        ("user", "This is not the first time …"),
        ("assistant", finish),
    )
    assert detect(values).name == "toolbench"
    read = FORMATS["toolbench"].read(values)
    assert read.system == "You have access of the following tools:\n1.weather: Weather of a city"
    assert [tool.name for tool in read.tools] == ["get", "Finish"]
    assert [turn.user for turn in read.turns] == ["q", "This is not the first time …"]
    assert read.steps()[-1].arguments == {"return_type": "give_answer", "final_answer": "a"}
    with pytest.raises(RowError, match="list of APIs is not in the system message"):
        FORMATS["toolbench"].read(row(("system", "s"), ("assistant", "a")))


AGAIN = ' 再查\nAction: web\nAction Input: {"q": "雨"}\nObservation: <result>有</result>\nAnswer:'


@pytest.mark.parametrize(
    ("said", "trained"),
    [
        ([("user", f"天气\n{CALLED}{AGAIN}"), ("assistant", " 带伞")], [False] * 5 + [True]),
        ([("user", "天气"), ("assistant", f"{CALLED}{AGAIN} 带伞")], [True] * 6),
        ([("user", "天气"), ("assistant", CALLED), ("assistant", f"{AGAIN} 带伞")], [True] * 6),
    ],
)
def test_several_cycles_of_addition_are_read_in_the_users_turn_and_in_the_agents(
    said: list[tuple[str, str]], trained: list[bool]
) -> None:
    (turn,) = FORMATS["agentfabric"].read(row(("system", ZH), *said)).turns
    assert [step.kind for step in turn.steps] == ["call", "observation", "thought", "call", "observation", "answer"]
    assert [step.train for step in turn.steps] == trained
    assert turn.user == "天气"
