"""What a backend of the loss takes and gives: one pass over the kept tokens, the gradients made on the way.

The gradients are made in the forward pass, because the weights of the tokens are known by then and because ZeRO-3 and
FSDP gather the head for the length of its forward alone: nothing of the head may be read later.
"""

from collections.abc import Iterator
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

    `compute` is the type that matrices are multiplied in; sums, exponentials and losses are in `exact`.
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None
    targets: Tensor
    scales: Tensor
    compute: torch.dtype

    @property
    def exact(self) -> torch.dtype:
        """The type of sums: float32, or float64 where the products are."""
        return torch.float64 if self.compute == torch.float64 else torch.float32

    def chunks(self, budget: int) -> Iterator[slice]:
        """Cut the tokens into even chunks whose logits fit into `budget` bytes."""
        n = len(self.targets)
        most = max(1, budget // (len(self.weight) * self.exact.itemsize))
        size = -(-n // -(-n // most)) if n else 1
        return (slice(start, min(start + size, n)) for start in range(0, n, size))


class Passed:
    """What comes out: a loss a token, whether each target is the arg-max, and the gradients that were asked for.

    A gradient is that of `sum(scales * per_token)`. Those of the head are summed in `exact`, since each chunk adds to
    them; float16 ones stay so until they are scaled, which float16 has no room for (Liger's come in its own type).
    """

    def __init__(self, head: Head, wanted: Wanted) -> None:
        n, exact = len(head.targets), head.exact
        self.head = head
        self.per_token = head.hidden.new_zeros(n, dtype=exact)
        self.correct = torch.zeros_like(head.targets, dtype=torch.bool)
        kept = exact if head.hidden.dtype == torch.float16 else head.hidden.dtype
        self.hidden = head.hidden.new_zeros(head.hidden.shape, dtype=kept) if wanted.hidden else None
        self.weight = head.weight.new_zeros(head.weight.shape, dtype=exact) if wanted.weight else None
        self.bias = head.weight.new_zeros(len(head.weight), dtype=exact) if wanted.bias else None

    def add_to_head(self, columns: slice, slope: Tensor, hidden: Tensor) -> None:
        """Add what a chunk's `slope` (the loss's gradient by its logits in `columns`) gives the head and its bias."""
        if self.weight is not None:
            add_product(self.weight[columns], slope.t(), hidden)
        if self.bias is not None:
            self.bias[columns] += slope.sum(0, dtype=self.bias.dtype)


def add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    """Add a @ b to `total`, in its type."""
    if a.dtype == total.dtype:
        total.addmm_(a, b)
    else:
        total += a @ b
