"""Segments → token ids, and which span each token belongs to. Weights never come in here: ids cannot depend on them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

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
        cuts = [segment for row in cut for segment in row]
        encodings = self.tokenizer.encodings([segment.text for segment in cuts])
        placed = iter(places(cuts, [encoding.offsets for encoding in encodings]))
        read = iter(encodings)
        for row in cut:
            yield _row(row, [next(read).ids for _ in row], [next(placed) for _ in row])


def _row(row: list[Segment], ids: list[list[int]], placed: "list[Places]") -> Encoded:
    span_ids: list[int] = []
    table: dict[tuple[Any, ...], int] = {}  # a mark but for where it ends; hashed faster than a SpanRow
    found: list[Mark] = []
    for segment, at in zip(row, placed, strict=True):
        local = []
        for mark in segment.marks:
            if (number := table.setdefault(mark[1:], len(found))) == len(found):
                found.append(mark)
            local.append(number)
        span_ids += [local[i] for i in at.tolist()]
    spans = tuple(span_row(mark) for mark in found)
    return Encoded([i for part in ids for i in part], span_ids, spans, "".join(s.text for s in row))


def span_row(mark: Mark) -> SpanRow:
    """Return what the cache keeps of a mark."""
    return SpanRow(field=mark.field, of=mark.of, step=mark.step, turn=mark.turn, weight=mark.weight, part=mark.part)


def places(cuts: Sequence[Segment], offsets: Sequence[Sequence[tuple[int, int]]]) -> "list[Places]":
    """Return for each token of each segment the index of its mark in that segment.

    A token takes the mark of its first non-space character; one of white space alone, the mark before it (the mark
    it stands in, at a segment's start); one that touches an observation, the observation's. All segments are placed
    together, one behind the other: numpy is then called once and not once a segment.
    """
    import numpy as np

    if not any(offsets):
        return [np.zeros(0, np.int64) for _ in cuts]
    counts = np.array([len(found) for found in offsets], dtype=np.int64)
    of = np.repeat(np.arange(len(cuts)), counts)  # token → its segment
    begins = _before([len(segment.text) for segment in cuts])
    flat = np.fromiter(chain.from_iterable(chain.from_iterable(offsets)), np.int64, 2 * len(of)).reshape(-1, 2)
    start, end = (flat + begins[of][:, None]).T
    ends = np.array([at + mark.end for at, s in zip(begins.tolist(), cuts, strict=True) for mark in s.marks])
    low = _before([len(segment.marks) for segment in cuts])[of]  # the segment's first mark, and its last
    high = low + np.array([len(segment.marks) for segment in cuts])[of] - 1

    def mark(at: "Places", side: "Literal['left', 'right']" = "right") -> "Places":
        return np.clip(np.searchsorted(ends, at, side=side), low, high)

    first = _after_space("".join(segment.text for segment in cuts), start, end)
    stands, blank = mark(start), first == end
    next_seen = _next_observation([mark for segment in cuts for mark in segment.marks])[stands]
    seen = (next_seen <= mark(end, "left")) & (end > start)
    found = np.where(seen, next_seen, np.where(blank, stands, mark(first)))
    # A blank takes what the token before it took.
    follows = blank & ~seen & (np.arange(len(of)) != _before(counts)[of])
    found = found[np.maximum.accumulate(np.where(follows, 0, np.arange(len(of))))] - low
    return np.split(found, _before(counts)[1:])


def _before(counts: "Sequence[int] | Places") -> "Places":
    """Return for each the sum of those before it."""
    import numpy as np

    return np.cumsum(counts) - np.asarray(counts, dtype=np.int64)


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
    return np.minimum.accumulate(np.array(at, dtype=np.int64)[::-1])[::-1]


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
