"""Kinds of fault, each a way to spoil a good row; it imports nothing of agentswift."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]
Spoiled = bytes | Row


class Soil(NamedTuple):
    """Where a fault is sown."""

    chance: random.Random
    corpus: Path


class Kind(NamedTuple):
    """A kind of fault: `sow` takes a good row and returns ("good" or this kind, line) rows to put into the file."""

    name: str
    spoil: Callable[[Row, Soil], "Spoiled | list[tuple[bool, Spoiled]]"]
    needs_call: bool = False
    takes: Callable[[Row], Any] = lambda row: True

    def sow(self, row: Row, soil: Soil) -> list[Any]:
        """Return the lines; a kind that needs two rows (a duplicate) returns both, the spoiled one last."""
        spoiled = self.spoil(row, soil)
        return spoiled if isinstance(spoiled, list) else [spoiled]


def _said(row: Row, at: int, **values: Any) -> Row:
    row["messages"][at] |= values
    return row


def _call(row: Row) -> Row:
    return json.loads(row["messages"][1]["content"])


def _called(row: Row, call: Any) -> Row:
    return _said(row, 1, content=json.dumps(call, ensure_ascii=False))


def _tool(row: Row) -> Row:
    """Return the schema of the tool that the row calls."""
    return next((t for t in json.loads(row["tools"]) if t["name"] == _call(row)["name"]), {})


def _properties(row: Row) -> Row:
    return _tool(row).get("parameters", {}).get("properties", {})


def _text(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


def _tools(row: Row, change: Callable[[list[Row]], Any]) -> Row:
    tools = json.loads(row["tools"])
    change(tools)
    return row | {"tools": json.dumps(tools, ensure_ascii=False)}


def _arguments(row: Row, change: Callable[[Row], Any]) -> Row:
    call = _call(row)
    change(call["arguments"])
    return _called(row, call)


def _without(row: Row, *places: int) -> Row:
    return row | {"messages": [m for i, m in enumerate(row["messages"]) if i not in places]}


def _string_argument(row: Row) -> str:
    given = _call(row)["arguments"]
    return next((n for n, p in _properties(row).items() if p.get("type") == "string" and n in given), "")


def _required(row: Row) -> list[str]:
    return [n for n in _tool(row).get("parameters", {}).get("required", []) if n in _call(row)["arguments"]]


def _is_plain(row: Row) -> bool:
    return len(row["messages"]) == 2 and len(row["messages"][1]["content"]) > 60


def _is_english(row: Row) -> bool:
    return _is_plain(row) and row["messages"][0]["content"].isascii() and row["messages"][1]["content"].isascii()


def _is_short(row: Row) -> bool:
    return len(row["messages"][2]["content"]) < 400


def _first_question(row: Row, soil: Soil) -> Row:
    lines = (soil.corpus / "gsm8k/test.jsonl").read_text("utf-8").splitlines()
    asked = json.loads(soil.chance.choice(lines))
    return _said(_said(row, 0, content=asked["question"]), 1, content=asked["answer"])


_FABRIC = (
    '# 工具\n\n## 你拥有如下工具：\n\nsearch: search API。搜索 输入参数: {"type": "object"} Format the arguments as a '
    "JSON object.\n\n## 当你需要调用工具时，请在你的回复中穿插如下的工具调用命令，可以根据需求调用零次或多次：\n\n"
    "工具调用\nAction: 工具的名称，必须是[search]之一\nAction Input: 工具的输入\nObservation: "
    "<result>工具返回的结果</result>\nAnswer: 根据Observation总结本次工具调用返回的结果\n\n# 指令\n\n"
)


def _mismatched(row: Row, soil: Soil) -> Row:
    answer = f"Thought: I now know the final answer\nFinal Answer: {row['messages'][1]['content']}"
    said = [{"role": "system", "content": _FABRIC}, row["messages"][0], {"role": "assistant", "content": answer}]
    return row | {"messages": said}


def _doubled(row: Row, soil: Soil) -> list[Any]:
    return [("good", dict(row)), ("duplicate row", row | {"id": f"{row['id']}-again"})]


def _nearly(row: Row, soil: Soil) -> list[Any]:
    other = json.loads(json.dumps(row)) | {"id": f"{row['id']}-again"}
    return [
        ("good", row),
        ("near duplicate", _said(other, 0, content="Please: " + row["messages"][0]["content"] + " Thanks!")),
    ]


def _renumbered(row: Row, soil: Soil) -> list[Any]:
    other = {
        "id": row["id"],
        "tools": "[]",
        "messages": [
            {"role": "user", "content": f"Say {row['id']}."},
            {"role": "assistant", "content": f"{row['id']}."},
        ],
    }
    return [("good", row), ("duplicate id", other)]


_NAMES = ("Wang", "Mueller", "Okafor", "Silva")


def _mail(row: Row, soil: Soil) -> Row:
    who = soil.chance.choice(_NAMES).lower()
    return _said(
        row, 1, content=f"{row['messages'][1]['content']} Write to {who}.{soil.chance.randrange(99)}@gmail.com."
    )


def _phone(row: Row, soil: Soil) -> Row:
    number = f"13{soil.chance.randrange(10**8, 10**9)}"
    return _said(row, 1, content=f"{row['messages'][1]['content']} 电话：{number}")


def _secret(row: Row, soil: Soil) -> Row:
    key = "".join(soil.chance.choices("0123456789abcdefABCDEF", k=32))
    return _said(row, 1, content=f"{row['messages'][1]['content']} api key sk-{key}")


def _ends(row: Row, text: str) -> Row:
    return _said(row, len(row["messages"]) - 1, content=row["messages"][-1]["content"] + text)


def _repeated(row: Row, soil: Soil) -> Row:
    said = row["messages"]
    return row | {"messages": [*said[:3], dict(said[1]), dict(said[2]), *said[3:]]}


_ZH = "当然可以，下面是我的回答：这个问题需要从几个方面来看，首先要弄清楚题目的意思，然后一步一步地求解。"


KINDS: tuple[Kind, ...] = (
    Kind("line cut off", lambda r, s: _text(r)[: len(_text(r)) // 2]),
    Kind("line is a list", lambda r, s: _text(r["messages"])),
    Kind(
        "not UTF-8",
        lambda r, s: json.dumps(_said(r, 0, content="今天天气怎么样？"), ensure_ascii=False).encode("gb18030"),
    ),
    Kind(
        "NaN", lambda r, s: _text(_arguments(r, lambda a: a.update(x=1))).replace(b'\\"x\\": 1', b'\\"x\\": NaN'), True
    ),
    Kind("messages under another key", lambda r, s: {"id": r["id"], "tools": r["tools"], "msgs": r["messages"]}),
    Kind(
        "message without role",
        lambda r, s: r | {"messages": [r["messages"][0], {"content": r["messages"][1]["content"]}]},
        takes=_is_plain,
    ),
    Kind("role misspelt", lambda r, s: _said(r, len(r["messages"]) - 1, role="asistant")),
    Kind("no assistant", lambda r, s: r | {"messages": r["messages"][:1]}),
    Kind("empty answer", lambda r, s: _said(r, len(r["messages"]) - 1, content="")),
    Kind("answer of spaces", lambda r, s: _said(r, len(r["messages"]) - 1, content=" \n")),
    Kind("content null", lambda r, s: _said(r, 0, content=None)),
    Kind("content a number", lambda r, s: _said(r, len(r["messages"]) - 1, content=42)),
    Kind(
        "ends with the user", lambda r, s: r | {"messages": [*r["messages"], {"role": "user", "content": "And then?"}]}
    ),
    Kind(
        "agent speaks first",
        lambda r, s: r | {"messages": [r["messages"][1], r["messages"][0], r["messages"][1]]},
        takes=_is_plain,
    ),
    Kind("user speaks twice", lambda r, s: r | {"messages": [r["messages"][0], *r["messages"]]}),
    Kind(
        "agent answers twice",
        lambda r, s: r | {"messages": [*r["messages"], {"role": "assistant", "content": "As I said."}]},
    ),
    Kind(
        "system in the middle",
        lambda r, s: (
            r | {"messages": [*r["messages"][:1], {"role": "system", "content": "Be brief."}, *r["messages"][1:]]}
        ),
    ),
    Kind("unknown tool", lambda r, s: _called(r, _call(r) | {"name": _call(r)["name"] + "_v2"}), True),
    Kind("tool without name", lambda r, s: _called(r, {"arguments": _call(r)["arguments"]}), True),
    Kind("argument missing", lambda r, s: _arguments(r, lambda a: a.pop(_required(r)[0])), True, _required),
    Kind("argument unknown", lambda r, s: _arguments(r, lambda a: a.update(verbosity="high")), True, _properties),
    Kind(
        "argument ill-typed",
        lambda r, s: _arguments(r, lambda a: a.update({_string_argument(r): ["a", "b"]})),
        True,
        _string_argument,
    ),
    Kind("call not JSON", lambda r, s: _said(r, 1, content=r["messages"][1]["content"][:-3]), True),
    Kind("arguments a list", lambda r, s: _called(r, _call(r) | {"arguments": ["a", 1]}), True),
    Kind(
        "schema of no type",
        lambda r, s: _tools(r, lambda t: t[0]["parameters"]["properties"].update(q={"type": 7})),
        True,
    ),
    Kind(
        "required no list",
        lambda r, s: _tools(
            r, lambda t: t[0]["parameters"]["properties"].update(o={"type": "object", "required": "b"})
        ),
        True,
    ),
    Kind("tools not JSON", lambda r, s: r | {"tools": r["tools"][:-2]}, True),
    Kind("tool declared twice", lambda r, s: _tools(r, lambda t: t.append(t[0] | {"description": "another"})), True),
    Kind("result without call", lambda r, s: _without(r, 1), True),
    Kind("call without result", lambda r, s: _without(r, 2), True),
    Kind(
        "error unheeded",
        lambda r, s: _said(
            _said(r, 2, content='{"error": "connection timed out"}'), 3, content="It is all done, and the result is 42."
        ),
        True,
    ),
    Kind("call repeated", _repeated, True),
    Kind("ends with a result", lambda r, s: r | {"messages": r["messages"][:3]}, True),
    Kind(
        "answer is the result",
        lambda r, s: _said(r, 3, content=r["messages"][2]["content"]),
        True,
        lambda r: len(r["messages"][2]["content"]) > 40,
    ),
    Kind(
        "call in prose",
        lambda r, s: _said(_without(r, 1, 2), 1, content=f"Sure. I will call {_call(r)['name']} for you now."),
        True,
    ),
    Kind("placeholder", lambda r, s: _ends(r, " I am {{ASSISTANT}}, made by {{COMPANY}}.")),
    Kind("control token", lambda r, s: _ends(r, "<|im_end|>\n<|im_start|>user\nThanks!")),
    Kind("garbled", lambda r, s: _ends(r, " " + "café, naïve, “quoted”".encode().decode("cp1252", "replace"))),
    Kind("duplicate row", _doubled),
    Kind("near duplicate", _nearly, takes=lambda r: _is_plain(r) and len(r["messages"][1]["content"].split()) > 60),
    Kind("duplicate id", _renumbered),
    Kind("other language", lambda r, s: _said(r, 1, content=_ZH), takes=_is_english),
    Kind("e-mail address", _mail, takes=_is_plain),
    Kind("telephone number", _phone, takes=_is_plain),
    Kind("key", _secret, takes=_is_plain),
    Kind("loss contradicts", lambda r, s: _said(r, len(r["messages"]) - 1, loss=True, loss_scale=0.0)),
    Kind("loss is a word", lambda r, s: _said(r, len(r["messages"]) - 1, loss="maybe")),
    Kind(
        "nothing trained",
        lambda r, s: (
            r | {"messages": [m | ({"loss": False} if m["role"] == "assistant" else {}) for m in r["messages"]]}
        ),
        takes=_is_plain,
    ),
    Kind("prompt of another format", _mismatched, takes=_is_plain),
    Kind("far too long", lambda r, s: _ends(r, " and so on" * 4000)),
    Kind("evaluation question", _first_question, takes=_is_plain),
)
