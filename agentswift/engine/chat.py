"""Conversation → segments: the chat template's text around the agent template's, cut exactly where serving cuts.

A cut falls after each generation prompt, after each stop, and around each observation put into the agent's own
slot. Training and serving both call `segments`, so what one encodes the other does too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agentswift.agent_templates.argument_parts import argument_parts
from agentswift.agent_templates.spans import AgentTemplate, Piece, Place
from agentswift.conversation import Conversation, Field, Step
from agentswift.engine.swift_facts import ChatTemplate
from agentswift.errors import ModelError


class Mark(NamedTuple):
    """From the mark before up to character `end` of a segment: `field`, written by step `step` of turn `turn`."""

    end: int
    field: Field
    of: str
    turn: int
    step: int
    weight: float  # the data's own: 0 where the message is not trained
    part: str = ""  # of a call's arguments: key, value, punctuation


@dataclass(frozen=True)
class Segment:
    """A stretch of text tokenised in one piece; `marks` cover it in order. `generated`: the model writes it."""

    text: str
    marks: tuple[Mark, ...]
    generated: bool


@dataclass(frozen=True)
class Chat:
    """A chat template as plain text, its special tokens written out. Source: ms-swift's TemplateMeta."""

    opening: str  # without a system message
    system_opening: str | None  # with "{{SYSTEM}}"; None: the model has no system message
    default_system: str | None
    before_query: str
    after_query: str  # ends with the generation prompt
    stop: str  # the stop token's text
    separator: str  # between a stop and the next turn

    def before(self, place: Place) -> str | None:
        """Return the header of a result's turn; None where a role other than the user's has none of its own."""
        if place == "user":
            return self.before_query
        return self.before_query.replace("user", place) if self.before_query.count("user") == 1 else None

    def between(self, place: Place) -> str:
        """Return what stands between two results that come at once: one turn holds them in the user's slot."""
        if place == "user":
            return ""
        closing = self.stop + self.separator
        header = self.before(place)
        return "\n" if header is None else (closing if self.after_query.startswith(closing) else "") + header


def chat(template: ChatTemplate, specials: Mapping[str, str], bos: str = "") -> Chat:
    """Write out `template`'s pieces; `specials` gives the text of token attributes such as "eos_token_id".

    `bos` is what the tokenizer itself puts first, for templates that leave that to it (`auto_add_bos`).
    Raises ModelError for a template that puts the system message into the last turn.
    """
    if template.chat_sep is None:
        raise ModelError(
            f"the chat template {template.name!r} has no form for several turns; choose another model.template"
        )
    prompt = _text(template.prompt, specials)
    if "{{SYSTEM}}" in prompt:
        raise ModelError(
            f"the chat template {template.name!r} puts the system message into the last turn, which moves it as "
            "the conversation grows; choose another model.template"
        )
    if "{{ROUND" in prompt:
        raise ModelError(
            f"the chat template {template.name!r} numbers its turns, which is not written here; "
            "choose another model.template"
        )
    start = bos if template.auto_add_bos else ""
    system = None if template.system_prefix is None else start + _text(template.system_prefix, specials)
    before, _, after = prompt.partition("{{QUERY}}")
    separator, stop = _text(template.chat_sep, specials), _text(template.suffix, specials).rstrip()
    return Chat(
        opening=start + _text(template.prefix, specials).replace("{{SYSTEM}}", ""),
        system_opening=system,
        default_system=template.default_system,
        before_query=before,
        after_query=after,
        stop=stop,
        separator=separator.removeprefix(stop),
    )


def _text(pieces: list[str | list[str | int]], specials: Mapping[str, str]) -> str:
    return "".join(p if isinstance(p, str) else "".join(specials[str(s)] for s in p) for p in pieces)


def segments(conversation: Conversation, template: AgentTemplate, chat: Chat) -> list[Segment]:
    """Return `conversation` as segments.

    When its last turn ends with the agent's own words, the last segment ends with the stop token; when it ends with
    the user's word or an observation, the last segment ends with the generation prompt: it is what serving encodes.
    """
    writer = _Writer(chat, template, conversation)
    for number, turn in enumerate(conversation.turns):
        writer.turn(number, turn.user, turn.steps)
    return writer.close()


class _Writer:
    def __init__(self, chat: Chat, template: AgentTemplate, conversation: Conversation) -> None:
        self.chat, self.template, self.tools = chat, template, conversation.tools
        self.done: list[Segment] = []
        self.parts, self.marks, self.length = list[str](), list[Mark](), 0
        self.stopped = False  # whether the last turn ended with the model's own stop token
        system = conversation.system if conversation.system is not None else chat.default_system
        self.held = self._open(template.system(system, conversation.tools))

    def _open(self, system: Piece) -> Piece | None:
        """Write the opening; return the system piece when the model has no place for it but the first user turn."""
        if system.text and self.chat.system_opening is None:
            self._add(self.chat.opening)
            return system
        if not system.text or self.chat.system_opening is None:
            self._add(self.chat.opening)
            return None
        before, _, after = self.chat.system_opening.partition("{{SYSTEM}}")
        self._add(before)
        self._piece(system, 0, ())
        self._add(after)
        return None

    def turn(self, number: int, user: str | None, steps: tuple[Step, ...]) -> None:
        if number:
            # A turn that ended with an observation was never stopped by the model: close its slot for it.
            self._add(("" if self.stopped else self.chat.stop) + self.chat.separator, turn=number)
        self.stopped = False
        self._add(self.chat.before_query, turn=number)
        if self.held is not None:
            self._piece(self.held, number, ())
            self._add("\n\n", turn=number)
            self.held = None
        self._piece(self.template.user(user or "", self.tools, turn=number), number, ())
        self._add(self.chat.after_query, turn=number)
        pieces = self.template.write(steps)
        for i, piece in enumerate(pieces):
            before = pieces[i - 1].role if i else "given"
            after = pieces[i + 1].role if i + 1 < len(pieces) else "given"
            if piece.role == "generated":
                self._generated(
                    piece, number, steps, ends=after == "given" or self.template.observation_place != "assistant"
                )
            elif self.template.observation_place == "assistant":
                self.stopped = False
                self._cut()
                self._piece(piece, number, steps)
                self._cut()
            else:
                self._turn_observation(piece, number, steps, first=before != "observation", last=after != "observation")

    def _generated(self, piece: Piece, turn: int, steps: tuple[Step, ...], ends: bool) -> None:
        self._cut()
        self._piece(piece, turn, steps)
        self.stopped = ends
        if ends:
            step = max((s.step for s in piece.spans), default=-1)
            self._add(self.chat.stop, "end_of_turn", turn=turn, step=step, weight=_weight(steps, step))
        self._cut(generated=True)

    def _turn_observation(self, piece: Piece, turn: int, steps: tuple[Step, ...], first: bool, last: bool) -> None:
        place = self.template.observation_place
        header = self.chat.before(place)
        opening = self.chat.separator + (self.chat.before_query if header is None else header)
        self._add(opening if first else self.chat.between(place), turn=turn)
        self.stopped = False
        self._piece(piece, turn, steps)
        if last:
            self._add(self.chat.after_query, turn=turn)

    def _piece(self, piece: Piece, turn: int, steps: tuple[Step, ...]) -> None:
        for span in piece.spans:
            text, weight = piece.text[span.start : span.end], _weight(steps, span.step)
            start = self.length
            self._add(text, span.field, span.of, turn, span.step, weight)
            if span.field == "action_input":
                self.marks[-1:] = parted(self.marks[-1], text, start)

    def _add(
        self, text: str, field: Field = "marker", of: str = "", turn: int = 0, step: int = -1, weight: float = 1.0
    ) -> None:
        if text:
            self.parts.append(text)
            self.length += len(text)
            self.marks.append(Mark(self.length, field, of, turn, step, weight))

    def _cut(self, generated: bool = False) -> None:
        if self.parts:
            self.done.append(Segment("".join(self.parts), tuple(self.marks), generated))
            self.parts, self.marks, self.length = [], [], 0

    def close(self) -> list[Segment]:
        self._cut()
        return self.done


def parted(mark: Mark, text: str, start: int) -> list[Mark]:
    """Return the mark of a call's arguments as one a part; `text` is theirs and begins at `start` of the segment."""
    same = mark[1:-1]
    return [Mark(start + end, *same, part) for part, end in argument_parts(text)]


def _weight(steps: tuple[Step, ...], index: int) -> float:
    if index < 0 or not steps:
        return 1.0
    return steps[index].weight if steps[index].train else 0.0
