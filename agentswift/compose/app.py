"""A command as a Hydra app: argv and conf/ → one checked dataclass → the command's task → an exit status."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from agentswift.compose.command_line import Asked, read_argv
from agentswift.compose.explain import NOT_COMPOSED, explain
from agentswift.compose.options import MadeOptions
from agentswift.compose.resolvers import register_resolvers
from agentswift.compose.run import checked
from agentswift.compose.search_path import PluginConf
from agentswift.errors import AgentswiftError, OutputError

Run = TypeVar("Run")
CONF = "agentswift.conf"
VERSION_BASE = "1.3"  # whose behaviour Hydra shows; 1.4 deprecates the choice, hence the pin in setup.cfg


def command(name: str, shape: type[Run]) -> "Callable[[Callable[[Run], int | None]], Command[Run]]":
    """Make `task(run)` the command NAME: conf/NAME.yaml composed, checked against `shape` and across fields."""
    return lambda task: Command(name, shape, task)


@dataclass(frozen=True)
class Command(Generic[Run]):
    """What `@command` makes of a task; called, it reads sys.argv and exits with the task's status."""

    name: str
    shape: type[Run]
    task: Callable[[Run], int | None]

    def __call__(self) -> None:
        """Run the command; exit status as errors.py says, 130 for Ctrl-C. HYDRA_FULL_ERROR=1 shows where it failed."""
        full = os.environ.get("HYDRA_FULL_ERROR") == "1"
        try:
            status = self._run(sys.argv[1:], full)
        except AgentswiftError as error:
            if full:
                raise
            self._say(str(error))
            status = error.exit_status
        except KeyboardInterrupt:
            status = 130
        sys.exit(status)

    def _run(self, argv: list[str], full: bool) -> int:
        asked = prepare(self.name, self.shape, argv)
        if asked.args.help:
            from agentswift.compose.help import help_text

            print(help_text(self.name, self.shape, self.task.__doc__ or "", asked))
            return 0
        statuses: list[int] = []  # of each point of a sweep; one point without -m

        def job(cfg: DictConfig) -> int | None:
            statuses.append(0)
            status = self._point(cfg, asked, full)
            statuses[-1] = status or 0
            return status

        job.__module__ = f"agentswift.commands.{self.name}"  # Hydra names the job after it
        sys.argv[1:] = asked.argv
        try:
            with explained(self.shape, asked), _hydra_raises():
                hydra.main(version_base=VERSION_BASE, config_path=f"pkg://{CONF}", config_name=self.name)(job)()
        except OSError as error:
            if statuses:
                raise  # the task's own
            raise OutputError(f"{error.filename}: {error.strerror}. Give another: hydra.sweep.dir=FOLDER") from error
        return max(statuses, default=0)

    def _point(self, cfg: DictConfig, asked: Asked, full: bool) -> int | None:
        """Run the task once. A user's error is printed and not raised: the other points of a sweep go on."""
        at = HydraConfig.get()
        if at.mode is RunMode.MULTIRUN:
            self._say(f"point {at.job.num}: {' '.join(at.overrides.task)}")
        try:
            with explained(self.shape, asked):
                run = checked(cfg, self.shape, asked.options, at.runtime.choices)
            status = self.task(run)
            sys.stdout.flush()
            return status
        except AgentswiftError as error:
            if full:
                raise
            self._say(str(error))
            return error.exit_status
        except BrokenPipeError:  # whoever reads our output, `head` say, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141

    def _say(self, message: str) -> None:
        print(f"agentswift {self.name}: {message}", file=sys.stderr)


def prepare(name: str, shape: type, argv: Sequence[str]) -> Asked:
    """Make Hydra ready to compose conf/NAME.yaml as a `shape`, and read `argv`. Raises UsageError."""
    ConfigStore.instance().store(name=f"{name}_shape", node=shape)
    for plugin in (PluginConf, MadeOptions):
        Plugins.instance().register(plugin)
    register_resolvers()
    return read_argv(argv, name, shape)


def compose_run(name: str, shape: type[Run], words: Sequence[str] = ()) -> Run:
    """Compose conf/NAME.yaml with `words` and return the checked run, for scripts and tests. Raises UsageError."""
    asked = prepare(name, shape, words)
    with explained(shape, asked):
        cfg = compose_config(name, asked, with_hydra=True)
        chosen = cfg.hydra.runtime.choices
        with open_dict(cfg):
            del cfg["hydra"]
        return checked(cfg, shape, asked.options, chosen)


def compose_config(name: str, asked: Asked, with_hydra: bool = False) -> DictConfig:
    """Compose what was asked for, outside a Hydra job."""
    HydraConfig.instance().cfg = None  # a sweep leaves its own behind
    PluginConf.config_dir = asked.args.config_dir  # the flag itself only hydra.main reads
    try:
        with hydra.initialize_config_module(CONF, version_base=VERSION_BASE):
            words = list(asked.overrides)
            return hydra.compose(asked.args.config_name or name, words, return_hydra_config=with_hydra)
    finally:
        PluginConf.config_dir = None


@contextmanager
def explained(shape: type, asked: Asked) -> Iterator[None]:
    """Turn what Hydra and OmegaConf raise while composing into UsageError."""
    try:
        yield
    except NOT_COMPOSED as error:
        raise explain(error, shape, asked.options, asked.datasets) from error


@contextmanager
def _hydra_raises() -> Iterator[None]:
    """Let Hydra raise what it catches otherwise, to print it its own way and exit with 1."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        del os.environ["HYDRA_FULL_ERROR"]
        if before is not None:
            os.environ["HYDRA_FULL_ERROR"] = before
