"""A loss scale's weights by field, on tokens: which span a token lies in is fixed, what it weighs is decided here."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentswift.conversation import FIELDS, WRITTEN
from agentswift.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class SpanRow:
    """A row of an encoded conversation's span table, as the cache keeps it: no loss scale is in it yet."""

    field: str
    of: str  # for a label, the field that it introduces
    step: int  # within its turn; -1: none
    turn: int  # -1: before the first
    weight: float  # the message's own, ≥ 0; 0 where it is not trained


def field_weight(field: str, fields: Mapping[str, float]) -> float:
    """Return what `fields` says of a field, else 1 where the model writes it and 0 where it only reads it."""
    named = fields.get(field)
    return float(named) if named is not None else float(field in WRITTEN)


def check_fields(fields: Mapping[str, float]) -> None:
    """Raise UsageError for a field that there is not, or a weight that is no finite number ≥ 0."""
    for field, weight in fields.items():
        if field not in FIELDS:
            raise UsageError(f"loss_scale.fields: no field {field!r}.{did_you_mean(field, FIELDS)}")
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
            raise UsageError(
                f"loss_scale.fields.{field}: {weight!r} is no weight. "
                "Give a number ≥ 0: 0 leaves the field out of the loss, 1 is plain, 2 counts it twice."
            )


def weigh(span_ids: Sequence[int], spans: Sequence[SpanRow], fields: Mapping[str, float]) -> list[float]:
    """Return each token's weight, its field's times its message's; -1 is a token of no span, which weighs 0."""
    table = [field_weight(span.field, fields) * span.weight for span in spans]
    table.append(0.0)  # what -1 picks
    return [table[span_id] for span_id in span_ids]


@dataclass(frozen=True)
class Share:
    """What one field has of a run: its tokens, those with a weight, and their weight in all."""

    dataset: str  # "": all of them together
    field: str
    tokens: int
    trained: int  # tokens of weight > 0
    weight: float
    share: float  # of the weight of the dataset (or of all), 0 to 1; 0 where nothing is trained


class Budget:
    """Sums where the loss of encoded rows goes, row by row: memory grows with datasets and fields alone."""

    def __init__(self, fields: Mapping[str, float]) -> None:
        self.fields = fields
        self.sums: dict[str, dict[str, tuple[int, int, float]]] = {}  # dataset → field → tokens, trained, weight

    def add(self, dataset: str, span_ids: Sequence[int], spans: Sequence[SpanRow]) -> None:
        """Count one row; -1 is a token of no span."""
        of_fields = self.sums.setdefault(dataset, {})
        counted = Counter(span_ids)
        for (span_id, count), weight in zip(counted.items(), weigh([*counted], spans, self.fields), strict=True):
            field = spans[span_id].field if span_id >= 0 else "marker"
            tokens, trained, total = of_fields.get(field, (0, 0, 0.0))
            of_fields[field] = (tokens + count, trained + count * (weight > 0), total + count * weight)

    def shares(self, *, by_dataset: bool = False) -> list[Share]:
        """Return each field's share, of all datasets together or of each.

        Fields that have no token are left out; the others stand in FIELDS' order, dataset by dataset as they came.
        """
        if by_dataset:
            return [share for dataset, of_fields in self.sums.items() for share in _shares(dataset, of_fields)]
        whole: dict[str, tuple[int, int, float]] = {}
        for of_fields in self.sums.values():
            for field, (tokens, trained, weight) in of_fields.items():
                had = whole.get(field, (0, 0, 0.0))
                whole[field] = (had[0] + tokens, had[1] + trained, had[2] + weight)
        return _shares("", whole)


def budget(
    rows: Iterable[tuple[str, Sequence[int], Sequence[SpanRow]]],
    fields: Mapping[str, float],
    *,
    by_dataset: bool = False,
) -> list[Share]:
    """Return where the loss of encoded rows (dataset, span ids, span table) goes, field by field (see Budget)."""
    summed = Budget(fields)
    for dataset, span_ids, spans in rows:
        summed.add(dataset, span_ids, spans)
    return summed.shares(by_dataset=by_dataset)


def _shares(dataset: str, of_fields: Mapping[str, tuple[int, int, float]]) -> list[Share]:
    whole = sum(weight for _, _, weight in of_fields.values())
    return [
        Share(dataset, field, *of_fields[field], of_fields[field][2] / whole if whole else 0.0)
        for field in FIELDS
        if field in of_fields
    ]
