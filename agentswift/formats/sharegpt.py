"""sharegpt: from/value messages, calls and results as function_call and observation, tools as the text of a list."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentswift.conversation import Conversation
from agentswift.formats import messages
from agentswift.formats.chat import listed, reasoned
from agentswift.formats.messages import read
from agentswift.formats.ms_swift import calls_of, flags_of, in_tags, not_held, spoken_text

__all__ = ["matches", "read", "write"]  # read: the spelling is all that differs from messages


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row holds messages with a `from`."""
    found = listed(row)
    return found is not None and bool(found[1]) and isinstance(found[1][0], Mapping) and "from" in found[1][0]


def write(conversation: Conversation) -> dict[str, Any]:
    """Return LLaMA-Factory's row: a turn's parallel calls in one function_call, thoughts before them in <think> tags.

    Raises RowError not-held for a thought or an answer that the tags would garble.
    """
    row = messages.write(conversation)
    said = [part for message in row["messages"] for part in _spelled(message)]
    tools = [tool["function"] for tool in row.get("tools", ())]
    return {"conversations": said, **({"tools": json.dumps(tools, ensure_ascii=False)} if tools else {})}


_FROM = {"system": "system", "user": "human", "tool": "observation"}


def _spelled(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    flags = flags_of(message)
    if message["role"] != "assistant":
        yield {"from": _FROM[message["role"]], "value": message["content"], **flags}
    elif calls := calls_of(message):
        written = json.dumps(calls if len(calls) > 1 else calls[0], ensure_ascii=False)
        if thought := message["content"]:
            written = in_tags(thought) + written
            if reasoned(written)[0] != thought:
                raise not_held("a thought with <think> tags of its own")
        yield {"from": "function_call", "value": written, **flags}
    else:
        yield {"from": "gpt", "value": spoken_text(message), **flags}
