"""What a mix holds, in figures: rows, turns, calls, arguments, languages, lengths."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from agentswift.conversation import Conversation
from agentswift.rows import Ledger
from agentswift.weights import Budget

CHINESE_FROM = 0.1  # share of Chinese characters among letters: Chinese requests are full of English names


class Figures(TypedDict):
    """Figures over conversations; every table of names counts, the most frequent first."""

    conversations: int
    turns: int
    steps: dict[str, int]  # kind → steps
    calls: int
    without_calls: int  # conversations
    tools: int  # different names, declared or called
    called: dict[str, int]  # tool → calls
    arguments: dict[str, dict[str, dict[str, int]]]  # tool → argument → JSON type → values given
    types: dict[str, int]  # JSON type → values given, over all arguments
    languages: dict[str, int]  # language → conversations


class Lengths(TypedDict):
    """Tokens a row."""

    rows: int
    tokens: int  # in all
    shortest: int
    median: int
    mean: float
    p90: int  # nine rows of ten have at most so many
    p99: int
    longest: int
    over: int  # rows of more than max_length


@dataclass(frozen=True)
class Holding:
    """What a mix holds, by dataset; `tokens` (a row each) and `budget` only where there was a tokenizer."""

    ledgers: Mapping[str, Ledger]
    tallies: Mapping[str, "Tally"]
    tokens: Mapping[str, Sequence[int]] | None = None
    budget: Budget | None = None

    @property
    def whole(self) -> "Tally":
        """All datasets counted together."""
        whole = Tally()
        for tally in self.tallies.values():
            whole.update(tally)
        return whole


class Tally:
    """Counts conversations one by one: memory grows with the names of tools and arguments alone."""

    def __init__(self) -> None:
        self.conversations = self.turns = self.without_calls = 0
        self.names = set[str]()
        self.steps, self.called, self.languages = Counter[str](), Counter[str](), Counter[str]()
        self.arguments = Counter[tuple[str, str, str]]()

    def add(self, conversation: Conversation) -> None:
        """Count one conversation."""
        steps = conversation.steps()
        calls = [step for step in steps if step.kind == "call"]
        self.conversations += 1
        self.turns += len(conversation.turns)
        self.without_calls += not calls
        self.steps.update(step.kind for step in steps)
        self.called.update(step.tool for step in calls)
        self.arguments.update((s.tool, name, json_type(value)) for s in calls for name, value in s.arguments.items())
        self.names.update((step.tool for step in calls), (tool.name for tool in conversation.tools))
        self.languages[language(conversation)] += 1

    def update(self, other: "Tally") -> None:
        """Count what `other` has counted."""
        self.conversations += other.conversations
        self.turns += other.turns
        self.without_calls += other.without_calls
        self.names |= other.names
        for name in ("steps", "called", "languages", "arguments"):
            getattr(self, name).update(getattr(other, name))

    def figures(self) -> Figures:
        """Return what was counted so far."""
        types, arguments = Counter[str](), dict[str, dict[str, dict[str, int]]]()
        for (tool, argument, kind), count in self.arguments.most_common():
            types[kind] += count
            arguments.setdefault(tool, {}).setdefault(argument, {})[kind] = count
        return Figures(
            conversations=self.conversations,
            turns=self.turns,
            steps=dict(self.steps.most_common()),
            calls=self.called.total(),
            without_calls=self.without_calls,
            tools=len(self.names),
            called=dict(self.called.most_common()),
            arguments=arguments,
            types=dict(types.most_common()),
            languages=dict(self.languages.most_common()),
        )


def figures(conversations: Iterable[Conversation]) -> Figures:
    """Return the figures of `conversations`, each read once."""
    tally = Tally()
    for conversation in conversations:
        tally.add(conversation)
    return tally.figures()


def lengths(tokens: Sequence[int], max_length: int) -> Lengths:
    """Return the figures of rows of so many `tokens`. Raises ValueError for no row."""
    rows = sorted(tokens)
    return Lengths(
        rows=len(rows),
        tokens=sum(rows),
        shortest=min(rows),
        median=quantile(rows, 0.5),
        mean=sum(rows) / len(rows),
        p90=quantile(rows, 0.9),
        p99=quantile(rows, 0.99),
        longest=rows[-1],
        over=sum(length > max_length for length in rows),
    )


def quantile(ordered: Sequence[int], share: float) -> int:
    """Return the least of the `ordered` values that `share` of them do not exceed (the nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def json_type(value: Any) -> str:
    """Return JSON Schema's word for a value's type."""
    if isinstance(value, bool):  # before int, of which it is a kind
        return "boolean"
    kinds = {type(None): "null", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "object")


def language(conversation: Conversation) -> Literal["zh", "en"]:
    """Return the language of what the user says (of what the agent says, where no user speaks); en for no words."""
    text = "".join(turn.user or "" for turn in conversation.turns)
    text = text or "".join(step.text for step in conversation.steps())
    letters = sum(c.isalpha() for c in text)
    return "zh" if letters and sum("\u4e00" <= c <= "\u9fff" for c in text) >= CHINESE_FROM * letters else "en"
