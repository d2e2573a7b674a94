"""Rows of the cache → batches: weights are put on here, and what a token belongs to comes along."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.data import Dataset

from agentswift.engine.cache import Encodings
from agentswift.weights import weigh

IGNORED = -100  # the label of a token that is not trained


class Rows(Dataset):  # type: ignore[type-arg]
    """The chosen rows of a cache file, as ms-swift's samplers, packer and collator want a dataset."""

    def __init__(self, encodings: Encodings, chosen: list[int]) -> None:
        self.encodings, self.chosen = encodings, chosen
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
            "span_ids": self.encodings.span_ids(row).tolist(),
            "spans": self.encodings.spans(row),
            "length": self.lengths[index],
        }


class Collator:
    """Puts labels and weights on rows, lets ms-swift pad or pack them, and carries the span ids along.

    The batch has input_ids, labels, loss_scale and span_ids of one shape [rows, tokens]; labels are -100 and span_ids
    -1 where there is no token, labels also where the weight is 0. ms-swift's own collator drops keys it does not know.
    """

    def __init__(self, template: Any, fields: Mapping[str, float]) -> None:
        self.collate, self.fields = type(template).data_collator.__get__(template), dict(fields)

    def __call__(self, batch: list[Any], *, padding_to: int | None = None) -> dict[str, Any]:
        rows = [row for item in batch for row in (item if isinstance(item, list) else [item])]
        collated: dict[str, Any] = self.collate([self._weighted(row) for row in rows], padding_to=padding_to)
        collated["span_ids"] = _like(collated["input_ids"], [row["span_ids"] for row in rows])
        return collated

    def _weighted(self, row: dict[str, Any]) -> dict[str, Any]:
        weights = weigh(row["span_ids"], row["spans"], self.fields)
        weights[0] = 0.0  # nothing comes before the first token to predict it; packed rows must not see each other
        labels = [i if w > 0 else IGNORED for i, w in zip(row["input_ids"], weights, strict=True)]
        return {"input_ids": row["input_ids"], "labels": labels, "loss_scale": weights, "length": row["length"]}


def _like(ids: torch.Tensor, rows: list[list[int]]) -> torch.Tensor:
    """Return `rows` in the shape of `ids`: one after another where ids are packed, else padded on the right with -1."""
    out = torch.full_like(ids, -1)
    if ids.shape[0] == len(rows):
        for at, row in enumerate(rows):
            out[at, : len(row)] = torch.tensor(row)
    else:
        flat = [i for row in rows for i in row]
        out[0, : len(flat)] = torch.tensor(flat)
    return out
