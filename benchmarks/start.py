"""From the command to the first training step: ms-swift cold, agentswift cold, and the second point of its sweep.

Real processes on one file that both read; `benchmarks/encode.py` calls `started` and prints the figures. A start ends
when the first record stands in logging.jsonl, which is after one step of a tiny model: the same step on both sides.
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

Figures = dict[str, Any]
_POLL_S, _LIMIT_S = 0.02, 3600


def started(file: Path) -> Figures:
    """Return the seconds of each start: ms-swift's, ours from an empty cache, and what each later one takes."""
    with tempfile.TemporaryDirectory(prefix="agentswift-start-") as name:
        folder = Path(name)
        env = _environment(folder / "cache")
        cold, warm = _sweep(file, folder / "sweep", env)
        again = _first_record(_ours(file, f"output_dir={folder / 'again'}"), folder / "again", env)
        theirs = _first_record(_swift(file, folder / "swift"), folder / "swift", env)
    return {
        "ms-swift s": theirs,
        "ours cold s": cold,
        "ours second point of a sweep s": warm,
        "ours second command s": again,
    }


def _environment(cache: Path) -> dict[str, str]:
    """Return an environment whose cache holds what an install makes once, and no encoded row."""
    from agentswift.engine.embedded import tiny
    from agentswift.engine.swift_facts import cache_folder, chat_templates

    tiny()
    chat_templates()
    cache.mkdir()
    for kept in cache_folder().iterdir():
        if kept.name != "encoded":
            (cache / kept.name).symlink_to(kept)
    return {**os.environ, "AGENTSWIFT_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


def _ours(file: Path, *words: str) -> list[str]:
    common = ("train", "model=tiny", "compute=cpu", "template=react_en", f"data.path={file}", "data.format=ms_swift")
    steps = ("max_steps=1", "gradient_accumulation_steps=1", "logging_steps=1", "split=0", "data.max_refused=-1")
    return [sys.executable, "-m", "agentswift", *common, *steps, *words]


def _swift(file: Path, out: Path) -> list[str]:
    from agentswift.engine.embedded import tiny

    settings = {
        "model": tiny(), "model_type": "llama", "template": "chatml", "dataset": file, "agent_template": "react_en",
        "loss_scale": "react", "tuner_type": "lora", "target_modules": "all-linear", "torch_dtype": "float32",
        "fp16": "false", "max_steps": 1, "gradient_accumulation_steps": 1, "per_device_train_batch_size": 1,
        "logging_steps": 1, "max_length": 2048, "split_dataset_ratio": 0, "report_to": "none", "use_cpu": "true",
        "check_model": "false", "add_version": "false", "output_dir": out, "dataloader_num_workers": 0,
    }  # fmt: skip
    code = "import sys; from swift import sft_main; sft_main(sys.argv[1:])"
    return [
        sys.executable,
        "-c",
        code,
        *(word for name, value in settings.items() for word in (f"--{name}", str(value))),
    ]


def _first_record(words: Sequence[str], out: Path, env: dict[str, str]) -> float:
    """Run `words` until the first record stands in OUT/logging.jsonl; return the seconds and stop it."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(words, env=env, stdout=said, stderr=subprocess.STDOUT)
        try:
            _wait(process, out / "logging.jsonl")
            return time.perf_counter() - start
        except EOFError as error:
            said.seek(0)
            raise SystemExit(f"{words[:4]} ended too early:\n{said.read().decode()[-2000:]}") from error
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _sweep(file: Path, out: Path, env: dict[str, str]) -> tuple[float, float]:
    """Run a sweep of two points; return the seconds to the first record of each, from the point's own beginning."""
    words = _ours(file, "-m", "loss_scale=flat,react", f"hydra.sweep.dir={out}")
    start = time.perf_counter()
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        _told(process.stderr, "point 0:")
        _wait(process, out / "0" / "logging.jsonl")
        first = time.perf_counter() - start
        _told(process.stderr, "point 1:")
        second = time.perf_counter()
        _wait(process, out / "1" / "logging.jsonl")
        return first, time.perf_counter() - second
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _told(stderr: Any, what: str) -> None:
    if not any(what in line for line in stderr):
        raise SystemExit(f"the sweep ended before it said {what!r}")


def _wait(process: "subprocess.Popen[Any]", log: Path) -> None:
    until = time.monotonic() + _LIMIT_S
    while not (log.is_file() and log.read_text(encoding="utf-8").count("\n") and _has_loss(log)):
        if process.poll() is not None or time.monotonic() > until:
            if log.is_file() and _has_loss(log):
                return
            raise EOFError
        time.sleep(_POLL_S)


def _has_loss(log: Path) -> bool:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return any("loss" in json.loads(line) for line in lines if line.endswith("\n"))
