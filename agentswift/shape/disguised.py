"""Rows whose tools are called otherwise, or stand among others: only who reads the schemas finds the right one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

from agentswift.conversation import Conversation, Step, Tool
from agentswift.mix.words import UNSPACED
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
    """Return the tools that may change their names; none where a text uses one of them as the word that it is."""
    tools = [tool for tool in conversation.tools if not is_kept(tool.name)]
    thoughts = " ".join(step.text for step in conversation.steps() if step.kind == "thought")
    plain = [tool.name for tool in tools if _PLAIN_WORD.fullmatch(tool.name)]
    if plain and re.search(_standing(plain), thoughts, re.IGNORECASE):
        return []
    phrases = [tool.name for tool in tools if _PHRASE.fullmatch(tool.name)]
    if phrases and any(_is_said(phrases, text) for text in _texts(conversation)):
        return []
    return tools if called_in(conversation) else []


_PLAIN_WORD = re.compile(r"[A-Za-z][a-z]*")
_PHRASE = re.compile(rf"[{UNSPACED}]+")  # 天气查询: nothing tells such a name from the same words said
_SHORT = 2  # characters: after 用天气 a word may go on, as 预报
_LETTER = rf"[^\W{UNSPACED}]"  # of a script with spaces, in which one letter more is another word
_QUOTES = "「」『』“”‘’\"'`《》【】"
_CALLED = re.compile(rf"(?:调用|使用|用|工具|函数|接口|插件|[{_QUOTES}])[\s:：]*$")  # what stands before a tool's name
_A_TOOL = re.compile(
    rf"\s*(?:的?工具|函数|接口|插件|API|[{_QUOTES}]|[(（]\s*[{{\"'])", re.IGNORECASE
)  # what stands after


def _standing(names: Iterable[str]) -> str:
    """Return the pattern of names that stand by themselves, between Chinese characters too."""
    found = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return rf"(?<!{_LETTER})(?:{found})(?!{_LETTER})"


def _is_named(found: re.Match[str]) -> bool:
    """Whether a name that was found in a text names the tool there: 调用天气查询, not 做个天气查询."""
    if not _PHRASE.fullmatch(found.group()):
        return True
    before, after = found.string[max(0, found.start() - 8) : found.start()], found.string[found.end() :]
    return bool(_A_TOOL.match(after) or (len(found.group()) > _SHORT and _CALLED.search(before)))


def _is_said(phrases: Iterable[str], text: str) -> bool:
    return not all(map(_is_named, re.finditer(_standing(phrases), text)))


def _texts(conversation: Conversation) -> list[str]:
    said = [step.text for step in conversation.steps() if step.kind != "observation"]
    return [conversation.system or "", *(turn.user or "" for turn in conversation.turns), *said]


def _renamed(conversation: Conversation, names: Mapping[str, str]) -> Conversation:
    """Use `names` (old → new) in declarations, calls, and wherever a text has a name that is no plain word.

    A description keeps the tool's own name where that says in words what the tool does.
    """
    unmistakable = [name for name in names if not _PLAIN_WORD.fullmatch(name)]
    pattern = re.compile(_standing(unmistakable)) if unmistakable else None

    def text(old: str, kept: str = "") -> str:
        def new(found: re.Match[str]) -> str:
            return names[found.group()] if found.group() != kept and _is_named(found) else found.group()

        return pattern.sub(new, old) if pattern else old

    def step(old: Step) -> Step:
        if old.kind == "observation":
            return old
        return replace(old, tool=names.get(old.tool, old.tool), text=text(old.text))

    def tool(old: Tool) -> Tool:
        kept = old.name if _PHRASE.fullmatch(old.name) else ""
        return replace(old, name=names.get(old.name, old.name), description=text(old.description, kept))

    return replace(
        conversation,
        system=None if conversation.system is None else text(conversation.system),
        tools=tuple(map(tool, conversation.tools)),
        turns=tuple(
            replace(t, user=None if t.user is None else text(t.user), steps=tuple(map(step, t.steps)))
            for t in conversation.turns
        ),
    )
