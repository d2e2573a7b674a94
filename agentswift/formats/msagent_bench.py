"""msagent_bench (damo/MSAgent-Bench): calls between <|startofthink|> marks, results between <|startofexec|> marks."""

import json
import re
from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Step, Tool
from agentswift.formats.calls import bad_call
from agentswift.formats.chat import headed, spoken
from agentswift.formats.tools import read_tools
from agentswift.formats.turns import Turns, empty_assistant
from agentswift.formats.values import arguments, parsed

_MARKED = re.compile(r"<\|startof(think|exec)\|>(.*?)<\|endof\1\|>", re.DOTALL)
_FENCE = re.compile(r"\A\s*```\w*\s*\n?(.*?)\n?\s*```\s*\Z", re.DOTALL)
_API = re.compile(r"(?:\A|\s)\d+\.\s*(?=\{)")
# The sentence that says how to call, up to the first API, or to its own end where there is none.
_INSTRUCTION = re.compile(r"(?:当前对话可以使用的插件信息如下|[^\n。.]*<\|startofthink\|>).*\Z", re.DOTALL)


def matches(row: Mapping[str, Any]) -> bool:
    """Whether a message of the agent, or the system message, holds the marks of a call."""
    return any(role in ("system", "assistant") and "<|startofthink|>" in text for role, text in spoken(row))


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row: tools out of the numbered list in the system message.

    A call's `url` says at which address the tool ran; it is left out, and a tool that stands there once for each of its
    addresses counts once. What is said before a call is its thought.
    """
    head, said = headed(row)
    system, tools = _read_system(head.text, head.path) if head else (None, ())
    turns = Turns()
    for message in said:
        if message.role == "user":
            turns.user(message.text)
        else:
            _answer(turns, message.text, message.path)
    return turns.conversation(system, tools)


def _answer(turns: Turns, text: str, path: str) -> None:
    if not text.strip():
        raise empty_assistant(path)
    at = 0
    for part in _MARKED.finditer(text):
        _say(turns, text[at : part.start()], path)
        body = fence[1] if (fence := _FENCE.match(part[2])) else part[2].strip()
        turns.add(_call(body, path) if part[1] == "think" else Step(kind="observation", text=body), path)
        at = part.end()
    _say(turns, text[at:], path)


def _say(turns: Turns, text: str, path: str) -> None:
    if text.strip():
        turns.add(Step(kind="text", text=text.strip()), path)


def _call(text: str, path: str) -> Step:
    try:
        call = parsed(text)
    except ValueError as error:
        raise bad_call(f"a call is not JSON ({error}): {text[:60]}", path) from error
    name = call.get("api_name") if isinstance(call, dict) else None
    if not isinstance(name, str) or not name:
        raise bad_call(f"a call needs an api_name: {text[:60]}", path)
    return Step(kind="call", tool=name, arguments=arguments(call.get("parameters"), path))


def _read_system(text: str, path: str) -> tuple[str | None, tuple[Tool, ...]]:
    """Return what the system message says besides how to call, and its tools."""
    first, declared, at = len(text), dict[str, Any](), 0
    while api := _API.search(text, at):
        first = min(first, api.start())
        try:
            plugin, at = json.JSONDecoder(strict=False).raw_decode(text, api.end())
        except ValueError:
            at = api.end()
            continue
        tool = _declared(plugin)
        declared.setdefault(str(tool.get("name")), tool)
    system = _INSTRUCTION.sub("", text[:first]) + (text[at:] if declared else "")
    return system.strip() or None, read_tools(list(declared.values()), path)


def _declared(plugin: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool in plain words from {plugin_name, plugin_schema_for_model} or {name, description, paths}."""
    inner = plugin.get("plugin_schema_for_model") or plugin
    inner = inner if isinstance(inner, Mapping) else plugin
    paths = inner.get("paths") or [{}]
    path = paths[0] if isinstance(paths, list) and isinstance(paths[0], Mapping) else {}
    return {
        "name": plugin.get("plugin_name") or inner.get("name"),
        "description": inner.get("description") or plugin.get("description"),
        "parameters": path.get("parameters"),
    }
