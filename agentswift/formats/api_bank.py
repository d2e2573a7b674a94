"""api_bank: a dialogue in one text with API-Request: [name(key='value')]->result, API descriptions before it."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.agent_templates.json_text import read_json
from agentswift.conversation import Conversation, Step, Tool
from agentswift.formats.calls import bad_call, listed_calls
from agentswift.formats.chat import bad_content
from agentswift.formats.tools import bad_tools, read_tools
from agentswift.formats.turns import Turns

_ASKS = re.compile(r"\s*Generate an? (?:API request in the format of \[ApiName\(|response as an AI assistant)")
_NOW = re.compile(r"^The current (?:year|time) is .*$", re.MULTILINE)
_APIS = re.compile(r"API descriptions:\s*")
_SPEAKER = re.compile(r"^(User|AI|API-Request|Generate (?:next )?(?:API Request|AI Response)):[ \t]*", re.MULTILINE)
_RESULT = re.compile(r"\]\s*->\s*")


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the instruction is API-Bank's."""
    return isinstance(row.get("instruction"), str) and _ASKS.match(row["instruction"]) is not None


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row, its `output` or `expected_output` as the last step; without one, a question.

    What went before it, calls included, is not trained: other rows have it as their answer.
    """
    for key in ("instruction", "input"):
        if not isinstance(row.get(key), str):
            raise bad_content(row.get(key), f"$.{key}")
    now = _NOW.search(row["instruction"])
    dialogue, tools = _read_apis(row["instruction"] + "\n" + row["input"])
    turns = Turns()
    _say(turns, dialogue, "$.input", train=False)
    key = "expected_output" if row.get("expected_output") is not None else "output"
    if expected := row.get(key):
        if not isinstance(expected, str):
            raise bad_content(expected, f"$.{key}")
        labelled = expected if _SPEAKER.match(expected.strip()) else f"AI: {expected}"
        _say(turns, labelled.strip(), f"$.{key}", train=True)
    return turns.conversation(now[0] if now else None, tools, is_prompt=not expected)


def _read_apis(text: str) -> tuple[str, tuple[Tool, ...]]:
    """Return what stands behind the API descriptions, and the tools that they describe."""
    mark = _APIS.search(text)
    declared, at = [], mark.end() if mark else 0
    while mark and (found := read_json(text, at)) and isinstance(found.value, dict):
        api = found.value
        declared.append({**api, "name": api.get("apiCode") or api.get("name")})
        at = found.end
    if mark and not declared:
        raise bad_tools(f"no API is described here: {text[at : at + 60]!r}", "$.input")
    return text[at:] if mark else text.partition("\nInput:")[2] or text, read_tools(declared)


def _say(turns: Turns, text: str, path: str, *, train: bool) -> None:
    marks = list(_SPEAKER.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        said = text[mark.end() : end].strip()
        if mark[1] == "User":
            turns.user(said)
        elif mark[1] == "AI":
            turns.add(Step(kind="text", text=said, train=train), path)
        elif mark[1] == "API-Request":
            _request(turns, said, path, train=train)


def _request(turns: Turns, text: str, path: str, *, train: bool) -> None:
    """Add a request, and its result where one stands behind an arrow."""
    result = _RESULT.search(text)
    calls = listed_calls(text[: result.start() + 1] if result else text, path)
    if not calls:
        raise bad_call(f"no [ApiName(key='value')] here: {text[:60]}", path)
    for call in calls:
        turns.add(Step(kind="call", tool=call.tool, arguments=call.arguments, train=train), path)
    if result:
        turns.add(Step(kind="observation", text=text[result.end() :].strip()), path)
