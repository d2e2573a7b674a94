"""The loss of weighted tokens equals eager float32 cross-entropy over the whole logits."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from agentswift.engine.loss import TokenLoss, weighted_cross_entropy
from agentswift.errors import ModelError


def tokens(n: int = 37, vocab: int = 301, size: int = 16, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Hidden states, head, bias, targets and weights."""
    g = torch.Generator().manual_seed(n + vocab)
    hidden, weight, bias = (
        torch.randn(*shape, generator=g).to(dtype) for shape in ((n, size), (vocab, size), (vocab,))
    )
    return [hidden, weight, bias, torch.randint(vocab, (n,), generator=g), torch.rand(n, generator=g) * 3 + 0.01]


def eager(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor) -> TokenLoss:
    exact = torch.promote_types(hidden.dtype, torch.float32)
    logits = F.linear(hidden.to(exact), weight.to(exact), None if bias is None else bias.to(exact))
    per_token = F.cross_entropy(logits, targets, reduction="none")
    return TokenLoss((per_token * weights).sum(), per_token, logits.argmax(-1) == targets)


def test_it_equals_eager() -> None:
    ours, theirs = tokens(), tokens()
    for part in (*ours[:3], *theirs[:3]):
        part.requires_grad_()
    out, want = weighted_cross_entropy(*ours), eager(*theirs)
    torch.testing.assert_close(out.loss, want.loss)
    torch.testing.assert_close(out.per_token, want.per_token)
    assert torch.equal(out.correct, want.correct)
    torch.autograd.backward(out.loss / 7)
    torch.autograd.backward(want.loss / 7)
    for mine, other in zip(ours[:3], theirs[:3], strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_a_target_outside_the_head_is_named() -> None:
    parts = tokens()
    parts[3][5] = 301
    with pytest.raises(ModelError, match="the head has 301 rows"):
        weighted_cross_entropy(*parts)
