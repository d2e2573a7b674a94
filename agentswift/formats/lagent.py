"""lagent: its ReAct prompts, Chinese and English; a tool's result is a system message that opens with `Response:`."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Tool
from agentswift.errors import RowError
from agentswift.formats.chat import headed, spoken
from agentswift.formats.tools import bad_tools, read_tools
from agentswift.formats.trajectory import Trajectory
from agentswift.formats.turns import Turns
from agentswift.formats.values import parsed

_PROMPT = re.compile(
    r"(?:You are a assistant who can utilize external tools\.|你是一个可以调用外部工具的助手，可以使用的工具包括：)\s*"
    r"(?P<tools>.*?)\s*"
    r"(?:To use a tool, please use the following format|如果使用工具请遵循以下格式回复)[:：].*?(?:Begin!|开始!)\s*",
    re.DOTALL,
)
_RESPONSE = re.compile(r"\s*Response[ \t]*[:：][ \t]*")
_WITHIN = re.compile(r"^Response(?=[ \t]*[:：])", re.MULTILINE)
_GIVEN = re.compile(r"\s*输入参数[:：]\s*(?=\{)")  # xtuner's, behind the description of an MSAgent-Bench tool


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the prompt is lagent's, or a system message brings a result."""
    return any(role == "system" and (_PROMPT.search(text) or _RESPONSE.match(text)) for role, text in spoken(row))


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row: tools out of the prompt, results out of system messages or within the answers.

    Any other later system message ("You should directly give results …") is read as the user's word: the runtime puts
    it to the model in the same way.
    """
    head, said = headed(row, system_anywhere=True)
    system, tools = _read_system(head.text, head.path) if head else (None, ())
    trajectory = Trajectory(Turns())
    for message in said:
        result = _RESPONSE.match(message.text) if message.role != "assistant" else None
        if result:
            trajectory.observe(message.text[result.end() :].rstrip("\n"), message.path)
        elif message.role == "assistant":
            trajectory.answer(_WITHIN.sub("Observation", message.text), message.path)
        elif message.role == "system":
            trajectory.ask(message.text)
        else:
            trajectory.message(message)
    return trajectory.turns.conversation(system, tools)


def _read_system(text: str, path: str) -> tuple[str | None, tuple[Tool, ...]]:
    if (prompt := _PROMPT.search(text)) is None:
        return text, ()
    try:
        declared = parsed(prompt["tools"])
    except ValueError as error:
        raise bad_tools(f"lagent's tools are no list ({error}): {prompt['tools'][:60]}", path) from error
    if isinstance(declared, dict) and not isinstance(declared.get("name"), str):
        declared = [_described(name, about) for name, about in declared.items()]
    around = f"{text[: prompt.start()].rstrip()}\n\n{text[prompt.end() :].lstrip()}"
    return around.strip() or None, read_tools(declared, path)


def _described(name: str, about: Any) -> dict[str, Any]:
    """Return the tool of xtuner's {name: description 输入参数: {name: description}}."""
    given = _GIVEN.search(str(about))
    if given is None:
        return {"name": name, "description": str(about)}
    try:
        properties = parsed(about[given.end() :])
    except ValueError:
        raise RowError(f"the parameters of {name!r} are no object: {about[:60]}", rule="bad-tools") from None
    return {"name": name, "description": about[: given.start()], "parameters": {"properties": properties}}
