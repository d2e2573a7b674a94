"""A loss scale ready to weigh rows: its sets of weights by dataset, from the first step to the last."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from agentswift.weights.spans import SpanRow, Weighing

# What a loss scale says where it says nothing; schema.groups.LossScale has the same keys.
PLAIN: Mapping[str, Any] = {
    "name": "flat",
    "fields": {},
    "labels": {},
    "arguments": {},
    "end_of_turn": 1.0,
    "turns": "all",
    "normalize": "tokens",
    "by_dataset": {},
    "schedule": {"shape": "linear", "to": {}},
}


if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Ends = tuple[
    "npt.NDArray[np.float64]", "npt.NDArray[np.float64]"
]  # of a row's tokens, at the first step and at the last


class Scale:
    """A loss scale; `weigh` gives each token its weight, at the start of the schedule or at its end.

    Rows of a dataset named in `by_dataset` take the set that its entry says, merged over the scale's own; an entry
    with a `name` is a loss scale by itself, and nothing of ours is merged into it.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.said: dict[str, Any] = merged(PLAIN, said)
        self.name: str = self.said["name"]
        self.normalize: Literal["tokens", "weights"] = self.said["normalize"]
        self.shape: Literal["linear", "cosine"] = self.said["schedule"]["shape"]
        self._sets: dict[str, tuple[Weighing, Weighing]] = {"": _ends(self.said)}
        for dataset, entry in self.said["by_dataset"].items():
            if isinstance(entry, Mapping):  # check_scale names one that is not
                self._sets[dataset] = _ends(merged(PLAIN if "name" in entry else self.said, entry))

    @classmethod
    def of(cls, said: Any) -> "Scale":
        """Return the scale that a mapping or the schema's LossScale says; keys that are not there are PLAIN's."""
        return cls(mapping_of(said))

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Scale":
        """Return the scale that `json` wrote, here or in an older version."""
        return cls.of(said)

    def json(self) -> dict[str, Any]:
        """Return the scale as JSON holds it."""
        return merged(self.said, {})

    @property
    def title(self) -> str:
        """What headings call it: its name, and whether more than that name says was changed in the plain one."""
        is_plain = self.said == merged(PLAIN, {})
        return self.name if is_plain or self.name != PLAIN["name"] else f"{self.name}, changed"

    @property
    def is_scheduled(self) -> bool:
        """Whether any weight differs between the first step and the last."""
        return any(start != end for start, end in self._sets.values())

    def notes(self) -> list[str]:
        """Return what had better be said aloud before anything is trained with this scale."""
        found = []
        for dataset, (start, end) in self._sets.items():
            of = f" of {dataset}" if dataset else ""
            for weighing, when in ((start, ""), (end, " at the end")):
                if weighing.end_of_turn == 0 and (when == "" or start.end_of_turn):
                    found.append(f"loss scale {self.name}: end_of_turn=0{of}{when}: the stop token is not trained")
        return found

    def weighing(self, dataset: str = "", *, end: bool = False) -> Weighing:
        """Return the set of weights for rows of `dataset`."""
        start, last = self._sets.get(dataset, self._sets[""])
        return last if end else start

    def table(self, spans: Sequence[SpanRow], dataset: str = "", *, end: bool = False) -> list[float]:
        """Return what a token of each span weighs, and 0 behind all: what a token of no span (-1) picks."""
        return self.weighing(dataset, end=end).table(spans)

    def weigh(
        self, span_ids: Sequence[int], spans: Sequence[SpanRow], dataset: str = "", *, end: bool = False
    ) -> list[float]:
        """Return each token's weight, its field's times its message's; `end`: that at the end of the schedule."""
        table = self.table(spans, dataset, end=end)
        return [table[span_id] for span_id in span_ids]


def in_training(
    scale: Scale, span_ids: "Sequence[int] | npt.NDArray[Any]", spans: Sequence[SpanRow], dataset: str
) -> Ends:
    """Return a row's weights at the first step and at the last (the same array without a schedule), as it is trained.

    Nothing comes before its first token to predict it, so that weighs 0; packed rows must not see each other.
    """
    import numpy as np

    def at(end: bool) -> "npt.NDArray[np.float64]":
        weights = np.array(scale.table(spans, dataset, end=end))[np.asarray(span_ids, np.int64)]
        weights[:1] = 0.0
        return weights

    start = at(end=False)
    return start, at(end=True) if scale.is_scheduled else start


def mapping_of(said: Any) -> dict[str, Any]:
    """Return what a mapping or the schema's LossScale says as JSON holds it, without the file it was read from."""
    values = asdict(said) if is_dataclass(said) and not isinstance(said, type) else said
    return {key: value for key, value in _plain(values).items() if key != "file"}


def progressed(progress: float, shape: str) -> float:
    """Return how far the weights are on the way from the first to the last, for a run's progress 0 to 1."""
    progress = min(1.0, max(0.0, progress))
    return progress if shape == "linear" else (1 - math.cos(math.pi * progress)) / 2


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with what `over` says put over it, mappings key by key; neither is changed."""
    out = {**under, **over}
    for key, value in out.items():
        if isinstance(value, Mapping):
            inner = under.get(key)
            out[key] = merged(inner if isinstance(inner, Mapping) else {}, value)
    return out


def _ends(said: Mapping[str, Any]) -> tuple[Weighing, Weighing]:
    return Weighing.of(said), Weighing.of(merged(said, said["schedule"]["to"]))


def _plain(value: Any) -> Any:
    """Return `value` without Enums: what JSON can hold."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.value if isinstance(value, Enum) else value
