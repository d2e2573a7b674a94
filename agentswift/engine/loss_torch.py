"""The loss in plain torch: the reference, and the fast path on a CPU."""

import torch
from torch import Tensor

from agentswift.engine.loss_pass import Head, Passed, Wanted

CHUNK_BYTES = 256 << 20  # of one buffer of logits


def torch_pass(head: Head, wanted: Wanted) -> Passed:
    """Return losses and gradients, a chunk of tokens at a time."""
    n, vocab = len(head.targets), len(head.weight)
    chunk = max(1, min(n, CHUNK_BYTES // (vocab * head.exact.itemsize)))
    passed = Passed(head.hidden.new_zeros(n, dtype=head.exact), torch.zeros_like(head.targets, dtype=torch.bool))
    passed.hidden = torch.empty_like(head.hidden) if wanted.hidden else None
    weight = torch.zeros_like(head.weight, dtype=head.exact) if wanted.weight else None
    bias = torch.zeros_like(head.bias, dtype=head.exact) if wanted.bias and head.bias is not None else None
    w = head.weight.to(head.compute)
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        h, targets = head.hidden[rows].to(head.compute), head.targets[rows, None]
        z = (h @ w.t()).to(head.exact)
        if head.bias is not None:
            z += head.bias
        top, lse, chosen = z.amax(-1), z.logsumexp(-1), z.gather(1, targets)[:, 0]
        passed.per_token[rows], passed.correct[rows] = lse - chosen, chosen >= top
        if any(wanted):
            grad = _slope(z, lse, targets, head.scales[rows])
            if passed.hidden is not None:
                passed.hidden[rows] = (grad.to(head.compute) @ w).to(head.hidden.dtype)
            if weight is not None:
                weight += grad.to(head.compute).t() @ h
            if bias is not None:
                bias += grad.sum(0)
    passed.weight = None if weight is None else weight.to(head.weight.dtype)
    passed.bias = None if bias is None or head.bias is None else bias.to(head.bias.dtype)
    return passed


def _slope(z: Tensor, lse: Tensor, targets: Tensor, scales: Tensor) -> Tensor:
    """Turn logits into the loss's gradient by them, in place."""
    z.sub_(lse[:, None]).exp_().scatter_add_(1, targets, z.new_full((len(z), 1), -1.0))
    return z.mul_(scales[:, None])
