"""Rules over what texts say."""

import re
from collections.abc import Iterator

from agentswift.check.rules import Hit
from agentswift.conversation import Conversation

# {{NAME}} as ms-swift's self-cognition set has it, {{name}} as LLaMA-Factory's, <NAME> as Llama3-Tutorial's. Other
# words count in capitals alone: {{item}} is everyday code.
PLACEHOLDER = re.compile(r"\{\{(?:[A-Z][A-Z_]*|name|author)\}\}|<(?:NAME|AUTHOR)>")
# Qwen's, Llama-3's, GPT's and their like; Llama-2's and Mistral's. "<s>" alone is HTML, and everyday.
CONTROL = re.compile(r"<\|[a-z][a-z0-9_]{1,30}\|>|\[/?INST\]|<</?SYS>>|</s>(?=\s*(?:\Z|<s>|\[INST\]))")
# U+FFFD; UTF-8 read as Latin-1 or Windows-1252 (é → Ã©, ’ → â€™, 你 → ä½\xa0); GBK's famous three.
GARBLED = re.compile(
    "�+|锟斤拷|烫烫烫|â€[™œ\x9d“”˜¦]|Ã[\xa0-\xbf]|[ä-é][\x80-\xbf\u0152-\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{2}"
)


def spoiled_texts(conversation: Conversation) -> Iterator[Hit]:
    """Find the first placeholder, control token and wrongly decoded word of each text."""
    for path, text in texts(conversation):
        if ("{{" in text or "<" in text) and (found := PLACEHOLDER.search(text)):
            yield Hit("placeholder-left", path, {"placeholder": found.group()})
        if ("|>" in text or "INST" in text or "<" in text) and (found := CONTROL.search(text)):
            yield Hit("control-token", path, {"token": found.group()})
        if not text.isascii() and (found := GARBLED.search(text)):
            yield Hit("garbled-text", path, {"text": text[max(0, found.start() - 8) : found.end() + 8]})


def texts(conversation: Conversation) -> Iterator[tuple[str, str]]:
    """Yield every text of a conversation with its path: the system's, the users', the agent's and its tools'."""
    yield "$.system", conversation.system or ""
    for t, turn in enumerate(conversation.turns):
        yield f"$.turns[{t}].user", turn.user or ""
        for s, step in enumerate(turn.steps):
            yield f"$.turns[{t}].steps[{s}].text", step.text
