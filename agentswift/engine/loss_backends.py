"""Whether this machine has what a `loss.backend` needs, told before anything heavy is imported."""

from importlib.util import find_spec

from agentswift.errors import UsageError
from agentswift.schema.groups import LossBackend

_PACKAGE = {LossBackend.liger: ("liger_kernel", "liger-kernel"), LossBackend.triton: ("triton", "triton")}


def check_backend(backend: LossBackend, use_cpu: bool) -> None:
    """Raise UsageError for a backend that cannot run here, with why; the rest is seen once the model is loaded."""
    module, package = _PACKAGE.get(backend, ("", ""))
    if not module:
        return
    why = "it needs a GPU" if use_cpu else f"`pip install {package}` is missing" if find_spec(module) is None else ""
    if why:
        raise UsageError(f"loss.backend={backend.value}: {why}. Take loss.backend=auto, or torch, which runs anywhere.")
