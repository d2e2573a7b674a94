"""Every error a user can meet, and the exit status each ends the command with.

AgentswiftError            1
├── UsageError             2   the command line or the composed configuration is wrong
│   └── CardError          2   a dataset card is missing, wrong, or doubled
├── DataError              1   the data cannot be trained on (empty, too many rows refused)
│   └── RowError           1   one row is not what its format says; collected as a finding, rarely seen whole
├── ModelError             1   a model folder is unsafe, unknown or incomplete
├── CheckpointError        1   a folder is not a checkpoint of agentswift, or is damaged
├── HubError               1   a hub cannot be reached, or has no such id
├── OutputError            1   the output folder cannot be written, or holds something already
└── EngineError            1   ms-swift, under torchrun, ended with a failure
"""

from collections.abc import Iterable
from difflib import get_close_matches


class AgentswiftError(Exception):
    """The root: a message of one or more lines that says what, where, and what to do."""

    exit_status = 1


class UsageError(AgentswiftError):
    """Raised when the command line or the composed configuration cannot be run."""

    exit_status = 2


class CardError(UsageError):
    """Raised when a dataset card is missing, wrong, or registered twice."""


class DataError(AgentswiftError):
    """Raised when data cannot be used: empty, unreadable, or more rows refused than `max_refused` allows."""


class RowError(DataError):
    """Raised by a format for a row it cannot read.

    `path` is the JSON path inside the row ("$.messages[2].role"), `rule` the id of the finding it becomes
    (kebab-case, as in docs/rules.md), `fix` what the user can do.
    """

    def __init__(self, message: str, *, path: str = "$", rule: str = "bad-row", fix: str = "") -> None:
        super().__init__(message)
        self.path, self.rule, self.fix = path, rule, fix


class ModelError(AgentswiftError):
    """Raised when a model folder is unsafe, of unknown type, or lacks a file."""


class CheckpointError(AgentswiftError):
    """Raised when a folder is not a checkpoint, or its manifest does not hold."""


class HubError(AgentswiftError):
    """Raised when a hub cannot be reached or has no such id; the message names the id and the local way."""


class OutputError(AgentswiftError):
    """Raised when a folder cannot be written, or would overwrite something unasked."""


class EngineError(AgentswiftError):
    """Raised when the engine's process ended with a failure."""


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "Known: ") -> str:
    """Return " Did you mean a, b?" for the nearest of `known`, else `otherwise` and the whole list."""
    names = sorted(set(known))
    if near := get_close_matches(name, names, n=3):
        return f" Did you mean {', '.join(near)}?"
    return f" {otherwise}{', '.join(names)}" if names else ""
