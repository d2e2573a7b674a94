"""The loss of weighted tokens, from hidden states: the logits of all tokens never stand in memory at once.

`sum_i weights[i] * CE(hidden[i] @ weight.T + bias, targets[i])`, its gradients made in the forward pass; the loss of
each token and whether its target is the arg-max come out of the same pass, so that curves by field cost nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agentswift.engine.dtype import default_dtype
from agentswift.engine.loss_liger import liger_missing, liger_pass
from agentswift.engine.loss_pass import Head, Passed, Wanted
from agentswift.engine.loss_torch import torch_pass
from agentswift.engine.loss_triton import triton_missing, triton_pass
from agentswift.errors import ModelError, UsageError, did_you_mean

PASSES = {"torch": torch_pass, "liger": liger_pass, "triton": triton_pass}
BACKENDS = tuple(PASSES)


@dataclass(frozen=True)
class TokenLoss:
    """The weighted sum, and what each token adds to it.

    `loss` [] float32 is differentiable; `per_token` [N] float32 is unweighted; `correct` [N] says that no logit is
    greater than the target's (a tie counts as correct).
    """

    loss: Tensor
    per_token: Tensor
    correct: Tensor


def weighted_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor, *, backend: str = "torch"
) -> TokenLoss:
    """Return the loss of N tokens: `hidden` [N, H], `weight` [V, H], `bias` [V], `targets` [N] ids, `weights` [N].

    Tokens of weight 0 add nothing but cost as much as others: leave them out. Without tokens the loss is 0 and the
    gradients are zeros. Backward runs once; without gradients wanted (no_grad, nothing trained) none are made.
    """
    _check(hidden, weight, bias, targets, weights)
    run = _backend(backend, hidden.device, weight.dtype) if len(targets) else torch_pass
    train = torch.is_grad_enabled()
    parts = (hidden, weight, bias)
    wanted = Wanted(*(train and part is not None and part.requires_grad for part in parts))
    loss, per_token, correct = _Weighted.apply(*parts, targets, weights, run, wanted)  # type: ignore[no-untyped-call]
    return TokenLoss(loss, per_token, correct)


def usable(backend: str, device: str | torch.device, dtype: torch.dtype) -> str | None:
    """Return None where a backend runs on this device and type, else why not."""
    if backend == "torch":
        return None
    if torch.device(device).type != "cuda":
        return f"it needs a CUDA device, and this is {torch.device(device).type}"
    if dtype not in (torch.float32, torch.bfloat16, torch.float16):
        return f"it does not compute in {str(dtype).removeprefix('torch.')}"
    return liger_missing() if backend == "liger" else triton_missing()


class _Weighted(torch.autograd.Function):
    """Runs a pass in forward; backward scales the gradients that it made."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
        targets, scales, run, wanted = rest
        head = Head(hidden, weight, bias, targets, scales, _compute_dtype(weight))
        with torch.autocast(hidden.device.type, enabled=False):
            passed = run(head, wanted)
        ctx.grads = (passed.hidden, passed.weight, passed.bias)
        ctx.dtypes = [None if part is None else part.dtype for part in (hidden, weight, bias)]
        ctx.mark_non_differentiable(passed.per_token, passed.correct)
        return (passed.per_token * scales).sum(), passed.per_token, passed.correct

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
        grads, ctx.grads = ctx.grads, None
        if grads is None:
            raise RuntimeError("this loss went backward once and has let its gradients go: take it anew")
        pairs = zip(grads, ctx.dtypes, strict=True)
        return (*(None if g is None else g.mul_(grad).to(dtype) for g, dtype in pairs), *(None,) * 4)


def _compute_dtype(weight: Tensor) -> torch.dtype:
    """Return the type to multiply matrices in: autocast's, else the head's, but never one that a CPU emulates."""
    device = weight.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
    emulated = device == "cpu" and dtype != torch.float64 and default_dtype(True) != str(dtype).removeprefix("torch.")
    return torch.float32 if emulated else dtype


def _backend(name: str, device: torch.device, dtype: torch.dtype) -> Callable[[Head, Wanted], Passed]:
    """Return a backend's pass, or say why it cannot be had."""
    if name not in BACKENDS:
        raise UsageError(f"loss.backend: no backend {name!r}.{did_you_mean(name, BACKENDS)}")
    if why := usable(name, device, dtype):
        raise UsageError(f"loss.backend: {name} cannot be used here: {why}. Use torch, or auto")
    return PASSES[name]


def _check(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor) -> None:
    """Refuse shapes that do not fit, and targets that the head has no row for."""
    n, (vocab, size) = len(targets), weight.shape
    if hidden.shape != (n, size) or weights.shape != (n,) or (bias is not None and bias.shape != (vocab,)):
        shapes = [None if t is None else tuple(t.shape) for t in (hidden, weight, bias, targets, weights)]
        raise ValueError(f"hidden [N, H], weight [V, H], bias [V], targets [N], weights [N] do not fit: {shapes}")
    if n and not bool(((targets >= 0) & (targets < vocab)).all()):
        low, high = int(targets.min()), int(targets.max())
        raise ModelError(
            f"a token to train has an id that the head has no row for: ids {low} to {high}, the head has {vocab} rows. "
            "The tokenizer knows more tokens than the model: resize the model's embeddings, or use its own tokenizer"
        )
