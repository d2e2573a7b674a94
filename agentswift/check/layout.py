"""Rules over a row as it stands in its file: what reading it into a Conversation would pass over."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from agentswift.check.rules import Hit
from agentswift.formats.chat import KEYS, ROLES, loss_of, spoken

_AGENTS = ("assistant", "call")


def faulty_layout(row: Mapping[str, Any]) -> Iterator[Hit]:
    """Find messages out of order, flags that contradict, prompts for another notation, and rows labelled as bad."""
    if row.get("label") is False:
        yield Hit("rejected-row", "$.label", {})
    key = next((key for key in KEYS if isinstance(row.get(key), list)), "")
    messages = [(f"$.{key}[{i}]", m) for i, m in enumerate(row.get(key) or ()) if isinstance(m, Mapping)]
    yield from _order(messages)
    for path, message in messages:
        yield from _flags(path, message)
    yield from _notations(row)


def _role(message: Mapping[str, Any]) -> str:
    return ROLES.get(str(message.get("role") or message.get("from")).replace("-", "_"), "")


def _order(messages: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[Hit]:
    roles = [_role(message) for _, message in messages]
    first = next((i for i, role in enumerate(roles) if role != "system"), None)
    if first is not None and roles[first] in _AGENTS and "user" in roles:
        yield Hit("wrong-order", messages[first][0], {"trouble": "the agent speaks before the user has asked"})
    for i, (before, role) in enumerate(pairwise(roles), 1):
        if role == before == "user" and not _is_retry(messages[i][1]):
            yield Hit("wrong-order", messages[i][0], {"trouble": "the user speaks twice, and no one answers the first"})
        elif before == role == "assistant" and _talks(messages[i - 1][1]) and _talks(messages[i][1]):
            yield Hit("wrong-order", messages[i][0], {"trouble": "the agent answers twice, and no one asks in between"})


def _is_retry(message: Mapping[str, Any]) -> bool:
    """Whether this is what ToolBench's search tells the agent, behind the question, of its earlier attempts."""
    text = message.get("content", message.get("value"))
    return isinstance(text, str) and text.startswith("This is not the first time you try this task")


def _talks(message: Mapping[str, Any]) -> bool:
    """Whether a message is an answer alone: no call in it, and no text that a call or a result could stand in."""
    text = message.get("content", message.get("value"))
    if message.get("tool_calls") or message.get("function_call") or not isinstance(text, str):
        return False
    return bool(text.strip()) and not re.search(r"Observation|Action|Response|<tool_call>|✿|\"\"\"|<\|", text)


def _flags(path: str, message: Mapping[str, Any]) -> Iterator[Hit]:
    loss, scale = loss_of(message), message.get("loss_scale", message.get("weight"))
    if loss is None and scale is None:
        return
    role, trains = _role(message), loss in (True, "true")
    given = isinstance(scale, int | float) and not isinstance(scale, bool)
    trouble = ""
    if loss is not None and given and trains != (scale > 0):
        trouble = f"loss={loss} and loss_scale={scale} contradict"
    elif trains and role and role not in _AGENTS:
        trouble = f"loss={loss} on a message of the {role}, which the model does not write"
    if trouble:
        yield Hit("loss-contradicts", path, {"trouble": trouble})


# What a prompt asks for, and what an answer is written in.
_ASKED = {
    "AgentFabric's": re.compile(r"^Action Input:.*\nObservation: ?<result>.*\nAnswer:", re.MULTILINE),
    "ReAct's": re.compile(r"^Action Input:(?:.*\n)+?.*Final Answer:", re.MULTILINE),
    "Hermes's": re.compile(r"<tool_call>"),
    "Qwen's ✿": re.compile(r"✿FUNCTION✿"),
}
_WRITTEN = {
    "AgentFabric's": re.compile(r"^Observation:\s*<result>|<result>[^<]*</result>\s*\nAnswer:", re.MULTILINE),
    "ReAct's": re.compile(r"^Final Answer[:：]", re.MULTILINE),
    "Hermes's": re.compile(r"<tool_call>"),
    "Qwen's ✿": re.compile(r"✿FUNCTION✿"),
}
_MARKS = ("Action", "Answer", "<tool_call>", "✿")


def _notations(row: Mapping[str, Any]) -> Iterator[Hit]:
    said = spoken(row)
    prompt = "\n".join(text for role, text in said if role == "system")
    if not any(mark in prompt for mark in _MARKS):
        return
    answers = "\n".join(text for role, text in said if role == "assistant")
    asked = [name for name, pattern in _ASKED.items() if pattern.search(prompt)]
    written = [name for name, pattern in _WRITTEN.items() if pattern.search(answers)]
    if asked and written and not set(asked) & set(written):
        yield Hit("format-mismatch", "$", {"asked": asked[0], "written": written[0]})
