"""Rows as iic/ms_agent has them, made to measure: the prompt's API lines, and turns with results inside."""

import json
import random
from typing import Any

HEAD = "Answer the following questions as best you can. You have access to the following APIs:\n"
TAIL = """Use the following format:

Thought: you should always think about what to do
Action: the action to take, should be one of the above tools[{names}]
Action Input: the input to the action
Observation: the result of the action
... (this Thought/Action/Action Input/Observation can be repeated zero or more times)
Thought: I now know the final answer
Final Answer: the final answer to the original input question
Begin!"""


def api(name: str, parameters: Any = (), about: str = "", *, shown: str = "", useful: bool = True) -> tuple[str, str]:
    """Return a tool's name and its line; `parameters` are names, or the list itself."""
    if isinstance(parameters, tuple):
        parameters = [{"name": p, "description": f"the {p}", "required": "True"} for p in parameters]
    what = f"What is the {shown or name} API useful for? " if useful else ""
    line = f"{name}: Call this tool to interact with the {shown or name} API. {what}{about}. Parameters: "
    return name, line + (parameters if isinstance(parameters, str) else json.dumps(parameters, ensure_ascii=False))


def turn(name: str, arguments: dict[str, Any], result: Any, answer: str = "Done.") -> str:
    """Return an assistant's turn of one call, arguments and result as Python writes them."""
    called = f"Action: {name}\nAction Input: {arguments!r}\nObservation: {result!r}\n"
    return f"{called}Thought: I now know the final answer\nFinal Answer: {answer}"


def row(apis: list[tuple[str, str]], *turns: str, asked: str = "Help me.") -> dict[str, Any]:
    """Return a row with a user's word before each turn."""
    lines = "\n\n".join(f"{i}. {line}" for i, (_, line) in enumerate(apis, 1))
    system = f"{HEAD}{lines}\n\n{TAIL.format(names=', '.join(name for name, _ in apis))}"
    said = [{"from": "system", "value": system}]
    for text in turns:
        said += [{"from": "user", "value": asked}, {"from": "assistant", "value": text}]
    return {"id": "MS_Agent_Bench_1", "conversations": said}


_WORDS = [
    "city",
    "关键词",
    "dates",
    "v2.0",
    "e.g. this",
    'a "quoted" word',
    "it's",
    "[x]",
    "{y}",
    "C:\\dir",
    "👍",
    "Parameters: none",
]
_NAMES = ["get_weather", "Factorial calculator", "地图.搜索", "fire recognition", "tool-9", "hm_info", "ping", "a b c"]
_VALUES: list[Any] = [
    "北京",
    "it's",
    3,
    2.5,
    True,
    None,
    ["a", "b"],
    {"商品类目": '"手机"', "n": [1, {"x": None}]},
    "",
    "line\nbreak",
]


def variant(seed: int) -> dict[str, Any]:
    """Return a made-up row: up to 14 tools, any parameters, up to 3 turns of up to 3 calls."""
    pick = random.Random(seed)
    tools = {f"{pick.choice(_NAMES)}{i or ''}": _parameters(pick) for i in range(pick.randint(1, 14))}
    apis = [
        api(name, parameters, " ".join(pick.sample(_WORDS, pick.randint(0, 4))), shown=pick.choice(["", "fire x"]))
        for name, parameters in tools.items()
    ]
    turns = []
    for _ in range(pick.randint(1, 3)):
        text = ""
        for _ in range(pick.randint(0, 3)):
            name = pick.choice(list(tools))
            given = {p["name"]: pick.choice(_VALUES) for p in tools[name]}
            thought = pick.choice(["", "Thought: I look it up.\n"])
            text += f"{thought}Action: {name}\nAction Input: {given!r}\nObservation: {pick.choice(_VALUES)!r}\n"
        turns.append(f"{text}Thought: I now know the final answer\nFinal Answer: {pick.choice(['好的。', 'Done: 1.'])}")
    return row(apis, *turns, asked=pick.choice(["你好", "Hello"]))


def _parameters(pick: random.Random) -> list[dict[str, Any]]:
    names = pick.sample(["a", "keywords_dict", "城市", "x y", "list_of_ids"], pick.randint(0, 4))
    about = pick.sample(_WORDS, len(names))
    return [
        {"name": name, "description": said, "required": pick.choice(["True", "False", True])}
        for name, said in zip(names, about, strict=True)
    ]
