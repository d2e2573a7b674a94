"""Calls as objects, and as Python writes them in a list: [get_weather(city="Paris"), now()]."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentswift.agent_templates.json_text import read_json
from agentswift.conversation import Step, Tool
from agentswift.errors import RowError
from agentswift.formats.values import arguments, parsed

_NAME = re.compile(r"[^\[\](){}=,'\"\n]+")
_KEY = re.compile(r"([^\W\d][\w.$-]*)\s*=(?!=)\s*")
_SPACE = re.compile(r"\s*")
# Where a value without quotes ends: at the next argument, or at the bracket that closes the call.
_BARE = re.compile(r"(.*?)\s*(?=,\s*[^\W\d][\w.$-]*\s*=|\)\s*(?:[,\]]|\Z))", re.DOTALL)


def call_of(call: Any, path: str) -> Step:
    """Return the call that an object, or its text, describes: bare, or OpenAI's {function: {…}}.

    Raises RowError bad-call or bad-arguments.
    """
    call = from_text(call, path)
    inner = call.get("function") or call if isinstance(call, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str) or not inner["name"]:
        raise bad_call(f"a call needs a name: {str(call)[:60]}", path)
    given = inner.get("arguments") if inner.get("arguments") is not None else inner.get("parameters")
    return Step(kind="call", tool=inner["name"], arguments=arguments(given, path))


def from_text(value: Any, path: str) -> Any:
    """Return a value, read where it is written as text. Raises RowError bad-call."""
    try:
        return parsed(value) if isinstance(value, str) else value
    except ValueError as error:
        raise bad_call(f"a call is not JSON ({error}): {value[:60]}", path) from error


def bad_call(message: str, path: str) -> RowError:
    """Return the error of a call that cannot be read."""
    return RowError(message, path=path, rule="bad-call", fix='write {"name": …, "arguments": {…}}')


def listed_calls(text: str, path: str, tools: Sequence[Tool] = ()) -> list[Step]:
    """Return the calls of a text that is a list of them and nothing else; none where it is plain text.

    With `tools` a list is one of calls when it opens with a declared name (which may hold spaces). Raises RowError
    bad-call for such a list that goes wrong further on.
    """
    text = text.strip()
    name = _name(text, _skip(text, 1), tools) if text.startswith("[") else ""
    if not name or (tools and name not in {tool.name for tool in tools}):
        return []
    calls, at = [], 1
    try:
        while text[at] != "]":
            call, at = _call(text, at, tools)
            calls.append(call)
            at = _skip(text, at)
            at = _skip(text, at + 1) if text[at] == "," else at
    except (ValueError, IndexError):
        raise _unreadable(text, path) from None
    if text[at + 1 :].strip(" \n."):
        raise _unreadable(text, path)
    return calls


def written_call(text: str, path: str, tools: Sequence[Tool] = ()) -> Step:
    """Return the one call that `text` writes as Python does. Raises RowError bad-call."""
    try:
        call, end = _call(text, 0, tools)
    except (ValueError, IndexError):
        raise _unreadable(text, path) from None
    if text[end:].strip():
        raise _unreadable(text, path)
    return call


def _unreadable(text: str, path: str) -> RowError:
    error = bad_call(f"calls that cannot be read: {text[:80]}", path)
    error.fix = "write [name(key=value, …), …] with nothing behind it"
    return error


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string too


def _name(text: str, at: int, tools: Sequence[Tool]) -> str:
    """Return the name that opens a call at `at`, the longest declared one first; "" where none does."""
    for tool in sorted(tools, key=lambda tool: -len(tool.name)):
        if text.startswith(f"{tool.name}(", at):
            return tool.name
    found = _NAME.match(text, at)
    return found[0] if found and text[found.end() : found.end() + 1] == "(" else ""


def _call(text: str, at: int, tools: Sequence[Tool]) -> tuple[Step, int]:
    """Return the call at `at` and where it ends. Raises ValueError or IndexError where there is none."""
    at = _skip(text, at)
    name = _name(text, at, tools)
    if not name:
        raise ValueError
    given, unnamed = dict[str, Any](), list[Any]()
    at = _skip(text, at + len(name) + 1)
    while text[at] != ")":
        key = _KEY.match(text, at)
        value, at = _value(text, key.end() if key else at)
        if key:
            given[key[1]] = value
        else:
            unnamed.append(value)
        at = _skip(text, at + 1) if text[at] == "," else at
    return Step(kind="call", tool=name, arguments={**_named(unnamed, name, tools), **given}), at + 1


def _value(text: str, at: int) -> tuple[Any, int]:
    """Return a value as JSON or Python writes it, or words without quotes, and where what follows begins."""
    found = read_json(text, at)
    if found and text[_skip(text, found.end)] in ",)":
        return found.value, _skip(text, found.end)
    bare = _BARE.match(text, at)
    if not bare or not bare[1]:
        raise ValueError
    return bare[1], _skip(text, bare.end())


def _named(values: list[Any], name: str, tools: Sequence[Tool]) -> dict[str, Any]:
    """Return values without a name under the names that the tool declares, in its order."""
    names = next((list(tool.parameters.get("properties", {})) for tool in tools if tool.name == name), [])
    if len(values) > len(names):
        raise ValueError
    return dict(zip(names, values, strict=False))
