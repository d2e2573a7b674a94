"""What is trained of each encoded row: itself, the pieces it was cut to, or nothing. What is left out is named."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from agentswift.corpus import cut, over_length, split_aside, weighed_out
from agentswift.engine.cache import Encodings
from agentswift.engine.cut import CutEncodings
from agentswift.engine.prepare import Prepared
from agentswift.errors import DataError
from agentswift.rows import Finding, Ledger
from agentswift.weights import Scale, in_training

Fitting = dict[int, list[int]]  # a conversation of a part, by place → its pieces that are trained, as the cache's rows
_NOTHING = {
    "delete": "",
    "turns": " (truncation_strategy=turns: its last turn alone is too long, or what is left is not trained)",
}


class Fitter:
    """Tells what is trained of a run's rows; all that is not is counted in the corpus' ledgers, and named there."""

    def __init__(self, prepared: Prepared, max_length: int, scale: Scale) -> None:
        self.prepared, self.max_length, self.scale = prepared, max_length, scale
        found = prepared.encodings
        self.strategy = found.strategy.value if isinstance(found, CutEncodings) else "delete"
        self.left: Counter[str] = Counter()  # rows left out: by a Ledger's column, "weight" for a weight of 0

    def fitting(self, name: str, start: int, aside: Collection[int] = ()) -> Fitting:
        """Return the rows of a part that fit; `start` is its first row, `aside` are places on no side of the split."""
        found = ((at, self._fit(name, start + at, at in aside)) for at in range(len(self.prepared.corpus.parts[name])))
        return {at: kept for at, kept in found if kept}

    def _fit(self, name: str, row: int, is_aside: bool) -> list[int]:
        pieces, before = _pieces(self.prepared.encodings, row)
        short = [piece for piece in pieces if self.prepared.encodings.lengths[piece] <= self.max_length]
        kept = [piece for piece in short if _is_trained(self.prepared, piece, self.scale)]
        source = self.prepared.conversations[pieces[0]].source
        if not kept and before > self.max_length:
            why = _NOTHING.get(self.strategy, f" (truncation_strategy={self.strategy} leaves nothing that is trained)")
            self._leave(name, "over_length", over_length(source, before, self.max_length, why), source.made)
        elif not kept:
            self._leave(name, "weight", weighed_out(source, self.scale.name), source.made)
        elif is_aside:
            self._leave(name, "set_aside", split_aside(source), source.made)
            return []
        elif before > self.max_length:
            self.prepared.corpus.ledgers[name].cut += 1
            after = int(self.prepared.encodings.lengths[kept].sum())
            self.prepared.corpus.findings.append(cut(source, self.strategy, before, after, len(kept)))
        return kept

    def _leave(self, name: str, why: str, finding: Finding, made: str) -> None:
        """Count a row that was kept so far, or made, as left out."""
        ledger, column = self.prepared.corpus.ledgers[name], "set_aside" if why == "weight" else why
        self.prepared.corpus.findings.append(finding)
        self.left[why] += 1
        if made:
            ledger.made -= 1
        else:
            ledger.kept -= 1
            setattr(ledger, column, getattr(ledger, column) + 1)

    def nothing(self) -> DataError:
        """Return what is said when no row fits."""
        said = []
        if over := self.left["over_length"]:
            lengths = [_pieces(self.prepared.encodings, row)[1] for row in range(sum(self._rows()))]
            shortest = min(length for length in lengths if length > self.max_length)
            cut = f", and truncation_strategy={self.strategy} leaves nothing that is trained"
            said.append(
                f"{over} longer than max_length={self.max_length} (the shortest has {shortest} tokens)"
                + (cut if self.strategy != "delete" else "")
            )
        if self.left["weight"]:
            said.append(
                f"{self.left['weight']} in which loss scale {self.scale.name} weighs 0 all that is written: "
                "name what is trained, as loss_scale.fields.action=1"
            )
        if self.left["set_aside"]:
            said.append(
                f"{self.left['set_aside']} that belong on neither side of the split (split_by=row sets none aside)"
            )
        return DataError(f"no row of {sum(self._rows())} is left to train: {'; '.join(said)}")

    def _rows(self) -> list[int]:
        return [len(part) for part in self.prepared.corpus.parts.values()]


def trained(prepared: Prepared, max_length: int, scale: Scale) -> list[int]:
    """Return the cache's rows that `train` would train or hold out; the others are counted and named."""
    fitter, start, found = Fitter(prepared, max_length, scale), 0, list[int]()
    for name, rows in prepared.corpus.parts.items():
        found += [piece for pieces in fitter.fitting(name, start).values() for piece in pieces]
        start += len(rows)
    return found


def untrained(ledgers: Iterable[Ledger]) -> list[str]:
    """Say of each dataset how many of its rows are set aside, since nothing of them is trained or by the split."""
    return [
        f"{of.dataset}: {of.set_aside} of {of.read} rows set aside: nothing of them is trained, or the split sets them "
        "aside (left_out.jsonl names each)"
        for of in ledgers
        if of.set_aside
    ]


def _is_trained(prepared: Prepared, row: int, scale: Scale) -> bool:
    """Whether anything of a row weighs more than 0: mostly its last token does, which is soon asked."""
    encodings, dataset = prepared.encodings, prepared.datasets[row]
    last, weighings = int(encodings.span_ids(row)[-1]), [scale.weighing(dataset, end=end) for end in (False, True)]
    if encodings.lengths[row] > 1 and last >= 0 and all(weighing.turns == "all" for weighing in weighings):
        (span,) = encodings.spans(row, slice(last, last + 1))
        if any(weighing.span(span) > 0 for weighing in weighings):
            return True
    return any(weight > 0 for weight in sums(prepared, row, scale))


def sums(prepared: Prepared, row: int, scale: Scale) -> tuple[float, float]:
    """Return the sum of a row's weights at the first step and at the last."""
    encodings = prepared.encodings
    start, end = in_training(scale, encodings.span_ids(row), encodings.spans(row), prepared.datasets[row])
    return float(np.sum(start)), float(np.sum(end))


def _pieces(encodings: Encodings, row: int) -> tuple[Sequence[int], int]:
    """Return the pieces that a row was cut to, and its tokens before the cut."""
    if not isinstance(encodings, CutEncodings):
        return [row], int(encodings.lengths[row])
    first, end = encodings.firsts[row : row + 2]
    return range(int(first), int(end)), int(encodings.whole.lengths[row])
