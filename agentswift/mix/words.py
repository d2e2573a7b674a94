"""A conversation's words, as comparing rows needs them: spelling and layout aside, Chinese a character at a time."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence

from agentswift.conversation import Conversation, Step

# Scripts written without spaces: kana, Han, Thai to Burmese. Each of their characters is a word; elsewhere a word is
# a run of letters and digits.
UNSPACED = "\u0e00-\u0fff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
_ALONE = re.compile(rf"[{UNSPACED}]")


def words(text: str) -> list[str]:
    """Return the words of `text` in order; case, width, punctuation and white space do not count."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def is_unspaced(found: Sequence[str]) -> bool:
    """Whether most of these words are characters of a script without spaces."""
    return 2 * sum(_ALONE.match(word) is not None for word in found) > len(found)


def runs(found: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """Yield every run of `length` words one after another; one shorter run where there are fewer words."""
    for start in range(max(1, len(found) - length + 1) if found else 0):
        yield tuple(found[start : start + length])


def said(conversation: Conversation) -> list[str]:
    """Return what user and agent say and what tools answer; tools and system, which many rows share, do not count."""
    return [text for turn in conversation.turns for text in (turn.user or "", *map(_said, turn.steps)) if text]


def asked(conversation: Conversation) -> list[str]:
    """Return what the user says, a turn at a time."""
    return [turn.user for turn in conversation.turns if turn.user]


def _said(step: Step) -> str:
    if step.kind != "call":
        return step.text
    return f"{step.tool} {json.dumps(dict(step.arguments), ensure_ascii=False, sort_keys=True)}"
