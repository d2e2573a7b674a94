"""Where the loss of encoded rows goes: tokens and weight by field, and by dataset."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentswift.conversation import FIELDS
from agentswift.weights.scale import Scale
from agentswift.weights.spans import SpanRow

Sums = tuple[int, int, float, float]  # tokens, those trained, their weight at the first step and at the last


@dataclass(frozen=True)
class Share:
    """What one field has of a run: its tokens, those with a weight, and their weight in all."""

    dataset: str  # "": all of them together
    field: str
    tokens: int
    trained: int  # tokens of weight > 0, at either end of a schedule
    weight: float
    share: float  # of the weight of the dataset (or of all), 0 to 1; 0 where nothing is trained
    end_weight: float | None = None  # with a schedule, those of its end
    end_share: float | None = None


class Budget:
    """Sums where the loss of encoded rows goes, row by row: memory grows with datasets and fields alone."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.sums: dict[str, dict[str, Sums]] = {}  # dataset → field → its sums

    def add(self, dataset: str, span_ids: Sequence[int], spans: Sequence[SpanRow], *, under: str | None = None) -> None:
        """Count one row; -1 is a token of no span. `under`: a name to sum it under in the place of its dataset's."""
        of_fields = self.sums.setdefault(dataset if under is None else under, {})
        start = self.scale.table(spans, dataset)
        end = self.scale.table(spans, dataset, end=True) if self.scale.is_scheduled else start
        for span_id in span_ids[:1]:
            _put(of_fields, _field(spans, span_id), (1, 0, 0.0, 0.0))  # never trained: see scale.in_training
        for span_id, count in Counter(span_ids[1:]).items():
            field = _field(spans, span_id)
            trained = count * (start[span_id] > 0 or end[span_id] > 0)
            _put(of_fields, field, (count, trained, count * start[span_id], count * end[span_id]))

    def shares(self, *, by_dataset: bool = False) -> list[Share]:
        """Return each field's share, of all datasets together or of each.

        Fields that have no token are left out; the others stand in FIELDS' order, dataset by dataset as they came.
        """
        if by_dataset:
            return [share for dataset, of_fields in self.sums.items() for share in self._shares(dataset, of_fields)]
        whole: dict[str, Sums] = {}
        for of_fields in self.sums.values():
            for field, sums in of_fields.items():
                _put(whole, field, sums)
        return self._shares("", whole)

    def datasets(self) -> list[Share]:
        """Return each dataset's share of all, over all its fields (`field` is "")."""
        sums: dict[str, Sums] = {}
        for dataset, of_fields in self.sums.items():
            for more in of_fields.values():
                _put(sums, dataset, more)
        start, end = (sum(one[at] for one in sums.values()) for at in (2, 3))
        return [self._share(dataset, "", one, start, end) for dataset, one in sums.items()]

    def _shares(self, dataset: str, of_fields: Mapping[str, Sums]) -> list[Share]:
        start, end = (sum(sums[at] for sums in of_fields.values()) for at in (2, 3))
        return [self._share(dataset, name, of_fields[name], start, end) for name in FIELDS if name in of_fields]

    def _share(self, dataset: str, field: str, sums: Sums, start: float, end: float) -> Share:
        tokens, trained, weight, last = sums
        ends = (last, last / end if end else 0.0) if self.scale.is_scheduled else (None, None)
        return Share(dataset, field, tokens, trained, weight, weight / start if start else 0.0, *ends)


def budget(
    rows: Iterable[tuple[str, Sequence[int], Sequence[SpanRow]]], scale: Scale, *, by_dataset: bool = False
) -> list[Share]:
    """Return where the loss of encoded rows (dataset, span ids, span table) goes, field by field (see Budget)."""
    summed = Budget(scale)
    for dataset, span_ids, spans in rows:
        summed.add(dataset, span_ids, spans)
    return summed.shares(by_dataset=by_dataset)


def _field(spans: Sequence[SpanRow], span_id: int) -> str:
    return spans[span_id].field if span_id >= 0 else "marker"


def _put(sums: dict[str, Sums], field: str, more: Sums) -> None:
    had = sums.get(field, (0, 0, 0.0, 0.0))
    sums[field] = (had[0] + more[0], had[1] + more[1], had[2] + more[2], had[3] + more[3])
