"""The Triton kernel of the loss; this module needs triton, so that loss_triton.py imports it at first use."""

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def softmax_slope(  # type: ignore[no-untyped-def]
    logits, targets, scales, losses, correct, stride, columns, SLOPE: tl.constexpr, WIDTH: tl.constexpr
):
    """Write a row's loss and whether no logit is greater than its target's; turn its logits into their gradient.

    One program a row, two walks along it: greatest logit and sum of exponentials, then (SLOPE) the gradient in place.
    """
    row = tl.program_id(0)
    start = logits + row.to(tl.int64) * stride
    target = tl.load(targets + row)
    chosen = tl.load(start + target).to(tl.float32)
    top = float("-inf")
    total = 0.0
    for first in range(0, columns, WIDTH):
        at = first + tl.arange(0, WIDTH)
        z = tl.load(start + at, mask=at < columns, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(z, 0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(z - higher), 0)
        top = higher
    tl.store(losses + row, tl.log(total) - (chosen - top))
    tl.store(correct + row, (chosen >= top).to(tl.int32))
    if SLOPE:
        scale = tl.load(scales + row)
        for first in range(0, columns, WIDTH):
            at = first + tl.arange(0, WIDTH)
            z = tl.load(start + at, mask=at < columns, other=float("-inf")).to(tl.float32)
            slope = tl.exp(z - top) / total - tl.where(at == target, 1.0, 0.0)
            tl.store(start + at, (slope * scale).to(logits.dtype.element_ty), mask=at < columns)
