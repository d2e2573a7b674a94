"""ms_agent (iic/ms_agent): tools in an English ReAct prompt, whole trajectories, results included, in one answer."""

import re
from collections.abc import Mapping
from json import JSONDecodeError, JSONDecoder
from typing import Any

from agentswift.conversation import Conversation, Tool
from agentswift.formats.chat import headed, spoken
from agentswift.formats.tools import bad_tools, schema
from agentswift.formats.trajectory import Trajectory
from agentswift.formats.turns import Turns

_HEAD = re.compile(
    r"(?:Answer the following questions as best(?: as)? you can\. You have access to the following (?:APIs|tools):"
    r"|尽可能地回答以下问题。你可以使用以下工具[:：])\s*"  # react_zh, ms-swift's Chinese of it
)
_TAIL = re.compile(
    r"\s*(?:Use the following format:.*?(?:\bBegin!|\Z)|请按照以下格式进行[:：].*?(?:现在开始！|\Z))", re.DOTALL
)
_NAME = re.compile(r"\s*(?P<number>\d+\.\s*)?(?P<name>[^:\n]+?)\s*:\s*")
_ABOUT = re.compile(
    r"(?:Call this tool to interact with the .*? API\.(?: What is the .*? API useful for\?)?"
    r"|调用此工具与 .*? API 进行交互。.*? 有什么用？)\s*(.*)",
    re.DOTALL,
)
_PARAMETERS = re.compile(r"\s*(?:Parameters:|输入参数[:：])\s*")


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the system message is ms_agent's prompt."""
    return any(role == "system" and _HEAD.search(text) for role, text in spoken(row))


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row: its tools out of the prompt, its calls and results out of the answers.

    Action Input and Observation are Python literals in this data: the former is parsed, the latter kept as it is.
    The prompt itself is left to the agent template; text around it stays the system prompt.
    """
    head, said = headed(row)
    system, tools = read_system(head.text, head.path) if head else (None, ())
    trajectory = Trajectory(Turns())
    for message in said:
        trajectory.message(message)
    return trajectory.turns.conversation(system, tools)


def end_of_prompt(text: str) -> int:
    """Return where ms_agent's prompt (or Qwen's, which it is) ends in a text; -1 where there is none."""
    head = _HEAD.search(text)
    tail = _TAIL.search(text, head.end()) if head else None
    return tail.end() if tail else -1


def read_system(text: str, path: str) -> tuple[str | None, tuple[Tool, ...]]:
    """Return what the system message says besides ms_agent's prompt, and the tools of the prompt."""
    head = _HEAD.search(text)
    if head is None:
        return text, ()
    at, tools = head.end(), []
    while not (tail := _TAIL.match(text, at)) and text[at:].strip():
        tool, at = _read_api(text, at, path)
        tools.append(tool)
    around = text[: head.start()] + (text[tail.end() :] if tail else "")
    return around.strip() or None, tuple(tools)


def _read_api(text: str, at: int, path: str) -> tuple[Tool, int]:
    """Return the tool described at `at`, and where the next begins. Raises RowError bad-tools."""
    if (name := _NAME.match(text, at)) is None:
        raise bad_tools(f"no tool is described here: {text[at : at + 60]!r}", path)
    for mark in _PARAMETERS.finditer(text, name.end()):
        try:
            parameters, end = JSONDecoder(strict=False).raw_decode(text, mark.end())
        except JSONDecodeError:
            continue  # the word stands in the description
        about = text[name.end() : mark.start()]
        line_end = text.find("\n", end)
        about = described(about, full_stop=name["number"] is not None)
        tool = Tool(name=name["name"], description=about, parameters=schema(parameters, path))
        return tool, len(text) if line_end < 0 else line_end
    raise bad_tools(f"no JSON after `Parameters:` for the tool {name['name']}", path)


def described(text: str, *, full_stop: bool) -> str:
    """Return a description without ms_agent's words around it, and the full stop that its numbered lines end with."""
    inner = _ABOUT.match(text)
    about = (inner[1] if inner else text).strip()
    return about.removesuffix(".").strip() if full_stop else about
