"""Thoughts in templates whose words bear no label (hermes, agentfabric).

Before a call a thought is plain text on lines of its own, as those formats have it. Anywhere else nothing would tell
it from the answer, so it is written as Qwen3 writes thoughts: `<think>\\n…\\n</think>\\n\\n`.
"""

import re

from agentswift.agent_templates.spans import Part
from agentswift.conversation import Kind, Step

_OPEN, _CLOSE = "<think>\n", "\n</think>"
_EXACT = re.compile(r"<think>\n(.*?)\n</think>(?:\n\n|\Z)", re.DOTALL)
_LOOSE = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


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
