"""The loss in plain torch: the reference everywhere, and the fast path on a CPU.

A chunk of tokens at a time, and of the vocabulary a block at a time, small enough to stay in the CPU's cache while
its exponentials are taken: what is left of the cost over the matrix products is one exponential a logit. Each block is
taken relative to the greatest logit so far; the second walk over the blocks, which makes the gradients, sets that
right. A head in a type that the CPU would only emulate is turned into float32 block by block.
"""

import torch
from torch import Tensor

from agentswift.engine.loss_pass import Head, Passed, Wanted, add_product

CHUNK_BYTES = 256 << 20  # of one chunk's logits
WIDE_BLOCK = 32768  # rows of the head on a GPU, where a kernel's start costs more than a trip to memory


def torch_pass(head: Head, wanted: Wanted) -> Passed:
    """Return losses and gradients of all tokens."""
    passed = Passed(head, wanted)
    blocks = _Blocks(head)
    for rows in head.chunks(CHUNK_BYTES):
        chunk = _Chunk(head, rows, blocks, keep=any(wanted))
        passed.per_token[rows], passed.correct[rows] = chunk.losses()
        if any(wanted):
            chunk.gradients(passed)
    return passed


class _Blocks:
    """The head's rows, a block at a time, in the type to compute in; and room for a chunk's logits, used again."""

    def __init__(self, head: Head) -> None:
        self.head, vocab = head, len(head.weight)
        size = _block(head.weight.shape[1]) if head.weight.device.type == "cpu" else WIDE_BLOCK
        self.columns = [slice(start, min(start + size, vocab)) for start in range(0, vocab, size)]
        self.turned = None
        if head.weight.dtype != head.compute:
            self.turned = head.weight.new_empty(min(size, vocab), head.weight.shape[1], dtype=head.compute)
        self.room = head.weight.new_empty(0, dtype=head.exact)

    def weight(self, columns: slice) -> Tensor:
        """Return some rows of the head; the next call writes over them."""
        rows = self.head.weight[columns]
        return rows if self.turned is None else self.turned[: len(rows)].copy_(rows)

    def logits(self, rows: int, *, keep: bool) -> list[Tensor]:
        """Return room for the logits of `rows` tokens, a tensor a block; one and the same room unless kept."""
        widths = [columns.stop - columns.start for columns in self.columns]
        cells = rows * (sum(widths) if keep else max(widths))
        if self.room.numel() < cells:
            self.room = self.room.new_empty(cells)
        starts = [rows * columns.start if keep else 0 for columns in self.columns]
        return [self.room[s : s + rows * w].view(rows, w) for s, w in zip(starts, widths, strict=True)]


def _block(size: int) -> int:
    """Return the rows of the head that a CPU takes at once: 16 MB of them in float32, where that is 1,024 to 4,096."""
    return min(4096, max(1024, (4 << 20) // size))


class _Chunk:
    """Some tokens: first their losses, which leave exponentials behind, then from those the gradients."""

    def __init__(self, head: Head, rows: slice, blocks: _Blocks, *, keep: bool) -> None:
        self.head, self.rows, self.blocks = head, rows, blocks
        self.hidden = head.hidden[rows].to(head.compute)
        self.targets, self.scales = head.targets[rows], head.scales[rows].to(head.exact)
        self.logits = blocks.logits(len(self.targets), keep=keep)

    def losses(self) -> tuple[Tensor, Tensor]:
        """Return each token's loss, and whether no logit is greater than its target's."""
        tops, sums = [], []
        chosen = top = torch.full_like(self.scales, -torch.inf)
        for columns, z in zip(self.blocks.columns, self.logits, strict=True):
            self._multiply(columns, z)
            place, inside = self._place(columns)
            chosen = torch.where(inside, z.gather(1, place)[:, 0], chosen)
            top = torch.maximum(top, z.amax(1))
            tops.append(top)
            sums.append(z.sub_(top[:, None]).exp_().sum(1))
        shares = torch.stack(tops).sub_(top).exp_()
        total = shares.mul(torch.stack(sums)).sum(0)
        self.shares = shares.mul_(self.scales / total)
        return total.log() - (chosen - top), chosen >= top

    def gradients(self, passed: Passed) -> None:
        """Add to the gradients what these tokens give."""
        hidden = self.scales.new_zeros(self.hidden.shape)
        for columns, z, share in zip(self.blocks.columns, self.logits, self.shares, strict=True):
            place, inside = self._place(columns)
            z.mul_(share[:, None]).scatter_add_(1, place, -(self.scales * inside)[:, None])
            slope = z.to(self.head.compute)
            if passed.hidden is not None:
                add_product(hidden, slope, self.blocks.weight(columns))
            passed.add_to_head(columns, slope, self.hidden)
        if passed.hidden is not None:
            passed.hidden[self.rows] = hidden

    def _multiply(self, columns: slice, z: Tensor) -> None:
        """Write the logits of a block into `z`."""
        weight = self.blocks.weight(columns).t()
        if z.dtype == self.head.compute:
            torch.mm(self.hidden, weight, out=z)
        else:
            z.copy_(self.hidden @ weight)
        if self.head.bias is not None:
            z += self.head.bias[columns]

    def _place(self, columns: slice) -> tuple[Tensor, Tensor]:
        """Return the column [tokens, 1] of each target in a block, clamped into it, and whether it is inside."""
        inside = (self.targets >= columns.start) & (self.targets < columns.stop)
        return (self.targets - columns.start).clamp(0, columns.stop - columns.start - 1)[:, None], inside
