"""ms-swift's weighted loss of logits. What it needs is imported here and now: no measurement may pay for that."""

from types import SimpleNamespace
from typing import Any

import torch
from swift.trainers.utils import per_token_loss_func


def swift_loss(logits: Any, targets: Any, weights: Any) -> Any:
    """Return the weighted sum over logits [N, V]; as in ms-swift's compute_loss, they are let go before backward."""
    outputs = SimpleNamespace(logits=logits[None])
    labels = torch.roll(targets, 1)[None]  # it rolls them back
    return (per_token_loss_func(outputs, labels) * weights).sum()
