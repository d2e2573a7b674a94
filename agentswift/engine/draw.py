"""Encoded rows as something to look at: each token's text, field, weight and label, straight from the cache."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agentswift.engine.encode import Encoder
from agentswift.engine.prepare import Prepared
from agentswift.weights import Budget, Share, SpanRow, weigh


@dataclass(frozen=True)
class Drawn:
    """A row as it is trained; all lists have one entry a token. `labels` is -100 where the weight is 0."""

    dataset: str
    row: int
    text: str
    tokens: list[str]
    input_ids: list[int]
    labels: list[int]
    weights: list[float]
    fields: list[str]


def draw(prepared: Prepared, encoder: Encoder, fields: Mapping[str, float], chosen: Iterable[int]) -> Iterator[Drawn]:
    """Yield the chosen rows of `prepared` (indices) under the loss scale `fields`."""
    for index in chosen:
        conversation = prepared.conversations[index]
        ids = prepared.encodings.input_ids(index).tolist()
        spans, span_ids, weights = weighed(prepared, fields, index)
        tokens = encoder.tokens(conversation)
        yield Drawn(
            dataset=prepared.datasets[index],
            row=conversation.source.row,
            text="".join(tokens),
            tokens=tokens,
            input_ids=ids,
            labels=[i if w > 0 else -100 for i, w in zip(ids, weights, strict=True)],
            weights=weights,
            fields=[spans[s].field for s in span_ids],
        )


def weighed(
    prepared: Prepared, fields: Mapping[str, float], index: int
) -> tuple[list[SpanRow], list[int], list[float]]:
    """Return a row's span table, its tokens' span ids, and their weights as the trainer's collator puts them on."""
    spans, span_ids = prepared.encodings.spans(index), prepared.encodings.span_ids(index).tolist()
    weights = weigh(span_ids, spans, fields)
    weights[0] = 0.0  # as in training: nothing comes before the first token
    return spans, span_ids, weights


def summed(prepared: Prepared, fields: Mapping[str, float], chosen: Iterable[int] | None = None) -> Budget:
    """Return where tokens and weight of the chosen rows (all by default) lie: what the loss will be made of."""
    found, rows = Budget(fields), prepared.encodings
    for i in range(len(prepared.datasets)) if chosen is None else chosen:
        found.add(prepared.datasets[i], rows.span_ids(i).tolist(), rows.spans(i))
    return found


def budget_of(
    prepared: Prepared, fields: Mapping[str, float], chosen: Iterable[int] | None = None, *, by_dataset: bool = False
) -> list[Share]:
    """Return tokens and weight by field over the chosen rows (all by default)."""
    return summed(prepared, fields, chosen).shares(by_dataset=by_dataset)
