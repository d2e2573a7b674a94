"""anthropic: messages of blocks, calls as tool_use, results as tool_result in the user's message, input_schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentswift.conversation import Conversation, Step
from agentswift.errors import RowError
from agentswift.formats.calls import bad_call
from agentswift.formats.chat import Message, bad_content, listed, messages, part_text
from agentswift.formats.tools import read_tools
from agentswift.formats.turns import Turns, empty_assistant
from agentswift.formats.values import arguments

_BLOCKS = ("tool_use", "tool_result")


def matches(row: Mapping[str, Any]) -> bool:
    """Whether a message holds a tool_use or tool_result block, or a tool declares an input_schema."""
    found = listed(row)
    tools = row.get("tools")
    return found is not None and (
        any(_is_block(part) for m in found[1] if isinstance(m, Mapping) for part in _parts(m.get("content")))
        or (isinstance(tools, list) and any(isinstance(tool, Mapping) and "input_schema" in tool for tool in tools))
    )


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _is_block(part: Any) -> bool:
    return isinstance(part, Mapping) and (part.get("type") in _BLOCKS or isinstance(part.get("thinking"), str))


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row; results are put in the order of the calls whose ids they name."""
    turns, system = read_turns(row)
    return turns.conversation(system, read_tools(row.get("tools")))


def read_turns(row: Mapping[str, Any]) -> tuple[Turns, str | None]:
    """Return the turns and the system prompt of a row."""
    turns, system, asked = Turns(), None, list[str]()
    for message in messages(row):
        if message.role == "system":
            system = message.text
        elif message.role == "assistant":
            asked = [str(part.get("id")) for part in _parts(message.content) if _type(part) == "tool_use"]
            steps = [_step(part, path) for part, path in _blocks(message)]
            if not steps:
                raise empty_assistant(message.path)
            turns.extend(steps, message.path)
        else:
            _user(turns, message, asked)
    return turns, system


def _type(part: Any) -> Any:
    return part.get("type") if isinstance(part, Mapping) else None


def _blocks(message: Message) -> Iterator[tuple[Any, str]]:
    if isinstance(message.content, str):
        yield {"type": "text", "text": message.content}, message.path
    elif not isinstance(message.content, list):
        raise bad_content(message.content, message.path)
    else:
        yield from ((part, f"{message.path}[{i}]") for i, part in enumerate(message.content))


def _step(part: Any, path: str) -> Step:
    if _type(part) == "thinking" and isinstance(part.get("thinking"), str):
        return Step(kind="thought", text=part["thinking"])
    if _type(part) != "tool_use":
        return Step(kind="text", text=part_text(part, path))
    if not isinstance(part.get("name"), str) or not part["name"]:
        raise bad_call(f"a tool_use block needs a name: {str(part)[:60]}", path)
    return Step(kind="call", tool=part["name"], arguments=arguments(part.get("input"), path))


def _user(turns: Turns, message: Message, asked: list[str]) -> None:
    """Add a user's message: the results in it first, whatever their place, then the words."""
    blocks = list(_blocks(message))
    results = [(part, path) for part, path in blocks if _type(part) == "tool_result"]
    order = {call: number for number, call in enumerate(asked)}
    results.sort(key=lambda block: order.get(str(block[0].get("tool_use_id")), len(order)))
    for part, path in results:
        turns.add(Step(kind="observation", text=_result(part.get("content"), path)), path)
    if words := [part_text(part, path) for part, path in blocks if _type(part) != "tool_result"]:
        turns.user("".join(words))


def _result(content: Any, path: str) -> str:
    """Return a result's text; one without content is empty."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise bad_content(content, path)
    try:
        return "".join(part_text(part, path) for part in content)
    except RowError as error:
        error.fix = "a result of images has no text: describe it, or remove the row"
        raise
