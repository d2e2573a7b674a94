"""Rows whose tools are called otherwise, or stand among others: only who reads the schemas finds the right one."""

import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from agentswift.conversation import Conversation, Step, Tool
from agentswift.shape.toolbox import apart, called_in, is_kept

_MOST_ADDED = 4
_PLAIN = ("tool", "function", "api", "action", "service")


def tools_added(conversation: Conversation, known: Mapping[str, Tool], chance: Random) -> Conversation | None:
    """Put one to four tools of other rows among the row's own, none that shares a word of its name with these."""
    others = apart(known, conversation.tools)
    if not called_in(conversation) or not others:
        return None
    tools = [*conversation.tools, *chance.sample(others, min(len(others), chance.randint(1, _MOST_ADDED)))]
    chance.shuffle(tools)
    return replace(conversation, tools=tuple(tools))


def tools_renamed(conversation: Conversation, chance: Random) -> Conversation | None:
    """Give each tool a name that says nothing (tool_417); what it does is read from its description."""
    tools = _renamable(conversation)
    if not tools or not all(tool.description for tool in tools):
        return None
    word = chance.choice(_PLAIN)
    numbers = chance.sample(range(1, 1000), len(tools))
    return _renamed(conversation, {t.name: f"{word}_{n}" for t, n in zip(tools, numbers, strict=True)})


def names_swapped(conversation: Conversation, chance: Random) -> Conversation | None:
    """Let the names of the tools go round: each stands with another tool's description and parameters."""
    tools = _renamable(conversation)
    if len(tools) < 2 or not all(tool.description for tool in tools):
        return None
    names = [tool.name for tool in tools]
    chance.shuffle(names)
    return _renamed(conversation, dict(zip(names, [*names[1:], names[0]], strict=True)))


def _renamable(conversation: Conversation) -> list[Tool]:
    """Return the tools that may change their names; none where one of them is a word that thoughts may use as such."""
    tools = [tool for tool in conversation.tools if not is_kept(tool.name)]
    thoughts = " ".join(step.text for step in conversation.steps() if step.kind == "thought")
    plain = [tool.name for tool in tools if re.fullmatch(r"[A-Za-z][a-z]*", tool.name)]
    if any(re.search(rf"\b{name}\b", thoughts, re.IGNORECASE) for name in plain):
        return []
    return tools if called_in(conversation) else []


def _renamed(conversation: Conversation, names: Mapping[str, str]) -> Conversation:
    """Use `names` (old → new) in declarations, calls, and wherever a text has a name that is no plain word."""
    unmistakable = [name for name in names if not re.fullmatch(r"[A-Za-z][a-z]*", name)]
    pattern = "|".join(re.escape(name) for name in sorted(unmistakable, key=len, reverse=True))

    def text(old: str) -> str:
        return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", lambda m: names[m.group()], old) if pattern else old

    def step(old: Step) -> Step:
        if old.kind == "observation":
            return old
        return replace(old, tool=names.get(old.tool, old.tool), text=text(old.text))

    return replace(
        conversation,
        system=None if conversation.system is None else text(conversation.system),
        tools=tuple(
            replace(t, name=names.get(t.name, t.name), description=text(t.description)) for t in conversation.tools
        ),
        turns=tuple(
            replace(t, user=None if t.user is None else text(t.user), steps=tuple(map(step, t.steps)))
            for t in conversation.turns
        ),
    )
