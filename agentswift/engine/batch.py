"""Rows of the cache → batches: weights are put on here, and what a token belongs to comes along."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from agentswift.conversation import FIELDS
from agentswift.engine.cache import Encodings
from agentswift.engine.job import Origins
from agentswift.weights import Scale, in_training

IGNORED = -100  # the label of a token that is not trained


class Rows(Dataset):  # type: ignore[type-arg]
    """The chosen rows of a cache file, as ms-swift's samplers, packer and collator want a dataset."""

    def __init__(self, encodings: Encodings, chosen: list[int], origins: Origins | None = None) -> None:
        self.encodings, self.chosen, self.origins = encodings, chosen, origins
        self.lengths = [int(n) for n in encodings.lengths[chosen]]

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int | str) -> Any:
        """Return a row by number, or the column "lengths" that ms-swift groups and packs by."""
        if isinstance(index, str):
            return {"lengths": self.lengths}[index]
        row = self.chosen[index]
        return {
            "input_ids": self.encodings.input_ids(row).tolist(),
            "span_ids": self.encodings.span_ids(row),
            "spans": self.encodings.spans(row),
            "dataset": "" if self.origins is None else self.origins[row],
            "length": self.lengths[index],
        }


class Collator:
    """Puts labels and weights on rows, lets ms-swift pad or pack them, and says what each token belongs to.

    The batch has input_ids, labels, loss_scale and groups of one shape [rows, tokens], and with a scheduled scale
    loss_scale_end, the weights of the last step. A label is -100 where there is no token or its weight is 0 (at both
    ends), a group `dataset × len(FIELDS) + field` by their numbers in `datasets` and FIELDS, -1 where there is no
    token. Nothing is shifted. ms-swift's own collator drops keys it does not know.
    """

    def __init__(self, template: Any, scale: Scale, datasets: Sequence[str] = ("",)) -> None:
        self.collate = type(template).data_collator.__get__(template)
        self.scale, self.datasets = scale, list(datasets)
        self.left = template.padding_side == "left"

    def __call__(self, batch: list[Any], *, padding_to: int | None = None) -> dict[str, Any]:
        rows = [row for item in batch for row in (item if isinstance(item, list) else [item])]
        weighted = [_Weighted(row, self.scale) for row in rows]
        collated: dict[str, Any] = self.collate([row.plain() for row in weighted], padding_to=padding_to)
        ids = collated["input_ids"]
        if self.scale.is_scheduled:
            collated["loss_scale_end"] = self._like(ids, [row.end for row in weighted], 0.0, torch.float32)
        collated["groups"] = self._like(ids, [row.groups(self.datasets) for row in weighted], -1, torch.int32)
        return collated

    def _like(self, ids: Tensor, rows: Sequence[npt.NDArray[Any]], fill: float, dtype: torch.dtype) -> Tensor:
        """Return `rows` in the shape of `ids`: one after another where ids are packed, else padded as ms-swift pads."""
        out = torch.full_like(ids, fill, dtype=dtype)
        lines, left = (rows, self.left) if ids.shape[0] == len(rows) else ([np.concatenate(rows)], False)
        for place, line in zip(out, lines, strict=True):
            start = len(place) - len(line) if left else 0
            place[start : start + len(line)] = torch.from_numpy(line)
        return out


class _Weighted:
    """A row with its weights at both ends of the schedule, which are the same where there is none."""

    def __init__(self, row: dict[str, Any], scale: Scale) -> None:
        self.row, self.ids = row, np.asarray(row["span_ids"], np.int64)
        ends = in_training(scale, self.ids, row["spans"], row["dataset"])
        self.start, self.end = (weights.astype(np.float32) for weights in ends)

    def plain(self) -> dict[str, Any]:
        """Return what ms-swift's collator knows."""
        ids = self.row["input_ids"]
        labels = np.where((self.start > 0) | (self.end > 0), ids, IGNORED).tolist()
        return {"input_ids": ids, "labels": labels, "loss_scale": self.start.tolist(), "length": self.row["length"]}

    def groups(self, datasets: Sequence[str]) -> npt.NDArray[Any]:
        """Return each token's group; a token of no span is a marker, as in budgets."""
        fields = [FIELDS.index(span.field) for span in self.row["spans"]]
        of_spans = np.array([*fields, FIELDS.index("marker")], np.int32)
        return of_spans[self.ids] + datasets.index(self.row["dataset"]) * len(FIELDS)
