"""Segments → token ids, and which span each token belongs to. Weights never come in here: ids cannot depend on them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from agentswift.agent_templates.spans import AgentTemplate
from agentswift.agent_templates.thinking import Thinking, thinking_of
from agentswift.conversation import Conversation
from agentswift.engine.chat import Chat, Mark, Segment, chat, segments
from agentswift.engine.native import NativeChat
from agentswift.engine.swift_facts import chat_templates
from agentswift.engine.tokenizer import Tokenizer
from agentswift.errors import ModelError, did_you_mean
from agentswift.weights import SpanRow

_BATCH = 256  # conversations tokenised together: the Rust tokenizer then uses all cores


@dataclass(frozen=True)
class Encoded:
    """A conversation as tokens, one entry a token in both lists; token i lies in `spans[span_ids[i]]`."""

    input_ids: list[int]
    span_ids: list[int]
    spans: tuple[SpanRow, ...]
    text: str


class Encoder:
    """Encodes conversations for one model, chat template and agent template; for training and for serving alike."""

    def __init__(
        self, tokenizer: Tokenizer, chat: Chat | NativeChat, template: AgentTemplate, thinking: Thinking = "keep"
    ) -> None:
        self.tokenizer, self.chat, self.template, self.thinking = tokenizer, chat, template, thinking

    def segments(self, conversation: Conversation) -> list[Segment]:
        """Return `conversation` cut as serving cuts it, with the thoughts that are kept."""
        kept = thinking_of(conversation, self.thinking)
        return (
            self.chat.segments(kept) if isinstance(self.chat, NativeChat) else segments(kept, self.template, self.chat)
        )

    def encode(self, conversations: Iterable[Conversation]) -> Iterator[Encoded]:
        """Yield each conversation's tokens, in order."""
        source = iter(conversations)
        while batch := list(islice(source, _BATCH)):
            cut = [self.segments(c) for c in batch]
            yield from self._tokenise(cut)

    def prompt_ids(self, conversation: Conversation) -> list[int]:
        """Return the ids that serving would feed the model to go on from where `conversation` ends."""
        return next(self.encode([conversation])).input_ids

    def tokens(self, conversation: Conversation) -> list[str]:
        """Return each token's text; joined they are the whole text (a character in several tokens is the first's)."""
        found: list[str] = []
        for segment in self.segments(conversation):
            at = 0
            for _, end in self.tokenizer.encodings([segment.text])[0].offsets:
                found.append(segment.text[at : max(at, end)])
                at = max(at, end)
            if found:
                found[-1] += segment.text[at:]
        return found

    def _tokenise(self, cut: Sequence[list[Segment]]) -> Iterator[Encoded]:
        texts = [s.text for row in cut for s in row]
        encodings = iter(self.tokenizer.encodings(texts))
        for row in cut:
            yield _row(row, encodings)


def _row(row: list[Segment], encodings: Iterator[Any]) -> Encoded:
    input_ids: list[int] = []
    span_ids: list[int] = []
    table: dict[SpanRow, int] = {}
    for segment in row:
        encoding = next(encodings)
        input_ids += encoding.ids
        local = [table.setdefault(_span(mark), len(table)) for mark in segment.marks]
        span_ids += [local[i] for i in places(segment.text, segment.marks, encoding.offsets)]
    return Encoded(input_ids, span_ids, tuple(table), "".join(s.text for s in row))


def _span(mark: Mark) -> SpanRow:
    return SpanRow(field=mark.field, of=mark.of, step=mark.step, turn=mark.turn, weight=mark.weight)


def places(text: str, marks: Sequence[Mark], offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each token the index of its mark.

    A token takes the mark of its first non-space character; one of white space alone, the mark before it (the mark
    it stands in, at a segment's start); one that touches an observation, the observation's.
    """
    if len(marks) == 1:
        return [0] * len(offsets)
    found: list[int] = []
    at = 0
    for start, end in offsets:
        first = start
        while first < end and text[first].isspace():
            first += 1
        blank = first == end
        while at < len(marks) - 1 and marks[at].end <= start:
            at += 1
        here = at
        if blank and found:
            here = found[-1]
        else:
            while here < len(marks) - 1 and marks[here].end <= (start if blank else first):
                here += 1
        touched = at
        while marks[touched].end < end and touched < len(marks) - 1:
            touched += 1
        seen = [i for i in range(at, touched + 1) if marks[i].field == "observation"]
        found.append(seen[0] if seen and end > start else here)
    return found


def load_chat(name: str, tokenizer: Tokenizer) -> Chat:
    """Return ms-swift's chat template `name` with `tokenizer`'s special tokens written out."""
    known = chat_templates()
    if name not in known:
        raise ModelError(f"no chat template {name!r} in ms-swift.{did_you_mean(name, known)}")
    return chat(known[name], _Specials(tokenizer), tokenizer.first)


class _Specials(dict[str, str]):
    """The text of a token attribute's name, or of a token id written into a template."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__({f"{name}_id": text for name, text in tokenizer.specials.items()})
        self.tokenizer = tokenizer

    def __missing__(self, key: str) -> str:
        if key.isdigit():
            return self.tokenizer.decode([int(key)])
        raise ModelError(f"the tokenizer has no {key}, which its chat template asks for; set it or model.template")
