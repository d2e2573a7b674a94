"""What a backend of the loss takes and gives: one pass over the kept tokens, the gradients made on the way.

The gradients are made in the forward pass, because the weights of the tokens are known by then and because ZeRO-3 and
FSDP gather the head for the length of its forward alone: nothing of the head may be read later.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Wanted(NamedTuple):
    """Which gradients to make."""

    hidden: bool
    weight: bool
    bias: bool


@dataclass(frozen=True)
class Head:
    """The head and the kept tokens: `hidden` [N, H], `weight` [V, H], `bias` [V] or none, `targets` and `scales` [N].

    `compute` is the type that the matrix products are done in; sums, exponentials and losses are float32 (float64 for
    float64 inputs).
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None
    targets: Tensor
    scales: Tensor
    compute: torch.dtype

    @property
    def exact(self) -> torch.dtype:
        """The type of sums."""
        return torch.float64 if self.compute == torch.float64 else torch.float32


@dataclass
class Passed:
    """The losses of the tokens, whether each target is the arg-max, and the gradients that were asked for.

    A gradient is that of `sum(scales * per_token)`, in the type of what it belongs to.
    """

    per_token: Tensor
    correct: Tensor
    hidden: Tensor | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None
