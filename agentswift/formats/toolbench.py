"""toolbench: ToolLLaMA's AutoGPT prompt with a Python list of functions, results in `function` messages."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Tool
from agentswift.formats.chat import headed, spoken
from agentswift.formats.tools import bad_tools, read_tools
from agentswift.formats.trajectory import Trajectory
from agentswift.formats.turns import Turns

_APIS = re.compile(r"Specifically, you have access to the following APIs:\s*")
_SUMMARY = re.compile(r"You have access of the following tools:\n(.*?)\s*\Z", re.DOTALL)
_BEGIN = re.compile(r"\s*\nBegin!\s*\Z")


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the system message is ToolBench's."""
    return any(role == "system" and declares(text) for role, text in spoken(row))


def declares(text: str) -> bool:
    """Whether a text declares tools in ToolBench's words."""
    return _APIS.search(text) is not None


def asked(text: str) -> str:
    """Return the user's words without the "Begin!" behind them."""
    return _BEGIN.sub("", text).strip()


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row; `Finish` stays the call that it is, for its tool is declared with the others.

    Of the prompt only the list of tools and their summaries is the row's own: the rules of the format are left to
    the agent template, and so is "Begin!" behind the query.
    """
    head, said = headed(row)
    system, tools = read_system(head.text, head.path) if head else (None, ())
    trajectory = Trajectory(Turns())
    for message in said:
        if message.role == "user":
            trajectory.ask(asked(message.text))
        else:
            trajectory.message(message)
    return trajectory.turns.conversation(system, tools)


def read_system(text: str, path: str) -> tuple[str | None, tuple[Tool, ...]]:
    """Return the summary of the tools, which is the row's own, and the tools. Raises RowError bad-tools."""
    apis = _APIS.search(text)
    if apis is None:
        raise bad_tools("ToolBench's list of APIs is not in the system message", path)
    summary = _SUMMARY.search(text[: apis.start()])
    return (summary[0].strip() if summary else None), read_tools(text[apis.end() :], path)
