"""The loss with one kernel between the matrix products, for a GPU without Liger.

The kernel turns a chunk's logits into their gradient in place, and gives losses and correctness on the way: two reads
and one write of the logits. Never run on a GPU by us: the kernel was run by Triton's interpreter on a CPU.
"""

import importlib.util

import torch

from agentswift.engine.loss_pass import Head, Passed, Wanted

CHUNK_BYTES = 512 << 20  # of a chunk's logits, counted as float32
WIDEST = 8192  # columns that the kernel holds at once
BLOCK = 16384  # rows of the head that a chunk's gradient is added to at once


def triton_missing() -> str | None:
    """Return None where Triton is installed, else why not."""
    return None if importlib.util.find_spec("triton") else "triton is not installed; it comes with torch for CUDA"


def triton_pass(head: Head, wanted: Wanted) -> Passed:
    """Return losses and gradients of all tokens."""
    import triton

    from agentswift.engine.loss_kernel import softmax_slope

    passed, weight = Passed(head, wanted), head.weight.to(head.compute)
    vocab, targets, scales = len(weight), head.targets.contiguous(), head.scales.float().contiguous()
    correct = torch.empty(len(targets), dtype=torch.int32, device=targets.device)
    width = min(WIDEST, triton.next_power_of_2(vocab))
    for rows in head.chunks(CHUNK_BYTES):
        hidden = head.hidden[rows].to(head.compute)
        z = hidden @ weight.t()
        if head.bias is not None:
            z += head.bias
        parts = (z, targets[rows], scales[rows], passed.per_token[rows], correct[rows], z.stride(0), vocab)
        softmax_slope[(len(z),)](*parts, SLOPE=any(wanted), WIDTH=width, num_warps=16)
        if passed.hidden is not None:
            passed.hidden[rows] = z @ weight
        for start in range(0, vocab, BLOCK):
            columns = slice(start, min(start + BLOCK, vocab))
            passed.add_to_head(columns, z[:, columns], hidden)
    passed.correct = correct > 0
    return passed
