"""ms_swift: ms-swift's own rows, calls and results in messages of their own; read as `messages` is, and written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentswift.conversation import Conversation
from agentswift.errors import RowError
from agentswift.formats import messages
from agentswift.formats.chat import reasoned


def write(conversation: Conversation) -> dict[str, Any]:
    """Return ms-swift's row: tool_call and tool_response messages, thoughts in <think> tags, tools as text.

    Words before a call are its thought. Raises RowError not-held for a thought or an answer that the tags would garble.
    """
    row = messages.write(conversation)
    said = [part for message in row["messages"] for part in _spelled(message)]
    tools = {"tools": json.dumps(row["tools"], ensure_ascii=False)} if "tools" in row else {}
    return {**tools, "messages": said}


def _spelled(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    flags = flags_of(message)
    if message["role"] == "tool":
        yield {"role": "tool_response", "content": message["content"], **flags}
    elif message["role"] != "assistant":
        yield dict(message)
    else:
        if text := spoken_text(message):
            yield {"role": "assistant", "content": text, **flags}
        for call in calls_of(message):
            yield {"role": "tool_call", "content": json.dumps(call, ensure_ascii=False), **flags}


def flags_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a message says about its loss."""
    return {key: message[key] for key in ("loss", "loss_scale") if key in message}


def calls_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the calls of OpenAI's message as {name, arguments}."""
    functions = [call["function"] for call in message.get("tool_calls", ())]
    return [{"name": function["name"], "arguments": json.loads(function["arguments"])} for function in functions]


def spoken_text(message: Mapping[str, Any]) -> str:
    """Return a message's thought in tags, and its words. Raises RowError not-held where they cannot be told apart."""
    thought, words = message.get("reasoning_content", ""), message["content"]
    text = f"{in_tags(thought)}{words}" if thought else words
    if reasoned(text) != (thought, words):
        raise not_held("a thought or an answer with <think> tags of its own")
    return text


def in_tags(thought: str) -> str:
    """Return a thought as Qwen3 and LLaMA-Factory write it before what follows."""
    return f"<think>\n{thought}\n</think>\n\n"


def not_held(what: str, fix: str = "convert to=messages, which holds everything") -> RowError:
    """Return the error of something that the layout to be written has no place for."""
    return RowError(f"the layout has no place for {what}", rule="not-held", fix=fix)
