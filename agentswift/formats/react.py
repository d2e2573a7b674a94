"""react: ReAct text in messages, sharegpt or alpaca rows; FireAct's two layouts give equal Conversations."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentswift.conversation import Conversation
from agentswift.formats import alpaca
from agentswift.formats.chat import Message, headed, listed, spoken
from agentswift.formats.tools import read_tools
from agentswift.formats.trajectory import CALL, FINISH, Trajectory, before_labels
from agentswift.formats.turns import Turns

_QUESTION = re.compile(r"\A\s*Question[:：]\s*")


def matches(row: Mapping[str, Any]) -> bool:
    """Whether an answer in the row calls a tool in ReAct's words."""
    if listed(row) is not None:
        return any(role == "assistant" and CALL.search(text) for role, text in spoken(row))
    return alpaca.matches(row) and any(isinstance(row.get(k), str) and CALL.search(row[k]) for k in alpaca.ANSWERED)


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a trajectory: results in their own user (or tool) messages, or within the text.

    FireAct's alpaca files were cut at the first line break of the prompt: what stands before the first label of the
    output is the rest of the question. `Question:` before it is a label, and comes off in both layouts.
    """
    if listed(row) is None:
        said, system = _from_alpaca(row), alpaca.system(row)
    else:
        head, said = headed(row)
        system = head.text if head else None
    turns = Turns()
    trajectory = Trajectory(turns)
    for message in said:
        trajectory.message(message)
    turns.turns = [replace(t, user=t.user and _QUESTION.sub("", t.user).strip()) for t in turns.turns]
    return turns.conversation(system, read_tools(row.get("tools")))


def _from_alpaca(row: Mapping[str, Any]) -> list[Message]:
    said = []
    for asked, answered, path in alpaca.rounds(row):
        rest = before_labels(answered) if FINISH.search(answered) else ""
        said.append(Message("user", "\n".join(text for text in (asked, rest.rstrip()) if text), path, {}))
        said.append(Message("assistant", answered[len(rest) :], path, {}))
    return said
