"""xlam (xlam-function-calling-60k): query, tools and answers, the latter two as JSON text; read and written."""

import json
import re
from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Tool
from agentswift.formats.calls import call_of, from_text
from agentswift.formats.chat import bad_content
from agentswift.formats.ms_swift import not_held
from agentswift.formats.tools import read_tools, schema
from agentswift.formats.turns import Turns

_OPTIONAL = re.compile(r",\s*optional\s*\Z", re.IGNORECASE)


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row holds a query, tools and answers."""
    return all(key in row for key in ("query", "tools", "answers"))


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row: a question, and the calls that answer it, side by side.

    A parameter is required unless its type says "optional" or it has a default: the layout has no other word for it.
    A row whose answers are an empty list is refused: nothing is said in it that could be trained.
    """
    if not isinstance(row.get("query"), str):
        raise bad_content(row.get("query"), "$.query")
    turns = Turns()
    turns.user(row["query"])
    calls = from_text(row.get("answers") or [], "$.answers")
    for i, call in enumerate(calls if isinstance(calls, list) else [calls]):
        turns.add(call_of(call, f"$.answers[{i}]"), f"$.answers[{i}]")
    declared = from_text(row.get("tools") or [], "$.tools")
    return turns.conversation(None, read_tools(_required(declared)))


def _required(declared: Any) -> Any:
    """Return the tools with a `required` list where their parameters are a bare map of names."""
    return [_one_required(tool) for tool in declared] if isinstance(declared, list) else declared


def _one_required(tool: Any) -> Any:
    parameters = tool.get("parameters") if isinstance(tool, Mapping) else None
    if not isinstance(parameters, Mapping) or not all(isinstance(p, Mapping) for p in parameters.values()):
        return tool
    needed = [
        name for name, p in parameters.items() if not _OPTIONAL.search(str(p.get("type"))) and p.get("default") is None
    ]
    return {**tool, "parameters": {"properties": dict(parameters), **({"required": needed} if needed else {})}}


def write(conversation: Conversation) -> dict[str, Any]:
    """Return the row of one question answered by calls alone. Raises RowError not-held for anything more."""
    (turn, *more), steps = conversation.turns, conversation.steps()
    if more or turn.user is None or {step.kind for step in steps} != {"call"}:
        raise not_held("anything but one question and its calls (results, thoughts, answers, further turns)")
    if conversation.system is not None or any(not step.train or step.weight != 1.0 for step in steps):
        raise not_held("a system prompt, or a weight of its own on a step")
    answers = [{"name": step.tool, "arguments": dict(step.arguments)} for step in steps]
    tools = [
        {"name": tool.name, "description": tool.description, "parameters": _parameters(tool)}
        for tool in conversation.tools
    ]
    texts = (json.dumps(value, ensure_ascii=False) for value in (tools, answers))
    return {"query": turn.user, **dict(zip(("tools", "answers"), texts, strict=True))}


def _parameters(tool: Tool) -> Mapping[str, Any]:
    """Return the bare map of parameters where it says all of the schema, else the schema as it is."""
    required = tool.parameters.get("required", ())
    bare = {
        name: dict(p) if name in required or "default" in p else {**p, "type": f"{p.get('type')}, optional"}
        for name, p in tool.parameters.get("properties", {}).items()
        if isinstance(p, Mapping)
    }
    again = _one_required({"parameters": bare})["parameters"]
    return bare if bare and schema(again) == tool.parameters else tool.parameters
