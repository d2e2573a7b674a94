"""api_bank: a dialogue in one text with API-Request: [name(key='value')]->result, API descriptions before it."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.agent_templates.json_text import read_json
from agentswift.conversation import Conversation, Step, Tool
from agentswift.formats.calls import bad_call, listed_calls
from agentswift.formats.chat import bad_content, labelled, nobody_says
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
    dialogue, tools = _read_apis(row["instruction"] + "\n" + row["input"]) or (row["input"], ())
    turns = Turns()
    _say(turns, dialogue, "$.input", train=False)
    key = "expected_output" if row.get("expected_output") is not None else "output"
    if expected := row.get(key):
        if not isinstance(expected, str):
            raise bad_content(expected, f"$.{key}")
        said = expected.strip() if _SPEAKER.match(expected.strip()) else f"AI: {expected}"
        _say(turns, said, f"$.{key}", train=True)
    return turns.conversation(now[0] if now else None, tools, is_prompt=not expected)


def _read_apis(text: str) -> tuple[str, tuple[Tool, ...]] | None:
    """Return what stands behind the API descriptions, and the tools that they describe; None where there are none."""
    if (mark := _APIS.search(text)) is None:
        return None
    declared, at = [], mark.end()
    while (found := read_json(text, at)) and isinstance(found.value, dict):
        api = found.value
        declared.append({**api, "name": api.get("apiCode") or api.get("name")})
        at = found.end
    if not declared:
        raise bad_tools(f"no API is described here: {text[at : at + 60]!r}", "$.input")
    return text[at:].strip().removeprefix("Input:"), read_tools(declared)


def _say(turns: Turns, text: str, path: str, *, train: bool) -> None:
    for speaker, said in labelled(text, _SPEAKER):
        if speaker == "User":
            turns.user(said)
        elif speaker == "AI":
            turns.add(Step(kind="text", text=said, train=train), path)
        elif speaker == "API-Request":
            _request(turns, said, path, train=train)
        elif said:
            raise nobody_says(said, path)


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
