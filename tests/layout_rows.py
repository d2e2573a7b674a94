"""A row of every layout that is read, written by hand from the layout's own documents, and what it says."""

import json
from typing import Any

from agentswift.conversation import Step


def of(*said: tuple[str, str], key: str = "conversations") -> dict[str, Any]:
    return {key: [{"from": role, "value": text} for role, text in said]}


def messages(*said: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in said], **more}


def call(tool: str = "get_weather", **arguments: object) -> Step:
    return Step(kind="call", tool=tool, arguments=arguments)


def seen(text: str) -> Step:
    return Step(kind="observation", text=text)


def answer(text: str) -> Step:
    return Step(kind="answer", text=text)


def thought(text: str) -> Step:
    return Step(kind="thought", text=text)


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_weather", "description": "Weather.", "parameters": PARAMETERS}
CITY = call(city="北京")
RAIN = '{"rain": 0.8}'
REACT = 'Thought: 查天气\nAction: get_weather\nAction Input: {"city": "北京"}\nObservation:'
QWEN = (
    "Answer the following questions as best you can. You have access to the following tools:\n\n"
    "get_weather: Call this tool to interact with the weather API. What is the weather API useful for? Weather. "
    'Parameters: [{"name": "city", "required": true}] Format the arguments as a JSON object.\n\n'
    "Use the following format:\n\nQuestion: the input question you must answer\nThought: you should always think\n"
    "... (this can be repeated zero or more times)\nFinal Answer: the final answer\n\nBegin!\n\n"
)
LAGENT = (
    "You are a assistant who can utilize external tools.\n[{'name': 'get_weather', 'description': 'Weather.', "
    "'parameters': [{'name': 'city', 'type': 'STRING', 'description': '城市'}], 'required': ['city']}]\n"
    "To use a tool, please use the following format:\n```\nThought:Think\nAction:the tool name, should be one of "
    "[['get_weather']]\nAction Input:the input to the action\n```\nThe response after utilizing tools should using the "
    "following format:\n```\nResponse:the results after call the tool.\n```\nplease using the following format to "
    "reply:\n```\nThought:x\nFinal Answer:final answer\n```\nBegin!"
)
XTUNER = (
    "你是一个可以调用外部工具的助手，可以使用的工具包括：\n"
    "{'get_weather': \"Weather.\\n输入参数: {'city': '城市'}\", 'ping': '没有参数'}\n"
    "如果使用工具请遵循以下格式回复：\n```\nThought:思考\nAction:工具名称\nAction Input:工具输入参数\n```\n开始!\n"
)
PLUGIN = {
    "plugin_name": "get_weather",
    "plugin_schema_for_model": {
        "name": "get_weather",
        "description": "Weather.",
        "url": "http://a",
        "paths": [{"method": "post", "parameters": [{"name": "city", "description": "城市", "required": "True"}]}],
    },
}
PLUGINS = (
    "你是魔搭助手。当前对话可以使用的插件信息如下，请自行判断是否需要调用插件。若需要调用插件，则需要将插件调用请求按照json格式给出，"
    "必须包含api_name、url、parameters字段，并在其前后使用<|startofthink|>和<|endofthink|>作为标志。\n\n"
    f"1. {json.dumps(PLUGIN, ensure_ascii=False)}\n\n2. {json.dumps(PLUGIN, ensure_ascii=False).replace('//a', '//b')}"
)
THINK = '<|startofthink|>```JSON\n{"api_name": "get_weather", "url": "http://a", "parameters": {"city": "北京"}}\n```'
EXEC = f"<|startofexec|>```JSON\n{RAIN}\n```<|endofexec|>"
TOOLACE = (
    "You are an expert in composing functions. You should only return the function call in tools call sections.\n"
    "Here is a list of functions in JSON format that you can invoke:\n"
    f"{json.dumps([TOOL, {'name': 'Top Songs (v2)'}])}.\n"
    "Should you decide to return the function call(s). \nPut it in the format of [func1(params_name=params_value, "
    "params_name2=params_value2...), func2(params)]\n\nNO other text MUST be included. "
)
API = {"apiCode": "get_weather", "description": "Weather.", "parameters": {"city": {"type": "str", "description": "x"}}}
API_BANK = (
    "Generate an API request in the format of [ApiName(key1='value1', key2='value2', ...)] based on the previous "
    "dialogue context.\nThe current year is 2023.\nInput: \nUser: User's utterence\nAI: AI's response\n\nExpected "
    "output:\nAPI-Request: [ApiName(key1='value1', key2='value2', ...)]\n\nAPI descriptions:\n"
)
APIS = "You are AutoGPT, …\nSpecifically, you have access to the following APIs: " + str([TOOL])
GLAIVE = (
    "SYSTEM: You are a helpful assistant with access to the following functions. Use them if required -\n"
    f"{json.dumps(TOOL, indent=4)}\n\n{json.dumps({'name': 'ping', 'description': ''})}\n"
)
GLAIVE_CALL = """<functioncall> {"name": "get_weather", "arguments": '{"city": "北京"}'} <|endoftext|>"""
BLOCKS = [
    {"type": "thinking", "thinking": "查天气", "signature": "…"},
    {"type": "tool_use", "id": "a", "name": "get_weather", "input": {"city": "北京"}},
    {"type": "tool_use", "id": "b", "name": "ping", "input": {}},
]
RESULTS = [
    {"type": "tool_result", "tool_use_id": "b"},
    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": RAIN}]},
    {"type": "text", "text": "说中文"},
]
STEPS = [CITY, seen(RAIN), answer("会下雨")]
THOUGHTFUL = [thought("查天气"), *STEPS]
# layout: (row, names of its tools, system prompt, steps)
ROWS: dict[str, tuple[dict[str, Any], list[str], str | None, list[Step]]] = {
    "agentflan": (
        {
            "id": "1",
            "conversation": [
                {"role": "system", "content": APIS, "loss": False, "type": "x"},
                {"role": "user", "content": "雨？", "loss": False},
                {
                    "role": "assistant",
                    "content": '```json\n{"InnerThought": "查天气", "Tool": "get_weather", "args": {"city": "北京"}}',
                    "loss": True,
                },
                {"role": "user", "content": RAIN},
                {
                    "role": "assistant",
                    "content": '{"cot": "", "Action": "FinalAction", "Parameters": {"final_answer": "会下雨"}}',
                    "loss": 1,
                },
            ],
        },
        ["get_weather"],
        None,
        THOUGHTFUL,
    ),
    "toolbench": (
        of(
            ("system", APIS),
            ("user", "\n雨？\nBegin!\n"),
            ("assistant", REACT[:-13]),
            ("tool", RAIN),
            ("assistant", "\nThought: 会下雨"),
        ),
        ["get_weather"],
        None,
        [*THOUGHTFUL[:3], thought("会下雨")],
    ),
    "ai_agent": (
        messages(
            ("system", f"{QWEN}Question: 雨？\n"),
            ("assistant", f"{REACT}\n"),
            ("assistant", f'"""{RAIN}"""\n'),
            ("assistant", "Thought: 知道了\nFinal Answer: 会下雨\n"),
        ),
        ["get_weather"],
        None,
        [*THOUGHTFUL[:3], thought("知道了"), answer("会下雨")],
    ),
    "ms_agent": (
        of(("system", QWEN), ("user", "雨？"), ("assistant", f"{REACT} {RAIN}\nFinal Answer: 会下雨")),
        ["get_weather"],
        None,
        THOUGHTFUL,
    ),
    "lagent": (
        messages(
            ("system", LAGENT),
            ("user", "雨？"),
            ("assistant", REACT.replace(": ", ":").removesuffix("\nObservation:")),
            ("system", f"Response:{RAIN}\n"),
            ("assistant", "Final Answer:会下雨"),
        ),
        ["get_weather"],
        None,
        THOUGHTFUL,
    ),
    "msagent_bench": (
        of(("system", PLUGINS), ("user", "雨？"), ("assistant", f"查天气\n{THINK}<|endofthink|>\n\n{EXEC}\n会下雨")),
        ["get_weather"],
        "你是魔搭助手。",
        THOUGHTFUL,
    ),
    "toolace": (
        {
            **of(
                ("user", "雨？"), ("assistant", "[get_weather(city='北京')]"), ("tool", RAIN), ("assistant", "会下雨")
            ),
            "system": TOOLACE,
        },
        ["get_weather", "Top Songs (v2)"],
        "You are an expert in composing functions.",
        STEPS,
    ),
    "api_bank": (
        {
            "instruction": API_BANK,
            "input": f"{json.dumps(API)}\n{json.dumps({**API, 'apiCode': 'ping'})}\nUser: 雨？\n"
            f"API-Request: [get_weather(city='北京')]->{RAIN}\nAI: 会下雨\nUser: 明天呢？\nGenerate API Request:\n",
            "output": "API-Request: [get_weather(city=上海, day='2023-03-26')]",
        },
        ["get_weather", "ping"],
        "The current year is 2023.",
        [*STEPS, call(city="上海", day="2023-03-26")],
    ),
    "react": (
        messages(("user", "雨？"), ("assistant", REACT), ("tool", RAIN), ("assistant", "Final Answer: 会下雨")),
        [],
        None,
        THOUGHTFUL,
    ),
    "anthropic": (
        messages(
            ("user", "雨？"),
            ("assistant", BLOCKS),
            ("user", RESULTS),
            ("assistant", "会下雨"),
            system=[{"type": "text", "text": "s", "cache_control": {}}],
            tools=[{"name": "get_weather", "input_schema": PARAMETERS}, {"name": "ping", "input_schema": {}}],
        ),
        ["get_weather", "ping"],
        "s",
        [thought("查天气"), CITY, call("ping"), seen(RAIN), seen(""), answer("会下雨")],
    ),
    "glaive": (
        {
            "system": GLAIVE,
            "chat": f"USER: 雨？\n\n\nASSISTANT: 查天气 {GLAIVE_CALL}\n\n\nFUNCTION RESPONSE: {RAIN}\n\n\n"
            "ASSISTANT: 会下雨 <|endoftext|>\n\n\n",
        },
        ["get_weather", "ping"],
        None,
        THOUGHTFUL,
    ),
    "xlam": (
        {
            "id": 0,
            "query": "雨？",
            "tools": json.dumps([{"name": "get_weather", "parameters": {"city": {"type": "str"}}}]),
            "answers": json.dumps([{"name": "get_weather", "arguments": {"city": "北京"}}] * 2),
        },
        ["get_weather"],
        None,
        [CITY, CITY],
    ),
    "bfcl": (
        {
            "id": "simple_0",
            "question": [[{"role": "system", "content": "s"}, {"role": "user", "content": "雨？"}]],
            "function": [{**TOOL, "parameters": {**PARAMETERS, "type": "dict"}}],
            "ground_truth": [{"get_weather": {"city": ["北京", "Beijing"], "day": ["", 1]}}],
        },
        ["get_weather"],
        "s",
        [CITY],
    ),
    "messages": (
        messages(
            ("user", "雨？"),
            ("assistant", "<think>\n查天气\n</think>\n\n"),
            ("tool_call", '{"name": "get_weather", "arguments": {"city": "北京"}}'),
            ("tool_response", RAIN),
            ("assistant", "会下雨"),
            tools=json.dumps([TOOL]),
        ),
        ["get_weather"],
        None,
        THOUGHTFUL,
    ),
    "sharegpt": (
        {
            **of(
                ("human", "雨？"),
                ("function_call", '<think>查天气</think>{"name": "get_weather", "arguments": {"city": "北京"}}'),
                ("observation", RAIN),
                ("gpt", "会下雨"),
            ),
            "tools": json.dumps([TOOL]),
        },
        ["get_weather"],
        None,
        THOUGHTFUL,
    ),
    "alpaca": (
        {"instruction": "雨？", "input": "", "output": "<think>查天气</think>会下雨"},
        [],
        None,
        [thought("查天气"), answer("会下雨")],
    ),
    "agentfabric": (
        of(
            ("user", f"(。你可以使用工具：[get_weather])雨？{REACT[13:]} <result>{RAIN}</result>\nAnswer:"),
            ("assistant", "会下雨"),
        ),
        [],
        None,
        STEPS,
    ),
}
