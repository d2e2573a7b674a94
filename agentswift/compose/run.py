"""A composed configuration → the plain, checked dataclass that a command's task is given."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf

from agentswift.compose.checks import check
from agentswift.compose.scales import fill_scale
from agentswift.compose.search_path import Options
from agentswift.errors import UsageError
from agentswift.schema.groups import Data

Run = TypeVar("Run")


def checked(cfg: DictConfig, shape: type[Run], options: Options, chosen: Mapping[str, Any]) -> Run:
    """Return `cfg` as a plain `shape`. Raises UsageError with everything in it that does not go together.

    `chosen` are the options that it was composed of, by group.
    """
    run = cast(Run, OmegaConf.to_object(cfg))
    if hasattr(run, "data"):
        _move_counts(run.data)
        _move_path(run)
    if hasattr(run, "loss_scale"):
        fill_scale(run.loss_scale, options, chosen.get("loss_scale"))
    if problems := check(run):
        raise UsageError("\n  ".join(problems))
    return run


def _move_path(run: Any) -> None:
    """Let path= and format= of show and check mean data.path and data.format; a file takes the place of the parts.

    What an option says of its own parts goes with them; what else is said stays, for the file or to be answered.
    """
    if getattr(run, "path", None) is not None:
        run.data.path = run.path
    if getattr(run, "format", None) is not None:
        run.data.format = run.format
    if run.data.path is not None:
        gone = run.data.parts.keys() - run.data.names
        for counts in (run.data.rows, run.data.ratios, run.data.caps):
            for name in gone & counts.keys():
                del counts[name]
        run.data.parts = {}


def _move_counts(data: Data) -> None:
    """Let DATASET#N among the parts mean N rows of it, as ms-swift writes it."""
    for word, share in list(data.parts.items()):
        name, mark, count = word.rpartition("#")
        if mark and count.isdigit():
            if name in data.parts or name in data.rows:
                raise UsageError(f"data.parts: {word} names {name} again; say it once, or data.rows.{name}={count}")
            data.parts = {name if other == word else other: share for other, share in data.parts.items()}
            data.rows = {**data.rows, name: int(count)}
