"""toolace: tools as a JSON list in the prompt, calls as [name(key=value), …]; also BFCL's and Llama's prompt."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentswift.agent_templates.json_text import read_json
from agentswift.conversation import Conversation, Step, Tool
from agentswift.formats.calls import listed_calls
from agentswift.formats.chat import headed, spoken
from agentswift.formats.tools import bad_tools, read_tools
from agentswift.formats.turns import Turns, empty_assistant
from agentswift.formats.values import parsed

_TOOLS = re.compile(r"Here is a list of functions in JSON format that you can invoke[:：.]?\s*(?=\[)")
_FORMAT = re.compile(
    r"\s*(?:You should only return the function calls? in (?:the )?tools? call sections?\.|"
    r"Should you decide to return the function call\(s\)[,.]?\s*Put it in the format of \[[^\]]*\]|"
    r"NO other text MUST be included\.)\s*"
)


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the prompt lists functions to invoke, or tools are declared and an answer is a list of calls."""
    said = spoken(row)
    if any(role in ("system", "user") and _TOOLS.search(text) for role, text in said):
        return True
    return bool(row.get("tools")) and any(role == "assistant" and _CALLS.match(text) for role, text in said)


_CALLS = re.compile(r"\s*\[[^\[\](){}=,'\"\n]+\((?:\s*[^\W\d]\w*\s*=.*|\s*)\)\s*\]\s*\Z", re.DOTALL)


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row. The sentences about the format are left to the agent template.

    A result that is a JSON list, one object for each of the calls before it, is as many results.
    """
    head, said = headed(row)
    system, tools = _read_system(head.text, head.path) if head else (None, ())
    tools += read_tools(row.get("tools"))
    turns, waiting = Turns(), 0
    for message in said:
        text, path = message.text, message.path
        if message.role == "user":
            if not tools and _TOOLS.search(text):
                text, tools = _read_prompt(text, path)
            turns.user(text)
        elif message.role == "observation":
            turns.extend((Step(kind="observation", text=part) for part in _results(text, waiting)), path)
        else:
            steps = _steps(text, path, tools)
            waiting = sum(step.kind == "call" for step in steps)
            turns.extend(steps, path)
    return turns.conversation(system, tools)


def _steps(text: str, path: str, tools: Sequence[Tool]) -> list[Step]:
    if not text.strip():
        raise empty_assistant(path)
    return listed_calls(text, path, tools) or [Step(kind="text", text=text)]


def _results(text: str, calls: int) -> list[str]:
    """Return the results in a message: as many as there were calls, where they stand in a list."""
    try:
        value = parsed(text) if calls > 1 else None
    except ValueError:
        return [text]
    if not isinstance(value, list) or len(value) != calls or not all(isinstance(item, dict) for item in value):
        return [text]
    found, at = list[str](), text.index("[") + 1
    for _ in value:  # as they are written, not as they would be written anew
        at = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]  # matches the empty string too
        if (item := read_json(text, at)) is None:
            return [text]
        found.append(text[at : item.end])
        at = item.end
    return found


def _read_prompt(text: str, path: str) -> tuple[str, tuple[Tool, ...]]:
    system, tools = _read_system(text, path)
    return system or "", tools


def _read_system(text: str, path: str) -> tuple[str | None, tuple[Tool, ...]]:
    if (mark := _TOOLS.search(text)) is None:
        return text, ()
    if (found := read_json(text, mark.end())) is None:
        raise bad_tools(f"the list of functions cannot be read: {text[mark.end() : mark.end() + 60]}", path)
    around = f"{text[: mark.start()].rstrip()}\n{text[found.end :].lstrip(' .')}"
    return _FORMAT.sub("\n", around).strip() or None, read_tools(found.value, path)
