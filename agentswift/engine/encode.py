"""Segments → token ids, and which span each token belongs to. Weights never come in here: ids cannot depend on them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from agentswift.agent_templates.spans import AgentTemplate
from agentswift.agent_templates.thinking import Thinking, thinking_of
from agentswift.conversation import Conversation
from agentswift.engine.chat import Chat, Mark, Segment, chat, segments
from agentswift.engine.native import NativeChat
from agentswift.engine.swift_facts import ChatTemplate, chat_templates
from agentswift.engine.tokenizer import Tokenizer
from agentswift.errors import ModelError, did_you_mean
from agentswift.weights import SpanRow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Places = npt.NDArray[np.int64]

_SPACE = re.compile(r"\s+")
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
        local = [table.setdefault(span_row(mark), len(table)) for mark in segment.marks]
        span_ids += [local[i] for i in places(segment.text, segment.marks, encoding.offsets)]
    return Encoded(input_ids, span_ids, tuple(table), "".join(s.text for s in row))


def span_row(mark: Mark) -> SpanRow:
    """Return what the cache keeps of a mark."""
    return SpanRow(field=mark.field, of=mark.of, step=mark.step, turn=mark.turn, weight=mark.weight, part=mark.part)


def places(text: str, marks: Sequence[Mark], offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each token the index of its mark.

    A token takes the mark of its first non-space character; one of white space alone, the mark before it (the mark
    it stands in, at a segment's start); one that touches an observation, the observation's.
    """
    if len(marks) == 1 or not offsets:
        return [0] * len(offsets)
    import numpy as np

    last = len(marks) - 1
    ends = np.array([mark.end for mark in marks])
    start, end = np.array(offsets, dtype=np.int64).T
    first = _after_space(text, start, end)
    stands = np.minimum(np.searchsorted(ends, start, side="right"), last)
    blank = first == end
    found = np.where(blank, stands, np.minimum(np.searchsorted(ends, first, side="right"), last))
    touched = np.minimum(np.searchsorted(ends, end, side="left"), last)
    next_seen = _next_observation(marks)[stands]
    seen = (next_seen <= touched) & (end > start)
    found = np.where(seen, next_seen, found)
    before = np.where(blank & ~seen, 0, np.arange(len(found)))  # a blank takes what the token before it took
    return list(found[np.maximum.accumulate(before)].tolist())


def _after_space(text: str, start: "Places", end: "Places") -> "Places":
    """Return the place of each token's first character that is no white space; its end where there is none."""
    import numpy as np

    spaces = np.array([match.span() for match in _SPACE.finditer(text)], dtype=np.int64).reshape(-1, 2)
    if not len(spaces):
        return start
    run = spaces[np.maximum(np.searchsorted(spaces[:, 0], start, side="right") - 1, 0)]
    inside = (run[:, 0] <= start) & (start < run[:, 1])
    return np.where(inside, np.minimum(run[:, 1], end), start)


def _next_observation(marks: Sequence[Mark]) -> "Places":
    """Return for each mark the index of the first observation from it on; one past the last where there is none."""
    import numpy as np

    at = [i if mark.field == "observation" else len(marks) for i, mark in enumerate(marks)]
    return np.minimum.accumulate(np.array(at)[::-1])[::-1]


def load_chat(name: str, tokenizer: Tokenizer) -> Chat:
    """Return ms-swift's chat template `name` with `tokenizer`'s special tokens written out."""
    known = chat_templates()
    if name not in known:
        raise ModelError(f"no chat template {name!r} in ms-swift.{did_you_mean(name, known)}")
    return written_out(known[name], tokenizer)


def written_out(template: ChatTemplate, tokenizer: Tokenizer) -> Chat:
    """Return a chat template with `tokenizer`'s special tokens written out."""
    return chat(template, _Specials(tokenizer), tokenizer.first)


class _Specials(dict[str, str]):
    """The text of a token attribute's name, or of a token id written into a template."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__({f"{name}_id": text for name, text in tokenizer.specials.items()})
        self.tokenizer = tokenizer

    def __missing__(self, key: str) -> str:
        if key.isdigit():
            return self.tokenizer.decode([int(key)])
        raise ModelError(f"the tokenizer has no {key}, which its chat template asks for; set it or model.template")
