"""The loss of weighted tokens equals eager float32 cross-entropy over the whole logits."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agentswift.engine import loss_torch
from agentswift.engine.loss import BACKENDS, TokenLoss, usable, weighted_cross_entropy
from agentswift.engine.loss_pass import Head, Wanted
from agentswift.engine.loss_torch import torch_pass
from agentswift.errors import ModelError, UsageError


def tokens(n: int = 37, vocab: int = 301, size: int = 16, dtype: torch.dtype = torch.float32) -> list[Any]:
    """Hidden states, head, bias, targets and weights, drawn alike each time; the first three ask for gradients."""
    g = torch.Generator().manual_seed(n + vocab)
    parts = [
        torch.randn(*shape, generator=g).to(dtype).requires_grad_() for shape in ((n, size), (vocab, size), (vocab,))
    ]
    return [*parts, torch.randint(vocab, (n,), generator=g), torch.rand(n, generator=g) * 3 + 0.01]


def eager(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor) -> TokenLoss:
    exact = torch.promote_types(hidden.dtype, torch.float32)
    logits = F.linear(hidden.to(exact), weight.to(exact), None if bias is None else bias.to(exact))
    per_token = F.cross_entropy(logits, targets, reduction="none")
    return TokenLoss((per_token * weights).sum(), per_token.detach(), logits.argmax(-1) == targets)


def gradients(loss: Tensor, parts: list[Any]) -> list[Tensor]:
    asked = [part for part in parts[:3] if part is not None and part.requires_grad]
    return list(torch.autograd.grad(loss, asked))


def alike(run: Callable[..., TokenLoss], parts: list[Any], *, loss: float, cosine: float = 0.9999) -> None:
    """Hold a way of taking the loss to eager: relative error of the loss, cosine of each gradient."""
    got, want = run(*parts), eager(*parts)
    torch.testing.assert_close(got.loss.float(), want.loss.float(), rtol=loss, atol=0)
    torch.testing.assert_close(got.per_token.float(), want.per_token.float(), rtol=loss * 10, atol=loss)
    for ours, theirs in zip(gradients(got.loss * 0.3, parts), gradients(want.loss * 0.3, parts), strict=True):
        assert ours.dtype == theirs.dtype
        a, b = ours.double().flatten(), theirs.double().flatten()
        assert F.cosine_similarity(a, b, dim=0) >= cosine
        torch.testing.assert_close(a.norm(), b.norm(), rtol=max(loss, 1e-4), atol=0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 8 tokens at 301 words, blocks of 64."""
    monkeypatch.setattr(loss_torch, "CHUNK_BYTES", 8 * 301 * 4)
    monkeypatch.setattr(loss_torch, "_block", lambda size: 64)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 37])
@pytest.mark.parametrize("bias", [True, False])
def test_it_equals_eager_at_each_edge_of_a_chunk(n: int, bias: bool) -> None:
    parts = tokens(n)
    parts[2] = parts[2] if bias else None
    alike(weighted_cross_entropy, parts, loss=1e-5)
    assert torch.equal(weighted_cross_entropy(*parts).correct, eager(*parts).correct)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("dtype", "error"), [(torch.bfloat16, 1e-2), (torch.float16, 1e-2), (torch.float64, 1e-10)])
def test_it_equals_eager_in_other_types(dtype: torch.dtype, error: float) -> None:
    alike(weighted_cross_entropy, tokens(dtype=dtype), loss=error)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("compute", "cosine"), [(torch.bfloat16, 0.9999), (torch.float16, 0.9999)])
def test_matrices_multiplied_in_half_types_as_a_gpu_does_give_eagers_gradients(
    compute: torch.dtype, cosine: float
) -> None:
    """On a CPU both types are turned into float32 before; the pass itself is asked here."""
    parts = tokens(dtype=compute)
    hidden, weight, bias, targets, scales = (part.detach() for part in parts)
    passed = torch_pass(Head(hidden, weight, bias, targets, scales, compute), Wanted(True, True, True))
    want = eager(*parts)
    torch.testing.assert_close((passed.per_token * parts[4]).sum(), want.loss.detach(), rtol=1e-2, atol=0)
    made = (passed.hidden, passed.weight, passed.bias)
    for ours, theirs in zip(made, gradients(want.loss, parts), strict=True):
        assert ours is not None
        assert F.cosine_similarity(ours.double().flatten(), theirs.double().flatten(), dim=0) >= cosine
    kept = {torch.bfloat16: torch.bfloat16, torch.float16: torch.float32}[compute]
    assert [g.dtype for g in made if g is not None] == [kept, torch.float32, torch.float32]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("frozen", [(0,), (1, 2), (0, 1), (1,)])
def test_gradients_are_made_for_what_asks(frozen: tuple[int, ...]) -> None:
    parts = tokens()
    for place in frozen:
        parts[place].requires_grad_(False)
    alike(weighted_cross_entropy, parts, loss=1e-5)


@pytest.mark.usefixtures("small")
@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 20), vocab=st.integers(1, 200), size=st.integers(1, 9), stretch=st.sampled_from([0.01, 1, 30]))
def test_it_equals_eager_at_any_size(n: int, vocab: int, size: int, stretch: float) -> None:
    parts = tokens(n, vocab, size, torch.float64)
    parts[0] = (parts[0].detach() * stretch).requires_grad_()
    got, want = weighted_cross_entropy(*parts), eager(*parts)
    torch.testing.assert_close(got.loss, want.loss)
    assert torch.equal(got.correct, want.correct)
    for ours, theirs in zip(gradients(got.loss, parts), gradients(want.loss, parts), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.usefixtures("small")
def test_huge_logits_do_not_overflow() -> None:
    parts = tokens()
    parts[0] = (parts[0].detach() * 1e4).requires_grad_()
    alike(weighted_cross_entropy, parts, loss=1e-5)
    assert float(eager(*parts).per_token.max()) > 1e4


@pytest.mark.usefixtures("small")
def test_a_confident_token_keeps_its_small_loss() -> None:
    hidden, weight = torch.eye(4, requires_grad=True), torch.zeros(301, 4)
    weight[200:204] = torch.eye(4) * 12
    parts: list[Any] = [hidden, weight, None, torch.arange(200, 204), torch.ones(4)]
    alike(weighted_cross_entropy, parts, loss=1e-3)
    assert weighted_cross_entropy(*parts).correct.all()


def test_a_token_of_weight_zero_gives_no_gradient() -> None:
    parts = tokens()
    parts[4][::3] = 0
    hidden = gradients(weighted_cross_entropy(*parts).loss, parts)[0]
    assert hidden[::3].abs().max() == 0
    assert hidden[1::3].abs().max() > 0


def test_without_tokens_the_loss_is_zero_and_gradients_are_too() -> None:
    parts = tokens(0)
    out = weighted_cross_entropy(*parts, backend="torch")
    assert out.loss == 0
    assert out.per_token.shape == out.correct.shape == (0,)
    assert [g.shape for g in gradients(out.loss, parts)] == [(0, 16), (301, 16), (301,)]
    assert gradients(weighted_cross_entropy(*parts).loss, parts)[1].abs().max() == 0


def test_without_gradients_no_logits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    parts, rooms, logits = tokens(), [], loss_torch._Blocks.logits

    def seen(blocks: loss_torch._Blocks, rows: int, *, keep: bool) -> list[Tensor]:
        rooms.append(keep)
        return logits(blocks, rows, keep=keep)

    monkeypatch.setattr(loss_torch._Blocks, "logits", seen)
    with torch.no_grad():
        out = weighted_cross_entropy(*parts)
    assert rooms == [False]
    assert not out.loss.requires_grad
    torch.testing.assert_close(out.loss, eager(*parts).loss.detach())


def test_under_autocast_it_computes_as_a_linear_would() -> None:
    parts = tokens()
    with torch.autocast("cpu", torch.bfloat16):
        out = weighted_cross_entropy(*parts)
    assert out.loss.dtype == torch.float32
    alike(lambda *_: out, parts, loss=1e-2)


def test_hidden_states_may_be_of_another_type_and_lie_apart() -> None:
    parts = tokens(dtype=torch.bfloat16)
    parts[0] = torch.randn(16, 37).requires_grad_().t()
    alike(weighted_cross_entropy, parts, loss=1e-2)


def test_the_head_is_not_read_after_forward() -> None:
    parts, other = tokens(), tokens()
    loss = weighted_cross_entropy(*parts).loss
    with torch.no_grad():
        parts[1].zero_()  # as ZeRO-3 lets a gathered head go
    torch.testing.assert_close(gradients(loss, parts), gradients(eager(*other).loss, other), rtol=1e-4, atol=1e-5)


def test_gradients_add_up_over_steps() -> None:
    parts = tokens()
    for _ in range(2):
        torch.autograd.backward(weighted_cross_entropy(*parts).loss / 2)
    torch.testing.assert_close(parts[1].grad, gradients(eager(*parts).loss, parts)[1], rtol=1e-4, atol=1e-5)


def test_backward_runs_once() -> None:
    parts = tokens()
    loss = weighted_cross_entropy(*parts).loss
    torch.autograd.grad(loss, parts[0], retain_graph=True)
    with pytest.raises(RuntimeError, match="take it anew"):
        torch.autograd.grad(loss, parts[0])
    (first,) = torch.autograd.grad(weighted_cross_entropy(*parts).loss ** 2, parts[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("target", [-100, 301])
def test_a_target_outside_the_head_is_named(target: int) -> None:
    parts = tokens()
    parts[3][5] = target
    with pytest.raises(ModelError, match=f"{target}.* the head has 301 rows"):
        weighted_cross_entropy(*parts)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        weighted_cross_entropy(*[*tokens()[:4], torch.ones(36)])


def test_a_backend_that_cannot_be_had_says_why() -> None:
    assert [backend for backend in BACKENDS if usable(backend, "cpu", torch.float32) is None] == ["torch"]
    with pytest.raises(UsageError, match="liger cannot be used here: it needs a CUDA device"):
        weighted_cross_entropy(*tokens(), backend="liger")
    with pytest.raises(UsageError, match=r"no backend 'tritn'\. Did you mean triton"):
        weighted_cross_entropy(*tokens(), backend="tritn")
    assert "float64" in str(usable("triton", "cuda", torch.float64))
