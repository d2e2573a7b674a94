"""From the command to the first training step: ms-swift cold, agentswift cold, and the second point of its sweep.

Real processes on one file that both read; `benchmarks/encode.py` calls `started` and prints the figures. A start ends
when the first record stands in logging.jsonl, which is after one step of a tiny model: the same step on both sides.
ms-swift encodes on one core unless told otherwise, ours on all: it starts both ways.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beside_swift import cold_cache, resident, swift_words

Figures = dict[str, tuple[float, float]]  # seconds, GB
THEIRS, COLD, POINT, AGAIN = "ms-swift", "ours cold", "ours, second point of a sweep", "ours, second command"
_POLL_S, _LIMIT_S = 0.02, 3600


def started(file: Path) -> Figures:
    """Return seconds and memory of each start: ms-swift's, ours from an empty cache, and what each later one takes."""
    with tempfile.TemporaryDirectory(prefix="agentswift-start-") as name:
        folder = Path(name)
        cache = cold_cache(folder / "cache")
        env = {**os.environ, "AGENTSWIFT_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        cold, warm = _sweep(file, folder / "sweep", env)
        again = _first_record(_ours(file, f"output_dir={folder / 'again'}"), folder / "again", env)
        theirs = {}
        for processes in sorted({1, os.cpu_count() or 1}):
            out = folder / f"swift-{processes}"
            name = THEIRS if processes == 1 else f"{THEIRS}, dataset_num_proc={processes}"
            theirs[name] = _first_record(_swift(file, out, processes), out, env)
    return {**theirs, COLD: cold, POINT: warm, AGAIN: again}


def _ours(file: Path, *words: str) -> list[str]:
    common = ("train", "model=tiny", "compute=cpu", "template=react_en", f"data.path={file}", "data.format=ms_swift")
    steps = ("max_steps=1", "gradient_accumulation_steps=1", "logging_steps=1", "split=0", "data.max_refused=-1")
    return [sys.executable, "-m", "agentswift", *common, *steps, *words]


def _swift(file: Path, out: Path, processes: int) -> list[str]:
    from agentswift.engine.embedded import tiny

    words = swift_words(
        model=tiny(), dataset=file, agent_template="react_en", max_steps=1, gradient_accumulation_steps=1,
        per_device_train_batch_size=1, logging_steps=1, max_length=2048, report_to="none", output_dir=out,
        dataset_num_proc=processes,
    )  # fmt: skip
    return [sys.executable, "-c", "import sys; from swift import sft_main; sft_main(sys.argv[1:])", *words]


def _first_record(words: Sequence[str], out: Path, env: dict[str, str]) -> tuple[float, float]:
    """Run `words` until the first record stands in OUT/logging.jsonl; return seconds and GB, and stop it."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(words, env=env, stdout=said, stderr=subprocess.STDOUT)
        try:
            most = _wait(process, out / "logging.jsonl")
            return time.perf_counter() - start, most
        except EOFError as error:
            said.seek(0)
            raise SystemExit(f"{words[:4]} ended too early:\n{said.read().decode()[-2000:]}") from error
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _sweep(file: Path, out: Path, env: dict[str, str]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Run a sweep of two points; return seconds and GB to the first record of each, from the point's own beginning."""
    words = _ours(file, "-m", "loss_scale=flat,react", f"hydra.sweep.dir={out}")
    start = time.perf_counter()
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        _told(process.stderr, "point 0:")
        most = _wait(process, out / "0" / "logging.jsonl")
        first = time.perf_counter() - start, most
        _told(process.stderr, "point 1:")
        start = time.perf_counter()
        most = _wait(process, out / "1" / "logging.jsonl")
        return first, (time.perf_counter() - start, most)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _told(stderr: Any, what: str) -> None:
    if not any(what in line for line in stderr):
        raise SystemExit(f"the sweep ended before it said {what!r}")


def _wait(process: "subprocess.Popen[Any]", log: Path) -> float:
    """Wait for the first record; return the most GB that the process and its children held meanwhile."""
    until, most = time.monotonic() + _LIMIT_S, 0.0
    while not (log.is_file() and log.read_text(encoding="utf-8").count("\n") and _has_loss(log)):
        if process.poll() is not None or time.monotonic() > until:
            if log.is_file() and _has_loss(log):
                break
            raise EOFError
        most = max(most, resident(process.pid) / 1e9)
        time.sleep(_POLL_S)
    return most


def _has_loss(log: Path) -> bool:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return any("loss" in json.loads(line) for line in lines if line.endswith("\n"))
