"""glaive (glaive-function-calling, v1, v2): one text of USER, ASSISTANT, FUNCTION RESPONSE; <functioncall> {…}."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.agent_templates.json_text import read_json
from agentswift.conversation import Conversation, Step, Tool
from agentswift.errors import RowError
from agentswift.formats.calls import bad_call
from agentswift.formats.chat import bad_content, labelled, nobody_says
from agentswift.formats.tools import read_tools
from agentswift.formats.turns import Turns, empty_assistant
from agentswift.formats.values import arguments

_SPEAKER = re.compile(r"(?:\A|\n)\s*(USER|ASSISTANT|FUNCTION RESPONSE):[ \t]*")
_CALL = re.compile(r"<functioncall>\s*")
_QUOTED = re.compile(
    r"""("arguments"\s*:\s*)'(.*)'(\s*\}\s*)\Z""", re.DOTALL
)  # arguments as JSON between single quotes
_TOOLS = re.compile(r"You are a helpful assistant with access to the following functions\.[^\n{]*")
_END = "<|endoftext|>"


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row is v2's {system, chat} or v1's {sample}."""
    return any(isinstance(row.get(key), str) and "USER:" in row[key] for key in ("chat", "sample"))


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row. The sentence that brings the functions is left to the agent template."""
    key = "chat" if row.get("chat") is not None else "sample"
    text = row.get(key)
    if not isinstance(text, str):
        raise bad_content(text, f"$.{key}")
    first = _SPEAKER.search(text)
    head = row.get("system") if key == "chat" else text[: first.start() if first else 0]
    if head is not None and not isinstance(head, str):
        raise bad_content(head, "$.system")
    system, tools = _read_system((head or "").strip().removeprefix("SYSTEM:").strip())
    return _read_chat(text, f"$.{key}").conversation(system, tools)


def _read_chat(text: str, path: str) -> Turns:
    turns = Turns()
    for speaker, words in labelled(text.replace(_END, ""), _SPEAKER):
        if speaker == "USER":
            turns.user(words)
        elif speaker == "ASSISTANT":
            turns.extend(_answer(words, path), path)
        elif speaker:
            turns.add(Step(kind="observation", text=words), path)
        elif words and path == "$.chat":  # v1's text opens with the system prompt
            raise nobody_says(words, path)
    return turns


def _answer(text: str, path: str) -> list[Step]:
    if not text:
        raise empty_assistant(path)
    words, *calls = _CALL.split(text)
    said = [Step(kind="text", text=words.strip())] if words.strip() else []
    return [*said, *(_call(call.strip(), path) for call in calls)]


def _call(text: str, path: str) -> Step:
    text = text.removesuffix("</functioncall>").strip()
    quoted = _QUOTED.search(text)
    given = quoted[2].replace("\\'", "'") if quoted else None
    found = read_json(text if quoted is None else f"{text[: quoted.start()]}{quoted[1]}null{quoted[3]}")
    call = found.value if found else None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise bad_call(f"<functioncall> is followed by no call: {text[:60]}", path)
    return Step(
        kind="call", tool=call["name"], arguments=arguments(call.get("arguments") if given is None else given, path)
    )


def _read_system(text: str) -> tuple[str | None, tuple[Tool, ...]]:
    """Return the system prompt without its functions, and those: objects one behind another."""
    declared, start = [], text.find("{")
    at = start
    while at >= 0 and (found := read_json(text, at)) and isinstance(found.value, dict):
        declared.append(found.value)
        at = found.end if text[found.end :].strip() else -1
    try:
        tools = read_tools(declared, "$.system")
    except RowError:
        if _TOOLS.search(text):
            raise
        return text or None, ()  # a prompt with braces of its own
    if declared and at >= 0:
        raise RowError(
            f"a function that cannot be read: {text[at : at + 60].strip()}", path="$.system", rule="bad-tools"
        )
    return _TOOLS.sub("", text[:start] if declared else text).strip(" -\n") or None, tools
