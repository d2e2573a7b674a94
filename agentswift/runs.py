"""Run folders: run.yaml says what was asked, run.json what became of it; neither holds a secret."""

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from agentswift.errors import AgentswiftError, OutputError
from agentswift.files import plain, write_json, write_text
from agentswift.redact import redact, scrub_file

Status = Literal["running", "done", "failed", "stopped"]
PACKAGES = ("agentswift", "ms-swift", "torch", "transformers", "peft", "hydra-core")
_ELSEWHERE = {"output_dir", "dry_run", "probe"}  # keys that change nothing about what is trained
_BY_THE_ENGINE = ("args.json", "engine.json", "logging.jsonl")  # written with whatever it was given


@dataclass
class RunFolder:
    """A run's folder and the content of its run.json; as a context manager it records how the block ended."""

    path: Path
    facts: dict[str, Any]
    started: float = field(default_factory=time.monotonic)

    def note(self, **facts: Any) -> None:
        """Add facts to run.json, without their secrets; a command line is text and is redacted as such."""
        self.facts |= redact(plain(facts))
        write_json(self.path / "run.json", self.facts)

    def finish(self, status: Status, exit_code: int, **facts: Any) -> None:
        """Record the end of the run, and take the secrets out of what ms-swift wrote beside run.json."""
        for name in _BY_THE_ENGINE:
            if (file := self.path / name).is_file():
                scrub_file(file)
        seconds = round(time.monotonic() - self.started, 1)
        self.note(status=status, exit_code=exit_code, ended=_now(), seconds=seconds, **facts)

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            return self.finish("done", 0)
        code = _exit_code(error)
        said = {"error": str(error) or type(error).__name__} if isinstance(error, Exception) else {}
        return self.finish("stopped" if code > 128 else "failed" if code else "done", code, **said)


def start(output_dir: Path, command: str, run: Mapping[str, Any], *, argv: Sequence[str] | None = None) -> RunFolder:
    """Make the folder of a run and write run.yaml and run.json into it; `argv` is what was typed when not given.

    Raises OutputError when the folder cannot be written, or holds a run already: two runs in one folder would mix
    their checkpoints and curves.
    """
    _make(output_dir)
    words = redact(list(argv) if argv is not None else _typed(command))
    folder = RunFolder(output_dir, {})
    write_text(output_dir / "run.yaml", run_yaml(run))
    folder.note(
        status="running",
        command=command,
        argv=words,
        repeat=f"cd {shlex.quote(str(Path.cwd()))} && agentswift {shlex.join(words)}".rstrip(),
        started=_now(),
        ended=None,
        seconds=None,
        exit_code=None,
        versions=versions(),
        python=platform.python_version(),
        host=platform.node(),
        git=_git(Path.cwd()),
    )
    return folder


def _typed(command: str) -> list[str]:
    """Return the command line from its command word on, as typed: compose rewrites sys.argv for Hydra."""
    words = sys.orig_argv
    return words[words.index(command) :] if command in words else sys.argv[1:]


def run_yaml(run: Mapping[str, Any]) -> str:
    """Return a resolved run as YAML: keys in the order of its shape, Chinese as Chinese, secrets redacted."""
    import yaml

    return yaml.safe_dump(redact(plain(run)), allow_unicode=True, sort_keys=False, width=120)


def config_hash(run: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what is asked for, so that two runs can be told apart; where to is left out."""
    asked = {key: value for key, value in redact(plain(run)).items() if key not in _ELSEWHERE}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str | None]:
    """Return the installed version of each package that a result depends on (None: not installed); imports none."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _make(folder: Path) -> None:
    if (record := folder / "run.json").exists():
        raise OutputError(
            f"{folder} holds a run already ({record.name} is there). "
            "Give another folder with output_dir=, or remove that one."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(
            f"output_dir={folder}: a file is in the way ({error.filename}), where a folder is to be."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise OutputError(f"output_dir={folder} cannot be made: {reason}. Give a folder that you may write.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"output_dir={folder} cannot be written. Give a folder that you may write.")


def _exit_code(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return 130
    return error.exit_status if isinstance(error, AgentswiftError) else 1


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _git(folder: Path) -> dict[str, Any] | None:
    """Return the commit of the user's project and whether it was changed since; None where there is none."""
    if not (commit := _ask_git(folder, "rev-parse", "HEAD")):
        return None
    return {"commit": commit, "dirty": bool(_ask_git(folder, "status", "--porcelain"))}


def _ask_git(folder: Path, *words: str) -> str | None:
    # fsmonitor would run a program that the repository names; optional locks would write into it.
    options = ["-c", "core.fsmonitor=false", "--no-optional-locks", "-C", str(folder)]
    try:
        asked = subprocess.run(["git", *options, *words], capture_output=True, text=True, timeout=10, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None
