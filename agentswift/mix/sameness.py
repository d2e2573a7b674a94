"""When two conversations are one: equal to the letter, in what is said and in what is declared."""

import hashlib
import json
from typing import Any

from agentswift.conversation import Conversation, Step


def fingerprint(conversation: Conversation) -> str:
    """Return what two conversations share exactly when they are equal: weights and sources do not count."""
    said: dict[str, Any] = {
        "system": conversation.system,
        "tools": [[tool.name, tool.description, dict(tool.parameters)] for tool in conversation.tools],
        "turns": [[turn.user, [_said(step) for step in turn.steps]] for turn in conversation.turns],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode("ascii")).hexdigest()


def _said(step: Step) -> list[Any]:
    return [step.kind, step.text, step.tool, dict(step.arguments)]
