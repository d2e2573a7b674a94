"""sharegpt: from/value messages, calls and results as function_call and observation, tools as the text of a list."""

from collections.abc import Mapping
from typing import Any

from agentswift.formats.chat import listed
from agentswift.formats.messages import read

__all__ = ["matches", "read"]  # the spelling is all that differs from messages


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row holds messages with a `from`."""
    found = listed(row)
    return found is not None and bool(found[1]) and isinstance(found[1][0], Mapping) and "from" in found[1][0]
