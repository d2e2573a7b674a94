"""Conversation → the messages that a model's own Jinja takes, each text in them known as a step's field."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

from agentswift.conversation import Conversation, Field, Step, Tool
from agentswift.errors import DataError

MARK = "\ue000{}\ue001"  # what stands for leaf number N: private characters, which no data have


@dataclass(frozen=True)
class Leaf:
    """A text of the conversation, or a call's arguments, wherever the Jinja puts it."""

    value: str | Mapping[str, Any]
    field: Field
    turn: int
    step: int
    weight: float


# A message's content is made of leaves (by number) and words of ours.
Words: TypeAlias = list[int | str]


@dataclass
class Message:
    """One message; `calls` are pairs of leaves, name and arguments."""

    role: str
    content: Words = field(default_factory=list)
    reasoning: Words = field(default_factory=list)
    calls: list[tuple[int, int]] = field(default_factory=list)


class Script:
    """The messages of a conversation, and their leaves. `reasons`: the Jinja reads `reasoning_content`."""

    def __init__(self, conversation: Conversation, *, reasons: bool) -> None:
        self.conversation, self.reasons = conversation, reasons
        self.leaves: list[Leaf] = []
        self.messages: list[Message] = []
        if conversation.system:
            self._say("system", conversation.system, "system", 0)
        for number, turn in enumerate(conversation.turns):
            if turn.user is not None:
                self._say("user", turn.user, "user", number)
            for is_result, run in groupby(enumerate(turn.steps), key=lambda one: one[1].kind == "observation"):
                if is_result:
                    for index, step in run:
                        self._say("tool", step.text, "observation", number, index, step)
                else:
                    self._act(list(run), number)

    def _leaf(self, value: str | Mapping[str, Any], field: Field, turn: int, index: int, step: Step | None) -> int:
        weight = 1.0 if step is None else step.weight if step.train else 0.0
        self.leaves.append(Leaf(value, field, turn, index, weight))
        return len(self.leaves) - 1

    def _said(self, text: str, field: Field, turn: int, index: int, step: Step | None) -> Words:
        return [self._leaf(text, field, turn, index, step)] if text else []

    def _say(self, role: str, text: str, field: Field, turn: int, index: int = -1, step: Step | None = None) -> None:
        self.messages.append(Message(role, self._said(text, field, turn, index, step)))

    def _act(self, run: Sequence[tuple[int, Step]], turn: int) -> None:
        """Add one message of the agent: its thoughts, its words, then its calls."""
        message = Message("assistant")
        for at, (index, step) in enumerate(run):
            before_call = at + 1 < len(run) and run[at + 1][1].kind == "call"
            if step.kind == "call":
                name = self._leaf(step.tool, "action", turn, index, step)
                message.calls.append((name, self._leaf(dict(step.arguments), "action_input", turn, index, step)))
            elif message.calls:
                source = self.conversation.source
                raise DataError(
                    f"{source.file}:{source.line}: words after a call, before its result: a chat template has no place "
                    "for them (template=native). Move them before the call, or choose another template"
                )
            elif step.kind == "thought":
                self._think(message, self._said(step.text, "thought", turn, index, step), before_call)
            else:
                field: Field = "answer" if step.kind == "answer" else "text"
                message.content += ["\n"] * bool(message.content) + self._said(step.text, field, turn, index, step)
        self.messages.append(message)

    def _think(self, message: Message, words: Words, before_call: bool) -> None:
        if self.reasons:
            message.reasoning += ["\n\n"] * bool(message.reasoning) + words
        elif before_call:
            message.content += words
        else:
            message.content += ["<think>\n", *words, "\n</think>\n\n"]

    def written(self, *, marked: bool) -> list[dict[str, Any]]:
        """Return the messages as transformers' chat templates take them; `marked`: every leaf as its mark."""
        text: Callable[[int], Any] = (lambda n: MARK.format(n)) if marked else (lambda n: self.leaves[n].value)
        given: Callable[[int], Any] = (lambda n: {MARK.format(n): MARK.format(n)}) if marked else text
        return [_message(message, at, text, given) for at, message in enumerate(self.messages)]


def _message(message: Message, at: int, text: Callable[[int], Any], given: Callable[[int], Any]) -> dict[str, Any]:
    def joined(words: Words) -> str:
        return "".join(text(word) if isinstance(word, int) else word for word in words)

    written: dict[str, Any] = {"role": message.role, "content": joined(message.content)}
    if message.reasoning:
        written["reasoning_content"] = joined(message.reasoning)
    if message.calls:
        written["tool_calls"] = [
            # Mistral's templates ask for an id of nine letters and digits
            {"type": "function", "id": f"{at:06}{n:03}", "function": {"name": text(name), "arguments": given(values)}}
            for n, (name, values) in enumerate(message.calls)
        ]
    return written


def spellings(text: str) -> Iterator[str]:
    """Yield the ways in which a Jinja may write a text: as it is, trimmed, or within JSON."""
    yield from (
        text,
        text.strip(),
        text.strip("\n"),
        text.lstrip("\n"),
        text.rstrip("\n"),
        text.lstrip(),
        text.rstrip(),
    )
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def functions(tools: Sequence[Tool]) -> list[dict[str, Any]] | None:
    """Return the tools as OpenAI declares them; None where there are none, as transformers has it."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ] or None
