"""A call from its name and the text of its arguments: the tool found, the arguments read and checked."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentswift.agent_templates.arguments import problems_of, read_arguments
from agentswift.agent_templates.spans import Problem
from agentswift.conversation import Step, Tool
from agentswift.errors import did_you_mean

_LONE = re.compile("[\ud800-\udfff]")  # half a character: UTF-8 has none, JSON must escape it
_WRAPPED = re.compile(r"\A([\"'`]|\*\*)(.+)\1\Z")
_WRAPPING = " \t\r\n\"'`*“”‘’[]<>。."  # what models put around a tool's name


def arguments_text(step: Step) -> str:
    """Return a call's arguments as JSON on one line, Chinese as it is; for every template."""
    return _json(dict(step.arguments))


def json_string(text: str) -> str:
    """Return `text` as it stands between the quotes of a JSON string, Chinese as it is."""
    return _json(text)[1:-1]


def _json(value: object) -> str:
    return _LONE.sub(lambda half: f"\\u{ord(half.group()):04x}", json.dumps(value, ensure_ascii=False))


def read_call(name: str, arguments: str, tools: Sequence[Tool]) -> tuple[Step, tuple[Problem, ...]]:
    """Return the call of `name` with the arguments in the text; unreadable ones are {} and a problem.

    With no tools nothing can be unknown: the name stands as it is.
    """
    values, problems = read_arguments(arguments)
    step, found = checked_call(name, values if values is not None else {}, tools, readable=values is not None)
    return step, problems + found


def checked_call(
    name: str, arguments: dict[str, Any], tools: Sequence[Tool], *, readable: bool = True
) -> tuple[Step, tuple[Problem, ...]]:
    """Return the call with the tool's name as declared, and its problems against `tools`."""
    tool, problems = _find(name, tools)
    step = Step(kind="call", tool=tool.name, arguments=arguments)
    declared = tool in tools
    return step, problems + (tuple(problems_of(tool, arguments)) if declared and readable else ())


def call_in(
    value: Mapping[str, Any], tools: Sequence[Tool], keys: Sequence[str] = ("arguments", "parameters")
) -> tuple[Step, tuple[Problem, ...]]:
    """Return the call in {"name": …, "arguments": {…}}; `keys` are what the arguments may stand under."""
    arguments = next((value[key] for key in keys if key in value), None)
    if isinstance(arguments, dict):
        return checked_call(value["name"], arguments, tools)
    return read_call(value["name"], "" if arguments is None else str(arguments), tools)


def _find(name: str, tools: Sequence[Tool]) -> tuple[Tool, tuple[Problem, ...]]:
    by_name = {tool.name: tool for tool in tools}
    name = name.strip()
    if name in by_name:
        return by_name[name], ()
    if not tools:
        bare = _WRAPPED.sub(r"\2", name)
        return Tool(name=bare), () if bare == name else _written(name)
    bare = name.removesuffix("()").strip(_WRAPPING)
    in_lower = {known.lower(): tool for known, tool in by_name.items()}
    if tool := by_name.get(bare) or in_lower.get(bare.lower()):
        return tool, _written(name)
    return Tool(name=name), (Problem("unknown_tool", f"no tool {name[:60]!r}.{did_you_mean(name, by_name)}"),)


def _written(name: str) -> tuple[Problem, ...]:
    return (Problem("repaired", f"the tool's name is written {name[:60]!r}"),)
