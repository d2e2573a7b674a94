"""What a mix holds, in figures."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypedDict

from agentswift.conversation import Conversation

CHINESE_FROM = 0.1  # share of Chinese characters among letters: Chinese requests are full of English names


class Figures(TypedDict):
    """Figures over conversations; `called` and `languages` count, the most frequent first."""

    conversations: int
    turns: int
    calls: int
    without_calls: int  # conversations
    tools: int  # different names, declared or called
    called: dict[str, int]  # tool → calls
    languages: dict[str, int]  # language → conversations


def figures(conversations: Iterable[Conversation]) -> Figures:
    """Return the figures of `conversations`, each read once."""
    total, turns, without = 0, 0, 0
    called, languages, names = Counter[str](), Counter[str](), set[str]()
    for conversation in conversations:
        calls = [step.tool for step in conversation.steps() if step.kind == "call"]
        total, turns, without = total + 1, turns + len(conversation.turns), without + (not calls)
        called.update(calls)
        names.update(calls, (tool.name for tool in conversation.tools))
        languages[language(conversation)] += 1
    return Figures(
        conversations=total,
        turns=turns,
        calls=called.total(),
        without_calls=without,
        tools=len(names),
        called=dict(called.most_common()),
        languages=dict(languages.most_common()),
    )


def language(conversation: Conversation) -> Literal["zh", "en"]:
    """Return the language of what the user says (of what the agent says, where no user speaks); en for no words."""
    text = "".join(turn.user or "" for turn in conversation.turns)
    text = text or "".join(step.text for step in conversation.steps())
    letters = sum(c.isalpha() for c in text)
    return "zh" if letters and sum("\u4e00" <= c <= "\u9fff" for c in text) >= CHINESE_FROM * letters else "en"
