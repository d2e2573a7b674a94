"""Thoughts: which of them are written, and how in templates whose words bear no label (hermes, agentfabric).

Before a call a thought is plain text on lines of its own, as those formats have it. Anywhere else nothing would tell
it from the answer, so it is written as Qwen3 writes thoughts: `<think>\\n…\\n</think>\\n\\n`.
"""

import re
from dataclasses import replace
from typing import Literal, get_args

from agentswift.agent_templates.spans import Part
from agentswift.conversation import Conversation, Kind, Step, Turn

_OPEN, _CLOSE = "<think>\n", "\n</think>"
_EXACT = re.compile(r"<think>\n(.*?)\n</think>(?:\n\n|\Z)", re.DOTALL)
_LOOSE = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)

# keep: all; drop: none; last: those since the user last spoke, as Qwen3 keeps its reasoning.
Thinking = Literal["keep", "drop", "last"]
THINKING: tuple[Thinking, ...] = get_args(Thinking)


def thinking_of(conversation: Conversation, thinking: Thinking) -> Conversation:
    """Return `conversation` with the thoughts that `thinking` keeps.

    An earlier turn that loses thoughts by "last" is history, read as serving has it then: it is not trained, for
    nothing in it would be written without them.
    """
    if thinking == "keep":
        return conversation
    turns = conversation.turns
    last = max((i for i, turn in enumerate(turns) if turn.user is not None), default=0)
    kept = len(turns) if thinking == "drop" else last
    return replace(
        conversation,
        turns=tuple(_thoughtless(turn, thinking) if i < kept else turn for i, turn in enumerate(turns)),
    )


def _thoughtless(turn: Turn, thinking: Thinking) -> Turn:
    steps = tuple(step for step in turn.steps if step.kind != "thought")
    if thinking == "last" and len(steps) < len(turn.steps):
        steps = tuple(replace(step, train=False) for step in steps)
    return replace(turn, steps=steps)


def word_parts(step: Step, index: int, following: Kind | None) -> list[Part]:
    """Return a thought's, answer's or text's parts; `following` is the next step of the same generation."""
    if step.kind == "thought" and following != "call":
        close = _CLOSE if following is None else _CLOSE + "\n\n"
        return [
            (_OPEN, "label", index, "thought"),
            (step.text, "thought", index),
            (close, "label", index, "thought"),
        ]
    field = step.kind if step.kind in ("thought", "answer") else "text"
    return [(step.text if following is None else f"{step.text}\n", field, index)]


def read_words(text: str, *, before_call: bool) -> list[Step]:
    """Return the steps in text that holds no call: thoughts, and the answer unless a call follows."""
    steps: list[Step] = []
    while match := (exact := _EXACT.match(text)) or _LOOSE.match(text):
        steps.append(Step(kind="thought", text=match.group(1) if exact else match.group(1).strip()))
        text = text[match.end() :]
        if not text and (before_call or match.group().endswith("</think>")):
            return steps
    return [*steps, Step(kind="thought" if before_call else "answer", text=text)]
