"""The output head swapped for the loss while the model runs, so that logits are never built.

The swap lies inside the wrapped model's own call: the hooks of DDP, ZeRO and FSDP fire as for any forward, and the
head's weight is whole when the loss is taken from it.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
import torch.utils.checkpoint
from peft.utils.other import ModulesToSaveWrapper
from torch import Tensor, nn

from agentswift.engine.after_head import Transform
from agentswift.engine.loss import TokenLoss, weighted_cross_entropy

IGNORED = -100
_CHUNK = 256  # tokens at once through a head that is no plain matrix


@dataclass(frozen=True)
class Kept:
    """The tokens of a batch that are trained: where they are predicted from, and what they weigh."""

    at: Tensor  # [N] positions in the batch laid flat
    targets: Tensor  # [N]
    weights: Tensor  # [N] > 0
    groups: Tensor  # [N] -1: not known

    @classmethod
    def of(cls, labels: Tensor, weights: Tensor, groups: Tensor | None) -> "Kept":
        """Return them for tensors [rows, tokens] of which each value belongs to the token itself: t predicts t + 1."""
        known = torch.full_like(labels, -1) if groups is None else groups
        targets, scales, of = (_next(labels, IGNORED), _next(weights.float(), 0.0), _next(known, -1))
        at = ((targets != IGNORED) & (scales > 0)).nonzero().squeeze(-1)
        return cls(at, targets[at], scales[at], of[at])


def _next(values: Tensor, last: float) -> Tensor:
    return nn.functional.pad(values[:, 1:], (0, 1), value=last).reshape(-1)


class Head:
    """A model's output head; `plain`: one matrix and perhaps a bias, whatever PEFT wraps around it."""

    def __init__(self, base: Any) -> None:
        self.base, self.outer = base, base.get_output_embeddings()
        self.inner = _unwrapped(self.outer)
        self.plain = (
            isinstance(self.inner, nn.Linear)
            and type(self.inner).forward is nn.Linear.forward  # a quantised one has its own
            and "forward" not in vars(self.inner)  # nor is it moved between devices
        )

    def weigh(self, hidden: Tensor, kept: Kept, transform: Transform, backend: str) -> TokenLoss:
        """Return the loss of the kept tokens from all hidden states [rows, tokens, H]."""
        chosen = hidden.reshape(-1, hidden.shape[-1])[kept.at.to(hidden.device)]
        targets, weights = kept.targets.to(hidden.device), kept.weights.to(hidden.device)
        if not self.plain or transform.factor is None:
            return self._in_chunks(chosen, targets, weights, transform)
        bias, factor = self.inner.bias, transform.factor
        if factor != 1.0:
            chosen, bias = chosen * factor, None if bias is None else bias * factor
        return weighted_cross_entropy(chosen, self.inner.weight, bias, targets, weights, backend=backend)

    def _in_chunks(self, hidden: Tensor, targets: Tensor, weights: Tensor, transform: Transform) -> TokenLoss:
        """Run the head as it is, some tokens at a time, and again in backward: an adapter on it trains as ever."""

        def chunk(h: Tensor, t: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            logits = transform.apply(self.forward(h).float())
            t, w = t.to(logits.device), w.to(logits.device)  # a tied head moves what it is given to its own
            loss = nn.functional.cross_entropy(logits, t, reduction="none")
            return (
                (loss * w).sum(),
                loss.detach(),
                logits.detach().amax(-1) <= logits.detach().gather(-1, t[:, None])[:, 0],
            )

        checkpoint = inspect.unwrap(torch.utils.checkpoint.checkpoint)  # ms-swift's puts use_reentrant on
        parts = []
        for start in range(0, max(len(targets), 1), _CHUNK):
            some = tuple(x[start : start + _CHUNK] for x in (hidden, targets, weights))
            parts.append(checkpoint(chunk, *some, use_reentrant=False) if torch.is_grad_enabled() else chunk(*some))
        losses, tokens, correct = zip(*parts, strict=True)
        return TokenLoss(torch.stack(losses).sum(), torch.cat(tokens), torch.cat(correct))

    @contextmanager
    def swapped(self, forward: Callable[[Tensor], Tensor]) -> Iterator["Seen"]:
        """Let the head run `forward` on the hidden states; what it returned and what became of it is then seen."""
        seen, of_base = Seen(), self.base.forward
        self.forward = self.inner.forward

        @wraps(of_base)
        def base_forward(*args: Any, **kwargs: Any) -> Any:
            outputs = of_base(*args, **kwargs)
            seen.logits = outputs.logits
            return outputs

        def head_forward(hidden: Tensor, *_: Any, **__: Any) -> Tensor:
            return forward(hidden)

        def after_head(_: Any, __: Any, output: Tensor) -> None:
            seen.returned = output

        with ExitStack() as stack:
            stack.enter_context(_put_on(self.inner, head_forward))
            stack.enter_context(_put_on(self.base, base_forward))  # PEFT calls it past its hooks
            hook = self.outer.register_forward_hook(after_head)
            stack.callback(hook.remove)
            yield seen


@dataclass
class Seen:
    """What the head returned, all hooks run, and what the model made of it; None where there was no such thing."""

    returned: Tensor | None = None
    logits: Tensor | None = None


def _unwrapped(head: Any) -> Any:
    while isinstance(head, ModulesToSaveWrapper) and head.active_adapters and not head.disable_adapters:
        head = head.modules_to_save[head.active_adapters[0]]
    return head


@contextmanager
def _put_on(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    had = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if had is not None:
            module.forward = had
