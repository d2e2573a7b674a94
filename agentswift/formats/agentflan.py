"""agentflan (internlm/Agent-FLAN): messages under `conversation` with `loss`; results are the user's next message."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.agent_templates.json_text import read_json
from agentswift.conversation import Conversation, Step
from agentswift.formats import messages, toolbench
from agentswift.formats.chat import Message, headed, spoken
from agentswift.formats.trajectory import CALL, OBSERVATION, steps
from agentswift.formats.turns import Turns, empty_assistant
from agentswift.formats.values import arguments

# Agent-FLAN varies the keys on purpose; compared in lower case, letters alone.
_THOUGHT = ("innerthought", "thought", "cot", "thoughts", "reasoning", "think")
_NAME = ("action", "api", "apiname", "tool", "toolname", "command", "name", "function")
_ARGUMENTS = ("actioninput", "parameters", "parameter", "arguments", "args", "input", "inputs", "params")
_FINAL = ("finalaction", "finish")


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row has a `conversation` of roles in which a message says whether it is trained."""
    said = row.get("conversation")
    return isinstance(said, list) and any(isinstance(m, Mapping) and "loss" in m and "role" in m for m in said)


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row; a message with `loss` false is not trained.

    Where the prompt declares tools in ToolBench's words, replies that call one, in ReAct's words or as JSON under
    changing keys, are calls, and the user's message behind is the result. All other rows (agent_instruct, tflan's
    questions about one call, negative) stay text, as their authors train them: their prompts say in many ways how to
    answer, and only the reply's own words fit them.
    """
    if not any(role == "system" and toolbench.declares(text) for role, text in spoken(row)):
        return messages.read(row)
    head, said = headed(row)
    system, tools = toolbench.read_system(head.text, head.path) if head else (None, ())
    turns, called = Turns(), False
    for message in said:
        if message.role == "assistant":
            found = messages.flagged(_steps(message), message)
            turns.extend(found, message.path)
            called = found[-1].kind == "call"
        elif called:
            turns.add(Step(kind="observation", text=_result(message.text)), message.path)
            called = False
        else:
            turns.user(toolbench.asked(message.text))
    return turns.conversation(system, tools)


def _result(text: str) -> str:
    label = OBSERVATION.match(text)
    return text[label.end() :] if label else text


def _steps(message: Message) -> list[Step]:
    """Return the steps of a reply: its thought and call, its answer, or plain text."""
    text = message.text
    if not text.strip():
        raise empty_assistant(message.path)
    if CALL.search(text):
        return [step for _, step in steps(text, message.path)]
    opening = text.find("{")
    found = read_json(text, opening) if opening >= 0 else None
    call = _call(found.value, message.path) if found and isinstance(found.value, dict) else []
    said = [Step(kind="text", text=words)] if (words := _words(text[: max(opening, 0)])) else []
    return [*said, *call] if call else [Step(kind="text", text=text)]


def _words(text: str) -> str:
    """Return what is said before the JSON, without the fence that opens it."""
    return re.sub(r"```\w*\s*\Z", "", text).strip()


def _call(values: Mapping[str, Any], path: str) -> list[Step]:
    """Return the thought and the call, or the final answer, of a JSON reply; nothing where it names no tool."""
    by_key = {re.sub(r"[^a-z]", "", str(key).lower()): value for key, value in values.items()}
    thought, name, given = (
        next((by_key[key] for key in keys if key in by_key), None) for keys in (_THOUGHT, _NAME, _ARGUMENTS)
    )
    if not isinstance(name, str) or not name:
        return []
    inner = arguments(given, path)
    step = Step(kind="call", tool=name, arguments=inner)
    if name.lower() in _FINAL and isinstance(inner.get("final_answer"), str) and inner["final_answer"].strip():
        step = Step(kind="answer", text=inner["final_answer"])
    return [*([Step(kind="thought", text=thought)] if isinstance(thought, str) else []), step]
