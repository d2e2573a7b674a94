"""A loss.backend that this machine cannot run is said before anything starts."""

import pytest

from agentswift.engine.loss_backends import check_backend
from agentswift.errors import UsageError
from agentswift.schema.groups import LossBackend


@pytest.mark.parametrize("backend", [LossBackend.auto, LossBackend.torch, LossBackend.swift])
def test_these_run_anywhere(backend: LossBackend) -> None:
    check_backend(backend, use_cpu=True)


@pytest.mark.parametrize("backend", [LossBackend.liger, LossBackend.triton])
def test_a_gpus_backend_on_a_cpu_is_refused_with_why_and_what_to_take(backend: LossBackend) -> None:
    with pytest.raises(UsageError, match=f"loss.backend={backend.value}: it needs a GPU. Take loss.backend=auto"):
        check_backend(backend, use_cpu=True)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentswift.engine.loss_backends.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="pip install liger-kernel"):
        check_backend(LossBackend.liger, use_cpu=False)
