"""Rows in which the agent cannot act, made from rows in which it can: the tool is gone, or an argument was not said."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.mix.words import words
from agentswift.shape import wording
from agentswift.shape.steps import read
from agentswift.shape.toolbox import apart, is_kept, tool_of
from agentswift.stats import language

_LEAST = 3  # words that must be left of a request, for it to be one


def tool_removed(conversation: Conversation, known: Mapping[str, Tool], chance: Random) -> Conversation | None:
    """Take away the tools that the first acting turn calls, and their like; the agent says that it has none for this.

    Where none is left, tools of other rows stand in their place: without any, it is no agent's conversation.
    """
    at = _acting(conversation)
    if at is None:
        return None
    called = {step.tool for step in conversation.turns[at].steps if step.kind == "call"}
    theirs = [tool for tool in conversation.tools if tool.name in called]
    tools = tuple(tool for tool in conversation.tools if apart({tool.name: tool}, theirs))
    others = apart(known, conversation.tools)
    tools = tools or tuple(chance.sample(others, min(len(others), chance.randint(1, 3))))
    if not tools:
        return None
    tongue = language(conversation)
    said = wording.say(wording.NO_TOOL, tongue, chance)
    return _ended(replace(conversation, tools=tools), at, said, wording.NO_TOOL_THOUGHT[tongue])


def argument_missing(conversation: Conversation, chance: Random) -> Conversation | None:
    """Cut a required argument's value out of the request, and let the agent ask for it."""
    at = _acting(conversation)
    if at is None:
        return None
    turn = conversation.turns[at]
    call = next(step for step in turn.steps if step.kind == "call")
    tool = tool_of(conversation, call.tool)
    properties = tool.parameters.get("properties") if tool else None
    if tool is None or not isinstance(properties, Mapping):
        return None
    names = [name for name in _required(tool) if _asked_for(properties.get(name))]
    chance.shuffle(names)
    for name in names:
        if rest := _without(turn.user or "", call.arguments.get(name)):
            if _said_before(conversation, at, str(call.arguments[name])):
                continue
            tongue = language(conversation)
            what = wording.argument_in_words(name, properties[name], tongue)
            turns = (*conversation.turns[:at], replace(turn, user=rest))
            said = wording.say(wording.MISSING, tongue, chance, what)
            return _ended(
                replace(conversation, turns=turns), at, said, wording.MISSING_THOUGHT[tongue].format(what=what)
            )
    return None


def _acting(conversation: Conversation) -> int | None:
    """Return the first turn with a call, where a user asks for it, and the agent may answer in its own words."""
    if any(is_kept(tool.name) for tool in conversation.tools):
        return None
    for at, turn in enumerate(conversation.turns):
        if called := {step.tool for step in turn.steps if step.kind == "call"}:
            return at if turn.user and called <= {tool.name for tool in conversation.tools} else None
    return None


def _ended(conversation: Conversation, at: int, said: str, thought: str) -> Conversation:
    """End the conversation with turn `at`, in which the agent says `said`; what comes before is read, not trained."""
    turn = conversation.turns[at]
    thinks = bool(turn.steps) and turn.steps[0].kind == "thought"
    steps = (*([Step(kind="thought", text=thought)] if thinks else []), Step(kind="answer", text=said))
    return replace(conversation, turns=(*read(conversation.turns[:at]), Turn(user=turn.user, steps=steps)))


def _required(tool: Tool) -> list[str]:
    """Return the arguments that a schema requires; what is no name in it ({}, [["city"]], true) does not count."""
    required = tool.parameters.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, Sequence) else []


def _asked_for(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "default" not in schema


_SMALL = "in|for|of|to|from|at|on|about|with|near|by"
_BEFORE = rf"(?<!'m)(?<!\bis)(?<!\bam)(?<!\bare)(?<!\bcurrently)\s+(?:{_SMALL}|named|called)\s+(?:the\s+)?"
_AFTER = rf"(?=\s*(?:[.,;?!]|$)|\s+(?:{_SMALL}|and|please|today|tomorrow)\b)"
_CLAUSE = (
    r"(?<=[\u4e00-\u9fff，。？！])(?<![是为叫做作些个名于和与或及、成])"  # after these characters something must come
)
_END = r"(?=[\s,.;?!，。；？！]|$)"


def _without(request: str, value: Any) -> str:
    """Return `request` without `value`, "" where it does not stand there once, or what is left would be no sentence.

    English: a phrase that a preposition begins and that ends where a phrase may end. Chinese: what stands before 的 or
    at the end of a clause.
    """
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or len(text) < 2:
        return ""
    bare = rf"(?<![A-Za-z0-9.]){re.escape(text)}(?![A-Za-z0-9]|\.\d)"
    if len(re.findall(bare, request, re.IGNORECASE)) != 1:
        return ""
    bare = rf"[\"'“‘《「]?{bare}[\"'”’》」]?"
    phrase = rf"{_BEFORE}{bare}{_AFTER}|{_CLAUSE}[在到去从给]?{bare}(?:的|{_END})|^[在到去从给]?{bare}的"
    rest, cut = re.subn(phrase, "", request, flags=re.IGNORECASE)
    return rest.strip(" ,，、") if cut and len(words(rest)) >= _LEAST else ""


def _said_before(conversation: Conversation, at: int, value: str) -> bool:
    earlier = [conversation.system or ""]
    for turn in conversation.turns[:at]:
        earlier += [turn.user or "", *(step.text for step in turn.steps)]
    return any(value.casefold() in text.casefold() for text in earlier)
