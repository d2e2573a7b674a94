"""The loss by Liger's fused kernels, for a GPU. Never run on one by us: only its call is held to Liger's signature.

Liger's public class with reduction="none" makes its gradients in backward, by a second pass over a head that ZeRO-3 and
FSDP have let go by then. The function under it (0.8.5 and later) takes the tokens' weights at once, in one pass.
"""

import inspect
from importlib import import_module
from typing import Any

import torch

from agentswift.engine.loss_pass import Head, Passed, Wanted


def _function() -> Any:
    """Return Liger's function, imported at first use."""
    return import_module("liger_kernel.ops.fused_linear_cross_entropy").fused_linear_cross_entropy_forward


def liger_missing() -> str | None:
    """Return None where Liger can be called as we call it, else why not."""
    try:
        names = inspect.signature(_function()).parameters
    except (ImportError, AttributeError, RuntimeError, OSError, ValueError) as error:  # Triton asks for a driver
        return f"liger-kernel cannot be imported ({error}); pip install 'liger-kernel>=0.8.5'"
    if "token_grad_output" not in names:
        return "this liger-kernel takes no weights of tokens; pip install 'liger-kernel>=0.8.5'"
    return None


def liger_pass(head: Head, wanted: Wanted) -> Passed:
    """Return losses and gradients of all tokens; Liger sums in float32, then gives them in the type it computes in."""
    passed = Passed(head, Wanted(False, False, False))
    loss, _, correct, _, hidden, weight, bias = _function()(
        head.hidden.to(head.compute),
        head.weight.to(head.compute),
        head.targets,
        bias=None if head.bias is None else head.bias.to(head.compute),
        reduction="none",
        accum_dtype=torch.float32,
        return_token_accuracy=True,
        token_grad_output=head.scales if any(wanted) else None,
        compute_gradients=any(wanted),
        weight_requires_grad=wanted.weight,
    )
    passed.per_token, passed.correct = loss, correct > 0
    passed.hidden = hidden if wanted.hidden else None
    passed.weight = weight if wanted.weight else None
    passed.bias = bias if wanted.bias else None
    return passed
