"""Encoded rows as something to look at: each token's text, field, weight and label, as the trainer has them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agentswift.conversation import Conversation
from agentswift.engine.cut import pieces
from agentswift.engine.encode import Encoder
from agentswift.engine.prepare import Prepared
from agentswift.schema.groups import Truncation
from agentswift.weights import Budget, Scale, Share, SpanRow, in_training


@dataclass(frozen=True)
class Drawn:
    """A row as it is trained; all lists have one entry a token.

    `weights` are those of the first step; `labels` is -100 where the weight is 0 there and at the last.
    """

    dataset: str
    row: int
    text: str
    tokens: list[str]
    input_ids: list[int]
    labels: list[int]
    weights: list[float]
    fields: list[str]
    made: str = ""  # how it was made from that row (data.negatives)
    piece: str = ""  # "2/3": of a row that was split
    left_out: bool = False  # train does not take it: it is too long, or nothing of it is trained


class Drawing:
    """Draws rows one by one as they come, each under every encoder, and sums what was drawn."""

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        scale: Scale,
        max_length: int,
        truncation: Truncation = Truncation.delete,
    ) -> None:
        self.encoders, self.scale, self.max_length, self.truncation = encoders, scale, max_length, truncation
        self.budget = Budget(scale)  # by encoder where there are several, else by dataset
        self.rows = self.over = 0  # drawn; of those, longer than max_length under any encoder before they are cut

    def draw(self, conversations: Iterable[Conversation]) -> Iterator[Drawn]:
        """Yield each conversation as often as there are encoders, in their order; one that is split, piece by piece."""
        for conversation in conversations:
            over = False
            for name, encoder in self.encoders.items():
                under = name if len(self.encoders) > 1 else None
                cut = pieces(conversation, encoder, self.truncation, self.max_length)
                for at, (written, row, window) in enumerate(cut, 1):
                    over |= written is not conversation or len(row.input_ids) > self.max_length
                    ids, span_ids = row.input_ids[slice(*window)], row.span_ids[slice(*window)]
                    self.budget.add(conversation.source.dataset, span_ids, row.spans, under=under)
                    drawn = _drawn(written, encoder, self.scale, ids, span_ids, row.spans, window)
                    is_out = len(ids) > self.max_length or all(label == -100 for label in drawn.labels)
                    yield replace(drawn, piece=f"{at}/{len(cut)}" if len(cut) > 1 else "", left_out=is_out)
            self.rows, self.over = self.rows + 1, self.over + over

    def shares(self) -> list[Share]:
        """Return where the loss of what was drawn goes: by encoder, or by dataset, where there are several."""
        return self.budget.shares(by_dataset=len(self.budget.sums) > 1)


def draw(prepared: Prepared, encoder: Encoder, scale: Scale, chosen: Iterable[int]) -> Iterator[Drawn]:
    """Yield the chosen rows of `prepared` (indices) under `scale`, straight from the cache."""
    rows = prepared.encodings
    for i in chosen:
        ids, span_ids = rows.input_ids(i).tolist(), rows.span_ids(i).tolist()
        yield _drawn(prepared.conversations[i], encoder, scale, ids, span_ids, rows.spans(i), rows.window(i))


def _drawn(
    conversation: Conversation,
    encoder: Encoder,
    scale: Scale,
    ids: list[int],
    span_ids: list[int],
    spans: Sequence[SpanRow],
    window: tuple[int, int],
) -> Drawn:
    start, last = in_training(scale, span_ids, spans, conversation.source.dataset)
    weights, end = start.tolist(), last.tolist()
    tokens = encoder.tokens(conversation)[slice(*window)]
    return Drawn(
        dataset=conversation.source.dataset,
        row=conversation.source.row,
        text="".join(tokens),
        tokens=tokens,
        input_ids=ids,
        labels=[i if a > 0 or b > 0 else -100 for i, a, b in zip(ids, weights, end, strict=True)],
        weights=weights,
        fields=[spans[s].field for s in span_ids],
        made=conversation.source.made,
    )


def summed(prepared: Prepared, scale: Scale, chosen: Iterable[int] | None = None) -> Budget:
    """Return where tokens and weight of the chosen rows (all by default) lie: what the loss will be made of."""
    found, rows = Budget(scale), prepared.encodings
    for i in range(len(prepared.datasets)) if chosen is None else chosen:
        found.add(prepared.datasets[i], rows.span_ids(i).tolist(), rows.spans(i))
    return found


def budget_of(
    prepared: Prepared, scale: Scale, chosen: Iterable[int] | None = None, *, by_dataset: bool = False
) -> list[Share]:
    """Return tokens and weight by field over the chosen rows (all by default)."""
    return summed(prepared, scale, chosen).shares(by_dataset=by_dataset)
