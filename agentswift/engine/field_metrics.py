"""Loss and accuracy by field and dataset: sums since the last log, one small tensor for all ranks together."""

from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from agentswift.conversation import FIELDS
from agentswift.engine.head import Kept

_LOSS, _WEIGHTED, _CORRECT, _TOKENS = range(4)


class FieldSums:
    """Sums of a batch's tokens by group (dataset × fields + field) and a last row for tokens of no known group."""

    def __init__(self, datasets: Sequence[str], device: torch.device) -> None:
        self.datasets = list(datasets) or [""]
        self.table = torch.zeros(len(self.datasets) * len(FIELDS) + 1, 4, device=device, dtype=_sums(device))

    def add(self, kept: Kept, per_token: Tensor, correct: Tensor) -> None:
        """Count trained tokens; nothing waits for the device."""
        weights = kept.weights.to(per_token.device)
        values = torch.stack([per_token, per_token * weights, correct.float(), torch.ones_like(per_token)], dim=1)
        groups = (kept.groups % len(self.table)).long()
        self.table.index_add_(0, groups.to(self.table.device), values.to(self.table))

    def take(self, prefix: str = "") -> dict[str, float]:
        """Return the figures of all ranks by the names they are logged under, and begin anew."""
        table, self.table = self.table, torch.zeros_like(self.table)
        if dist.is_initialized():
            dist.all_reduce(table)
        table = table.double().cpu()
        if not (tokens := table[:, _TOKENS].sum().item()):
            return {}
        named = {"token_acc": table[:, _CORRECT].sum().item() / tokens, **dict(self._figures(table))}
        return {f"{prefix}{name}": value for name, value in named.items()}

    def _figures(self, table: Tensor) -> Iterator[tuple[str, float]]:
        """Yield loss, acc and share by field; loss and acc by dataset and field too, where there are several."""
        whole = max(table[:, _WEIGHTED].sum().item(), 1e-30)
        by_dataset = table[:-1].view(len(self.datasets), len(FIELDS), 4)
        for field, sums in zip(FIELDS, by_dataset.sum(0), strict=True):
            if sums[_TOKENS]:
                yield from _means(field, sums)
                yield f"share/{field}", sums[_WEIGHTED].item() / whole
        for dataset, fields in zip(self.datasets, by_dataset, strict=True):
            for field, sums in zip(FIELDS, fields, strict=True):
                if sums[_TOKENS] and len(self.datasets) > 1:
                    yield from _means(f"{dataset}/{field}", sums)


def _sums(device: torch.device) -> torch.dtype:
    """Return the type to sum in: float32 counts no further than 16.8 million; Apple's devices have no other."""
    return torch.float32 if device.type == "mps" else torch.float64


def _means(name: str, sums: Tensor) -> Iterator[tuple[str, float]]:
    yield f"loss/{name}", (sums[_LOSS] / sums[_TOKENS]).item()
    yield f"acc/{name}", (sums[_CORRECT] / sums[_TOKENS]).item()
