"""The weights of this very step: put on a batch once, before its tokens are counted, whichever path takes the loss."""

from collections.abc import Sequence
from typing import Any

import torch

IGNORED = -100


def put_on(batch: dict[str, Any], way: float) -> None:
    """Turn loss_scale and loss_scale_end into the loss_scale at `way`, 0 to 1, of the schedule; no end: nothing."""
    if (end := batch.pop("loss_scale_end", None)) is not None:
        batch["loss_scale"] = torch.lerp(batch["loss_scale"].float(), end.float(), way)


def counted(batches: Sequence[dict[str, Any]], device: torch.device) -> torch.Tensor:
    """Return [tokens trained, sum of their weights] of batches, those at the start of a row left out."""
    sums = torch.zeros(2, device=device)
    for batch in batches:
        trained = batch["labels"][..., 1:] != IGNORED
        weights = batch["loss_scale"][..., 1:].float() * trained
        sums += torch.stack([trained.sum(), weights.sum()]).to(device)
    return sums


def normalised(batches: Sequence[dict[str, Any]], sums: torch.Tensor) -> None:
    """Scale weights to a mean of 1 over `sums`: divided by the tokens, the loss is then divided by the weights.

    So the number of tokens stays what everything else counts: the auxiliary loss of experts, ms-swift's own path.
    """
    tokens, weights = sums
    factor = torch.where(weights > 0, tokens / weights, torch.ones_like(weights))
    for batch in batches:
        batch["loss_scale"] = batch["loss_scale"].float() * factor.to(batch["loss_scale"].device)
