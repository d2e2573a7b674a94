"""ms_bench (iic/ms_bench): sharegpt rows, general talk; what ms-swift leaves out of them is refused here, by name."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentswift.conversation import Conversation
from agentswift.errors import RowError
from agentswift.formats.chat import listed
from agentswift.formats.messages import read as read_messages

# ms-swift 2.x and 4.6, _repair_ms_bench: another model's name, or a dialogue pasted into one message.
_UNWANTED = re.compile(r"moss|human:|assistant:|user:", re.IGNORECASE)
_EVERYONES = "You are a helpful assistant."  # it says nothing about the row


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row without the system prompt that every model has.

    Raises RowError unwanted-words for what ms-swift drops: 17 in 100 rows of the whole set.
    """
    key, said = listed(row) or ("", [])
    for i, message in enumerate(said):
        text = message.get("value", message.get("content")) if isinstance(message, Mapping) else None
        if isinstance(text, str) and (found := _UNWANTED.search(text)):
            raise RowError(
                f"says {found[0]!r}: another model's name, or several speakers in one message",
                path=f"$.{key}[{i}]",
                rule="unwanted-words",
                fix="leave such rows out (data.max_refused=20%), or keep them: format: sharegpt",
            )
    conversation = read_messages(row)
    return replace(conversation, system=None) if conversation.system == _EVERYONES else conversation
