"""Rules over what texts say."""

import re
from collections.abc import Iterator

from agentswift.check.rules import Hit
from agentswift.conversation import Conversation

# {{NAME}} as ms-swift's self-cognition set has it, {{name}} as LLaMA-Factory's, <NAME> as Llama3-Tutorial's. Other
# words count in capitals alone: {{item}} is everyday code.
PLACEHOLDER = re.compile(r"\{\{(?:[A-Z][A-Z_]*|name|author)\}\}|<(?:NAME|AUTHOR)>")


def placeholders(conversation: Conversation) -> Iterator[Hit]:
    """Find the first placeholder of each text: the system's, the user's, the agent's."""
    for path, text in _texts(conversation):
        if ("{{" in text or "<" in text) and (found := PLACEHOLDER.search(text)):
            yield Hit("placeholder-left", path, {"placeholder": found.group()})


def _texts(conversation: Conversation) -> Iterator[tuple[str, str]]:
    yield "$.system", conversation.system or ""
    for t, turn in enumerate(conversation.turns):
        yield f"$.turns[{t}].user", turn.user or ""
        for s, step in enumerate(turn.steps):
            yield f"$.turns[{t}].steps[{s}].text", step.text
