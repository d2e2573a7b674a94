"""The tools that a conversation declares: their order, and how many."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from random import Random

from agentswift.conversation import Conversation, Tool
from agentswift.errors import UsageError
from agentswift.mix.words import words


def most_tools(option: str) -> int | None:
    """Return the N of `tools: sampled N`, None for given and shuffled. Raises UsageError for anything else."""
    word, _, number = option.partition(" ")
    if option in ("given", "shuffled"):
        return None
    if word == "sampled" and number.isdigit() and int(number) > 0:
        return int(number)
    raise UsageError(f'data.tools={option}: given, shuffled, or "sampled N", N the most tools that a row declares')


def with_tools(conversation: Conversation, option: str, chance: Random) -> Conversation:
    """Shuffle a conversation's tools, or keep N of them in their order; those that it calls are always kept."""
    if option == "given" or len(conversation.tools) < 2:
        return conversation
    most = most_tools(option)
    tools = list(conversation.tools)
    if most is None:
        chance.shuffle(tools)
    else:
        called = called_in(conversation)
        others = [tool.name for tool in tools if tool.name not in called]
        kept = called | set(chance.sample(others, min(len(others), max(0, most - len(called)))))
        tools = [tool for tool in tools if tool.name in kept]
    return replace(conversation, tools=tuple(tools))


def called_in(conversation: Conversation) -> set[str]:
    """Return the names of the tools that a conversation calls."""
    return {step.tool for step in conversation.steps() if step.kind == "call"}


def tool_of(conversation: Conversation, name: str) -> Tool | None:
    """Return the tool of this name."""
    return next((tool for tool in conversation.tools if tool.name == name), None)


def is_kept(name: str) -> bool:
    """Whether agent templates know this tool by its name: ToolBench's Finish ends a conversation."""
    return name.casefold() == "finish"


def unlike(known: Mapping[str, Tool], names: Iterable[str]) -> list[Tool]:
    """Return the tools whose names have no word in common with `names`: what they do, these most likely do not."""
    own = {word for name in names for word in _words(name)}
    return [tool for name, tool in known.items() if not own & _words(name) and not is_kept(name)]


def apart(known: Mapping[str, Tool], tools: Iterable[Tool]) -> list[Tool]:
    """Return the tools that do something other than `tools`: unlike them by name, and not described as one of them."""
    tools = list(tools)
    purposes = {_purpose(tool.description) for tool in tools} - {""}
    return [t for t in unlike(known, (t.name for t in tools)) if _purpose(t.description) not in purposes]


_COMMON = {"get", "set", "the", "of", "by", "to", "for", "api", "tool"}
_LEAST = 3  # words in which a description says what a tool does; "does it" says nothing


def _words(name: str) -> set[str]:
    """Return the words of a tool's name, getStockPrice as get_stock_price; a Chinese character is a word.

    A name that has none of its own (tool_1, getAPI) is one word, so that each name is like itself.
    """
    found = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\da-zA-Z_]", name)
    return {word.casefold() for word in found} - _COMMON or {name.casefold()}


@lru_cache(maxsize=1 << 16)
def _purpose(description: str) -> str:
    """Return the words of a description, "" where they are too few to tell two tools apart."""
    found = words(description)
    return " ".join(found) if len(found) >= _LEAST else ""
