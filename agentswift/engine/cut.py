"""Rows longer than max_length, cut as `truncation_strategy` says. The cache's own rows stay as they are.

left, right and split are places in rows that are mapped: nothing is encoded again. turns writes a shorter
conversation, so the cut rows are encoded, once, into a cache file of their own.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agentswift.conversation import Conversation
from agentswift.engine.cache import Encodings, Ints, cached
from agentswift.engine.encode import Encoded, Encoder
from agentswift.engine.prepare import Prepared, Progress, encoded_folder
from agentswift.errors import EngineError
from agentswift.schema.groups import Truncation

Window = tuple[int, int]  # first token, and the one past the last
_NONE = Encoded([], [], (), "")  # what `turns` keeps of a row whose last turn alone is too long


def windows(length: int, strategy: Truncation, max_length: int) -> list[Window]:
    """Return which tokens of a row are kept; several pieces where it is split, all of them where it is not cut."""
    if length <= max_length or strategy in (Truncation.delete, Truncation.turns):
        return [(0, length)]
    if strategy is Truncation.left:
        return [(length - max_length, length)]
    if strategy is Truncation.right:
        return [(0, max_length)]
    return [(start, min(start + max_length, length)) for start in range(0, length, max_length)]


def with_fewer_turns(conversation: Conversation, encoder: Encoder, max_length: int) -> Conversation | None:
    """Return `conversation` without its oldest turns, as few as it takes for at most `max_length` tokens.

    System and tools stay, and what begins with the user's last word; None where that alone is too long.
    """
    begins = [number for number, turn in enumerate(conversation.turns) if number and turn.user is not None]

    def shortened(number: int) -> int:
        return -len(next(encoder.encode([_from_turn(conversation, number)])).input_ids)

    at = bisect_left(begins, -max_length, key=shortened)
    return _from_turn(conversation, begins[at]) if at < len(begins) else None


def _from_turn(conversation: Conversation, number: int) -> Conversation:
    return replace(conversation, turns=conversation.turns[number:])


def pieces(
    conversation: Conversation, encoder: Encoder, strategy: Truncation, max_length: int
) -> list[tuple[Conversation, Encoded, Window]]:
    """Return what is trained of one conversation: what is written of it, its tokens, and which of them are kept."""
    encoded = next(encoder.encode([conversation]))
    if len(encoded.input_ids) > max_length and strategy is Truncation.turns:
        conversation = with_fewer_turns(conversation, encoder, max_length) or conversation
        encoded = next(encoder.encode([conversation]))
    return [(conversation, encoded, window) for window in windows(len(encoded.input_ids), strategy, max_length)]


class CutEncodings(Encodings):
    """Encoded rows after the cut; each piece is a row here, and they stand in the order of the rows they are of."""

    def __init__(self, whole: Encodings, strategy: Truncation, max_length: int, fewer_turns: Encodings | None) -> None:
        self.file, self.whole, self.fewer_turns, self.strategy = whole.file, whole, fewer_turns, strategy
        long = np.flatnonzero(whole.lengths > max_length)
        kept = [windows(int(length), strategy, max_length) for length in whole.lengths[long]]
        counts = np.ones(len(whole), np.int64)
        counts[long] = [len(of_row) for of_row in kept]
        self.firsts = np.concatenate([[0], np.cumsum(counts)])  # row → its first piece; one more at the end
        self.rows = np.repeat(np.arange(len(whole)), counts)  # piece → the row it is of
        self._starts_at, self._ends_at = np.zeros(len(self.rows), np.int64), whole.lengths[self.rows].astype(np.int64)
        for row, of_row in zip(long, kept, strict=True):
            at = slice(self.firsts[row], self.firsts[row + 1])
            self._starts_at[at], self._ends_at[at] = np.array(of_row).T
        self._in_turns: dict[int, int] = {}  # row → its row in `fewer_turns`
        if fewer_turns is not None:
            self._in_turns = {int(row): at for at, row in enumerate(long) if fewer_turns.lengths[at]}
            self._ends_at[[*self._in_turns]] = fewer_turns.lengths[[*self._in_turns.values()]]
        self.lengths: Ints = (self._ends_at - self._starts_at).astype(np.int32)

    def window(self, row: int) -> Window:
        """Return which tokens of the conversation's whole text a piece has."""
        return int(self._starts_at[row]), int(self._ends_at[row])

    def turns(self, row: int) -> int | None:
        """Return how many turns are left of the conversation of a piece; None: all of them."""
        source, at = self._source(row)
        return None if source is self.whole else 1 + max(span.turn for span in source.spans(at))

    def _source(self, row: int) -> tuple[Encodings, int]:
        of = int(self.rows[row])
        if self.fewer_turns is None or of not in self._in_turns:
            return self.whole, of
        return self.fewer_turns, self._in_turns[of]

    def _slice(self, name: str, row: int) -> Any:
        source, at = self._source(row)
        values, (start, end) = source._slice(name, at), self.window(row)
        return values[start:end] if name in ("input_ids", "span_ids") else values


class _Cut(Sequence[Conversation]):
    """The conversation of each piece, as its text is written."""

    def __init__(self, whole: Sequence[Conversation], encodings: CutEncodings) -> None:
        self.whole, self.encodings = whole, encodings

    def __len__(self) -> int:
        return len(self.encodings)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        conversation, turns = self.whole[int(self.encodings.rows[index])], self.encodings.turns(index)
        return conversation if turns is None else _from_turn(conversation, -turns)


def truncate(
    prepared: Prepared, encoder: Encoder, strategy: Truncation, max_length: int, progress: Progress | None = None
) -> None:
    """Cut the rows of `prepared` that are too long; with `delete` they stay, for `choose` to leave out."""
    if strategy is Truncation.delete:
        return
    whole, fewer = prepared.encodings, None
    if strategy is Truncation.turns:
        key = hashlib.sha256(f"{prepared.fingerprint} turns {max_length}".encode()).hexdigest()[:32]
        fewer = cached(whole.file.with_name(f"{key}.arrow"), lambda: _fewer(prepared, encoder, max_length, progress))
    prepared.encodings = cut = CutEncodings(whole, strategy, max_length, fewer)
    prepared.conversations = _Cut(prepared.conversations, cut)
    prepared.datasets = [prepared.datasets[row] for row in cut.rows]


def _fewer(prepared: Prepared, encoder: Encoder, max_length: int, progress: Progress | None) -> Iterator[Encoded]:
    long = np.flatnonzero(prepared.encodings.lengths > max_length).tolist()
    for done, row in enumerate(long, 1):
        shorter = with_fewer_turns(prepared.conversations[row], encoder, max_length)
        yield _NONE if shorter is None else next(encoder.encode([shorter]))
        if progress is not None:
            progress(done, len(long))


def told(encodings: Encodings) -> dict[str, str]:
    """Return what a rank needs besides the cache's file to make the same cut; {} of rows that are whole."""
    if not isinstance(encodings, CutEncodings):
        return {}
    fewer = encodings.fewer_turns
    return {"strategy": encodings.strategy.value, "fewer_turns": str(fewer.file) if fewer is not None else ""}


def mapped(file: str, cut: Mapping[str, str], max_length: int) -> Encodings:
    """Return the rows of a run as a rank maps them, cut as `told` says. Raises EngineError where this node has none."""
    whole = Encodings(_here(file))
    if not cut:
        return whole
    fewer = Encodings(_here(cut["fewer_turns"])) if cut["fewer_turns"] else None
    return CutEncodings(whole, Truncation(cut["strategy"]), max_length, fewer)


def _here(file: str) -> Path:
    """Return a cache file on this node: where the run's parent has it, else of that name in this node's own cache."""
    own = encoded_folder() / Path(file).name
    for there in (Path(file), own):
        if there.is_file():
            return there
    raise EngineError(
        f"{own} is not there, nor {file}: this node has not encoded the run's rows. Once on each node, before its "
        "ranks: python -m agentswift.engine.prepare RUN/run.yaml"
    )
