"""Run the ranks in a process group of their own, pass on signals, keep their log, and show how far they are."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import IO, Any

from agentswift.errors import EngineError
from agentswift.redact import redact_text

OFFLINE = {  # nothing is fetched while training: the model was found and the rows encoded before
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONSAFEPATH": "1",  # a user's datasets.py beside the run must not be taken for the engine's
}
# ms-swift logs in, over the network, with a token that it finds.
_TOKENS = ("MODELSCOPE_API_TOKEN", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_POLL_S = 0.5  # how often logging.jsonl is looked at


def command(run_yaml: Path, processes: int) -> list[str]:
    """Return the command line of a run: torchrun for several ranks, plain Python for one."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    return [sys.executable, *torchrun, "-m", "agentswift.engine.worker", str(run_yaml)]


def line(words: list[str], threads: int) -> str:
    """Return the command as one would type it in a shell."""
    return f"OMP_NUM_THREADS={threads} {shlex.join(words)}"


def launch(words: list[str], folder: Path, threads: int, report: Callable[[dict[str, Any]], None]) -> None:
    """Run `words` until it ends, its output in FOLDER/engine.log, each record of logging.jsonl given to `report`.

    Raises EngineError with the log's last lines on failure, SystemExit(128 + n) when asked to stop by signal n.
    """
    ours = {**OFFLINE, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    env = {name: value for name, value in os.environ.items() if name not in _TOKENS}
    log = folder / "engine.log"
    records = _Records(folder / "logging.jsonl", report)
    child = subprocess.Popen(
        words,
        env={**env, **ours},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    assert child.stdout is not None
    reader = Thread(target=_keep, args=(child.stdout, log), daemon=True)
    reader.start()
    with _signals(child) as asked:
        status = _wait(child, records)
    reader.join(timeout=10)
    if not reader.is_alive():
        child.stdout.close()
    if asked:
        raise SystemExit(128 + asked[-1])
    if status:
        ended = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        raise EngineError(f"the engine ended {ended}. The end of {log}:\n{_tail(log)}")


def _wait(child: "subprocess.Popen[str]", records: "_Records") -> int:
    while True:
        try:
            return child.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            continue
        finally:
            records.read()


def _keep(source: IO[str], log: Path) -> None:
    with log.open("w", encoding="utf-8") as out:
        for text in source:
            out.write(redact_text(text))
            out.flush()


def _tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {row.split(chr(13))[-1][:300]}" for row in text[-lines:])


@contextmanager
def _signals(child: "subprocess.Popen[str]") -> Iterator[list[int]]:
    """Pass SIGINT and SIGTERM on to the child's group; the yielded list has those that came."""
    asked: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        asked.append(number)
        with suppress(ProcessLookupError):  # it may have ended in this very moment
            os.killpg(child.pid, number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)


class _Records:
    """The records of logging.jsonl as they are written; a half-written last line waits for its end."""

    def __init__(self, file: Path, report: Callable[[dict[str, Any]], None]) -> None:
        self.file, self.report, self.at = file, report, 0

    def read(self) -> None:
        if not self.file.exists():
            return
        with self.file.open(encoding="utf-8") as source:
            source.seek(self.at)
            while (text := source.readline()).endswith("\n"):
                self.at = source.tell()
                self.report(json.loads(text))
