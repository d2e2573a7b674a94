"""agentfabric: modelscope-agent's RolePlay prompts, Chinese and English (modelscope_agent/agents/role_play.py)."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Tool
from agentswift.formats.chat import Message, headed, spoken
from agentswift.formats.tools import bad_tools, schema
from agentswift.formats.trajectory import Trajectory, steps
from agentswift.formats.turns import Turns
from agentswift.formats.values import parsed

_TOOLS = re.compile(
    r"\s*#\s*(?:工具|Tools)\s*\n+##\s*(?:你拥有如下工具：|You have the following tools:)\s*\n"
    r"(?P<tools>.*?)\n*##\s*(?:当你需要调用工具时|When you need to call a tool)"
    r".*?\nAction Input:.*?\nObservation:.*?\nAnswer:[^\n]*\n*",
    re.DOTALL,
)
_ROLE = re.compile(
    r"\s*#\s*(?:指令|Instructions)\s*\n+(?P<role>.*?)\s*"
    r"(?:请注意：你具有图像和视频的展示能力[^\n]*|Note: you have the ability to display images[^\n]*)?\s*\Z",
    re.DOTALL,
)
_API = re.compile(r"^[ \t]*(?P<name>[^:：\n]+?)\s*[:：]\s*", re.MULTILINE)
_SCHEMA = re.compile(r"\s*(?:输入参数|Parameters)\s*[:：]\s*(?=[{\[])")
_PREFIX = re.compile(
    r"\A\s*\((?:(?:你正在扮演|You are playing as ).*?)?"
    r"(?:[。.]?\s*(?:你可以使用工具：|you can use tools: )\[[^\]]*\])?"
    r"(?:[。.]\s*(?:请查看前面的知识库|Please read the knowledge base at the beginning))?\)",
    re.DOTALL,
)
_GIVEN = re.compile(
    r"Action[ \t]*[:：][^\n]*\nAction Input[ \t]*[:：].*?\n?Observation[ \t]*[:：]\s*<result>", re.DOTALL
)
_RESULT = re.compile(r"<result>.*</result>\s*\nAnswer[ \t]*[:：]", re.DOTALL)  # as no other layout words it
# Seed 003's converter put a backslash before every parameter's name: "\city" for "city".
_STRAY = re.compile(r'"\\(?!u[0-9a-fA-F]{4})(\w[^"\\]*"\s*:)')


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the system message, a user's or a result is worded as AgentFabric words it."""
    return any(
        (role == "system" and _TOOLS.search(text))
        or (role == "user" and _prefixed(text))
        or (role == "assistant" and _RESULT.search(text))
        for role, text in spoken(row)
    )


def _prefixed(text: str) -> bool:
    return (found := _PREFIX.match(text)) is not None and len(found[0].strip()) > 2


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row, results in the agent's own slot or, as in `addition`, behind the user's words.

    There the runtime appended call and result to the user's message: they are steps of the turn, not trained,
    for another row holds them as its answer. `Final Answer:` counts as `Answer:`, for the converted ms_agent rows
    kept it. The text around the tools and the role stays the system prompt; the wording is left to the template.
    """
    head, said = headed(row)
    system, tools = read_system(head.text, head.path) if head else (None, ())
    trajectory, carried = Trajectory(Turns(), fabric=True), ""
    for message in said:
        if message.role == "user":
            carried = _asked(trajectory, message)
        elif message.role == "assistant" and carried:
            given = len(steps(carried, message.path, fabric=True))
            trajectory.answer(f"{carried}\n{message.text}", message.path, given=given, flags=message)
            carried = ""
        else:
            trajectory.message(message)
    return trajectory.turns.conversation(system, tools)


def _asked(trajectory: Trajectory, message: Message) -> str:
    """Add the user's own words, and return what the runtime put behind them."""
    text = message.text
    text = text[len(found[0]) :] if _prefixed(text) and (found := _PREFIX.match(text)) else text
    given = _GIVEN.search(text)
    trajectory.ask((text[: given.start()] if given else text).strip())
    return text[given.start() :] if given else ""


def read_system(text: str, path: str) -> tuple[str | None, tuple[Tool, ...]]:
    """Return the knowledge and the role prompt, and the tools. Raises RowError bad-tools."""
    tools: tuple[Tool, ...] = ()
    if found := _TOOLS.search(text):
        tools = _read_tools(found["tools"], path)
        text = f"{text[: found.start()]}\n\n{text[found.end() :].lstrip()}"
    if role := _ROLE.search(text):
        text = f"{text[: role.start()]}\n\n{role['role']}"
    return text.strip() or None, tools


def _read_tools(text: str, path: str) -> tuple[Tool, ...]:
    """Return the tools of `NAME: NAME API。ABOUT 输入参数: SCHEMA Format the arguments as a JSON object.` lines."""
    tools, at = [], 0
    while text[at:].strip():
        name = _API.search(text, at)
        written = _SCHEMA.search(text, name.end()) if name else None
        if name is None or written is None:
            raise bad_tools(f"no tool is described here: {text[at : at + 60].strip()!r}", path)
        about = re.sub(r"\A[^。.\n]* API[。.]", "", text[name.end() : written.start()]).strip()
        line_end = text.find("\n", written.end())
        at = len(text) if line_end < 0 else line_end
        tools.append(
            Tool(
                name=name["name"],
                description=about,
                parameters=schema(_schema_text(text[written.end() : at], path), path),
            )
        )
    return tuple(tools)


def _schema_text(line: str, path: str) -> Any:
    line = line.strip()
    closing = max(line.rfind("}"), line.rfind("]")) + 1
    try:
        return parsed(_STRAY.sub(r'"\1', line[:closing]))
    except ValueError as error:
        raise bad_tools(f"parameters are not JSON ({error}): {line[:60]}", path) from error
