"""The tools, as their YAML files tell them, and frames: questions with <slots> that values fill.

A tool has `params` (argument → str, int, num, bool, list, nums, a|b for an enum, a mapping for an object, "optional "
before any of them), `values` (argument → what values.py draws; its own name where absent), `gives` (what its result
holds besides), and in each language `about`, frames (`train`, `held`; `both`: two calls at once; `missing`: frame //
what the agent asks back), `sees` (the result; '' ends the row with the call) and `says` (the answer).
A frame may end in "=> name=value", an argument that its words imply. <city2> is the second call's <city>.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from scripts.quickstart.values import HERE, Language, Split, Values, show

SLOT = re.compile(r"<([a-z_.]+)(2?)>")
SIMPLE = {"str": "string", "int": "integer", "num": "number", "bool": "boolean"}
FILES = ("home", "office", "shop", "travel", "life")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool in one language."""

    name: str
    language: Language
    params: Mapping[str, Any]
    values: Mapping[str, str]
    gives: Mapping[str, str]
    texts: Mapping[str, Any]  # about, sees, says, and the frames by kind

    @property
    def declared(self) -> dict[str, Any]:
        """The tool as OpenAI's chat API declares it."""
        function = {"name": self.name, "description": self.texts["about"], "parameters": _object(self.params)}
        return {"type": "function", "function": function}

    def frames(self, kind: str, split: Split) -> list[str]:
        """Return the frames of a kind ("" is one call) that `split` may use."""
        key = "_".join(filter(None, (kind, "held"))) if split == "held" else kind or "train"
        return list(self.texts.get(key, ()))

    @property
    def required(self) -> list[str]:
        """The paths of the arguments that a call must have, nested ones dotted."""
        return [path for path in _paths(self.params) if not str(_at(self.params, path)).startswith("optional ")]


@dataclass(frozen=True)
class Ask:
    """A frame filled: the question, its calls' arguments, and all values by slot, a mapping a call."""

    question: str
    reply: str  # what the agent asks back, '' where nothing is missing
    calls: tuple[dict[str, Any], ...]
    slots: tuple[dict[str, Any], ...] = field(compare=False)


def read_tools(language: Language, *files: str) -> list[Tool]:
    """Read tools in the order of the files."""
    tools = []
    for file in files:
        for name, told in yaml.safe_load((HERE / f"{file}.yaml").read_text(encoding="utf-8")).items():
            texts = told[language]
            values = {**told.get("values", {}), **texts.get("values", {})}
            params = texts.get("params", told["params"])
            tools.append(
                Tool(
                    name=name, language=language, params=params, values=values, gives=told.get("gives", {}), texts=texts
                )
            )
    return tools


def fill(tool: Tool, frame: str, values: Values, given: Mapping[str, Any] | None = None) -> Ask:
    """Fill a frame with new values, `given` ones before; no value stands twice in one question."""
    told, _, implied = frame.partition(" => ")
    told, _, reply = told.partition(" // ")
    slots: dict[str, Any] = {}
    for name, second in SLOT.findall(told):
        if name + second not in slots:
            slots[name + second] = _new(tool, name, values, slots)
    calls = [{name: value for name, value in slots.items() if not name.endswith("2")}]
    if len(calls[0]) < len(slots):
        calls.append({name: slots.get(f"{name}2", value) for name, value in calls[0].items()})
    if implied:
        name, _, value = implied.partition("=")
        calls = [{**call, name: json.loads(value)} for call in calls]
    text = {name: show(value, tool.language) for name, value in slots.items()}
    question, reply = (SLOT.sub(lambda m: text[m[1] + m[2]], part) for part in (told, reply))
    return Ask(question, reply, tuple(_nest(call, tool.params) for call in calls), tuple(calls))


def outcome(tool: Tool, slots: Mapping[str, Any], values: Values) -> tuple[str, str, dict[str, Any]]:
    """Return what a call of `tool` gives: the result, the answer about it, and the values drawn for them."""
    given = {name: values.draw(spec, slots) for name, spec in tool.gives.items()}
    text = {name: show(value, tool.language) for name, value in {**slots, **given}.items()}
    sees, says = tool.texts.get("sees", '{"ok": true}'), tool.texts.get("says", "")
    return (*(SLOT.sub(lambda m: text[m[1]], part) for part in (sees, says)), given)  # type: ignore[return-value]


def _new(tool: Tool, name: str, values: Values, slots: Mapping[str, Any]) -> Any:
    kind = str(_at(tool.params, name)).removeprefix("optional ")
    while True:
        value = (
            values.chance.choice(kind.split("|")) if "|" in kind else values.draw(tool.values.get(name, name), slots)
        )
        if value not in slots.values():
            return value


def _at(params: Mapping[str, Any], path: str) -> Any:
    for name in path.split("."):
        params = params[name]
    return params


def _paths(params: Mapping[str, Any], before: str = "") -> list[str]:
    paths: list[str] = []
    for name, kind in params.items():
        paths += _paths(kind, f"{before}{name}.") if isinstance(kind, dict) else [before + name]
    return paths


def _nest(flat: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Put dotted names into objects, arguments in the order that the schema has."""
    nested: dict[str, Any] = {}
    for path in _paths(params):
        if path in flat:
            *above, last = path.split(".")
            inner = nested
            for name in above:
                inner = inner.setdefault(name, {})
            inner[last] = flat[path]
    return nested


def _object(params: Mapping[str, Any]) -> dict[str, Any]:
    required = [name for name, kind in params.items() if not str(kind).startswith("optional ")]
    properties = {name: _property(kind) for name, kind in params.items()}
    return {"type": "object", "properties": properties, "required": required}


def _property(kind: Any) -> dict[str, Any]:
    if isinstance(kind, dict):
        return _object(kind)
    kind = kind.removeprefix("optional ")
    if kind in ("list", "nums"):
        return {"type": "array", "items": {"type": "string" if kind == "list" else "number"}}
    return {"type": "string", "enum": kind.split("|")} if "|" in kind else {"type": SIMPLE[kind]}
