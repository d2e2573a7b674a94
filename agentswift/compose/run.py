"""A composed configuration → the plain, checked dataclass that a command's task is given."""

from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf

from agentswift.compose.checks import check
from agentswift.errors import UsageError

Run = TypeVar("Run")


def checked(cfg: DictConfig, shape: type[Run]) -> Run:
    """Return `cfg` as a plain `shape`. Raises UsageError with everything in it that does not go together."""
    run = cast(Run, OmegaConf.to_object(cfg))
    _move_path(run)
    if problems := check(run):
        raise UsageError("\n  ".join(problems))
    return run


def _move_path(run: Any) -> None:
    """Let path= and format= of show and check mean data.path and data.format; a file takes the place of the parts."""
    if not hasattr(run, "data"):
        return
    if getattr(run, "path", None) is not None:
        run.data.path = run.path
    if getattr(run, "format", None) is not None:
        run.data.format = run.format
    if run.data.path is not None:
        run.data.parts, run.data.rows = {}, {}
