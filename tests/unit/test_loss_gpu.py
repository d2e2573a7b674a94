"""The passes for a GPU, run by Triton's interpreter where triton (and Liger) are installed; else a skip each."""

import importlib
import sys
from collections.abc import Callable, Iterator

import pytest
import torch

from agentswift.engine import loss_liger, loss_triton
from agentswift.engine.loss_liger import liger_missing, liger_pass
from agentswift.engine.loss_pass import Head, Passed, Wanted
from agentswift.engine.loss_torch import torch_pass
from agentswift.engine.loss_triton import triton_missing, triton_pass

Pass = Callable[[Head, Wanted], Passed]
ALL = Wanted(True, True, True)


@pytest.fixture(params=[(triton_pass, triton_missing, "triton"), (liger_pass, liger_missing, "liger_kernel")])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pass]:
    """A backend's pass, with its kernels interpreted."""
    backend, missing, package = request.param
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: {missing()}")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(loss_triton, "CHUNK_BYTES", 8 * 301 * 4)
    monkeypatch.setattr(loss_triton, "BLOCK", 128)
    monkeypatch.setattr(loss_triton, "WIDEST", 64)
    yield backend
    sys.modules.pop("agentswift.engine.loss_kernel", None)


def head(dtype: torch.dtype) -> Head:
    g = torch.Generator().manual_seed(5)
    hidden, weight, bias = (torch.randn(*shape, generator=g).to(dtype) for shape in ((19, 16), (301, 16), (301,)))
    targets, scales = torch.randint(301, (19,), generator=g), torch.rand(19, generator=g) * 3
    return Head(hidden, weight, bias, targets, scales, dtype)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.float16, 2e-2)])
def test_a_gpu_pass_gives_what_the_torch_one_gives(run: Pass, dtype: torch.dtype, error: float) -> None:
    got, want = run(head(dtype), ALL), torch_pass(head(dtype), ALL)
    torch.testing.assert_close(got.per_token, want.per_token, rtol=error, atol=error)
    assert torch.equal(got.correct, want.correct)
    for name in ("hidden", "weight", "bias"):
        ours, theirs = getattr(got, name).double().flatten(), getattr(want, name).double().flatten()
        assert torch.nn.functional.cosine_similarity(ours, theirs, dim=0) > 0.9999
        torch.testing.assert_close(ours.norm(), theirs.norm(), rtol=error, atol=0)


def test_forward_alone_makes_no_gradient(run: Pass) -> None:
    got, want = run(head(torch.float32), Wanted(False, False, False)), torch_pass(head(torch.float32), ALL)
    torch.testing.assert_close(got.per_token, want.per_token)
    assert (got.hidden, got.weight, got.bias) == (None, None, None)


def test_an_old_liger_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_liger, "_function", lambda: lambda hidden, weight, target: None)
    assert "takes no weights of tokens" in str(liger_missing())
