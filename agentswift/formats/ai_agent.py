'''ai_agent: Qwen's ReAct prompt with the question in it, results as messages of the agent between """ and """.'''

import re
from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Tool
from agentswift.formats import ms_agent
from agentswift.formats.chat import messages, spoken
from agentswift.formats.trajectory import Trajectory
from agentswift.formats.turns import Turns

_QUESTION = re.compile(r"(?:\A|\n)\s*Question[:：]\s*(?P<question>.*?)\s*(?:\nThought[:：]\s*)?\Z", re.DOTALL)
_RESULT = re.compile(r'\s*"""(.*)"""\s*', re.DOTALL)


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the first message is a ReAct prompt that ends with the question."""
    said = spoken(row)
    return bool(said) and said[0][0] in ("system", "user") and _asks(said[0][1])


def _asks(text: str) -> bool:
    return (end := ms_agent.end_of_prompt(text)) >= 0 and _QUESTION.search(text, end) is not None


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row: the question out of its prompt, results out of the agent's own messages.

    A row without such a prompt is read as ReAct messages are.
    """
    turns, system = Turns(), None
    tools: tuple[Tool, ...] = ()
    trajectory = Trajectory(turns)
    for i, message in enumerate(messages(row)):
        if i == 0 and _asks(text := message.text):
            system, tools = ms_agent.read_system(text, message.path)
            question = _QUESTION.search(system or "")
            trajectory.ask(question["question"] if question else "")
            system = (system or "")[: question.start()].strip() or None if question else system
        elif message.role == "system":
            system = message.text
        elif message.role == "assistant" and (result := _RESULT.fullmatch(message.text)):
            trajectory.observe(result[1], message.path)
        else:
            trajectory.message(message)
    return turns.conversation(system, tools)
