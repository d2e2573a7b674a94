"""What the benchmarks share: the corpus's files, ms-swift's settings, memory and time, tables, the last line.

Nothing heavy is imported until it is needed: some of the scripts run others and do little themselves.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", "../shared/data")).absolute()
GLAIVE_EN = "llamafactory_demos/glaive_toolcall_en_demo.json"
GLAIVE_ZH = "llamafactory_demos/glaive_toolcall_zh_demo.json"
FIREACT = "fireact/multitask_multimethod.jsonl"

SWIFT: dict[str, Any] = {
    "model_type": "llama",
    "template": "chatml",
    "loss_scale": "react",
    "tuner_type": "lora",
    "target_modules": "all-linear",
    "torch_dtype": "float32",
    "fp16": "false",
    "bf16": "false",
    "use_cpu": "true",
    "split_dataset_ratio": 0,
    "check_model": "false",
    "add_version": "false",
    "dataloader_num_workers": 0,
}


def swift_words(**changes: Any) -> list[str]:
    """Return ms-swift's command line: its settings for a CPU, and these."""
    return [word for name, value in {**SWIFT, **changes}.items() for word in (f"--{name}", str(value))]


def cold_cache(folder: Path) -> Path:
    """Make a cache folder that holds what an install makes once, and no encoded row; return it."""
    from agentswift.engine.embedded import tiny
    from agentswift.engine.swift_facts import cache_folder, chat_templates

    tiny()
    chat_templates()
    folder.mkdir(parents=True)
    for kept in cache_folder().iterdir():
        if kept.name != "encoded":
            (folder / kept.name).symlink_to(kept)
    return folder


def held(key: str = "VmRSS", process: int | str = "self") -> float:
    """Return a process's resident bytes: VmRSS (now) or VmHWM (the most so far)."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(key))) * 1024


def resident(root: int) -> float:
    """Return the bytes that a process and all below it hold; files they map are counted once, as the greatest has."""
    own, mapped = 0.0, 0.0
    for process in tree(root):
        try:
            said = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        except OSError:
            continue  # it has just ended
        sizes = {key: float(kb) * 1024 for key, kb in re.findall(r"^(Rss\w+):\s+(\d+) kB", said, re.MULTILINE)}
        own += sizes.get("RssAnon", 0.0) + sizes.get("RssShmem", 0.0)
        mapped = max(mapped, sizes.get("RssFile", 0.0))
    return own + mapped


def tree(root: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield root
    for tasks in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            below = tasks.read_text(encoding="utf-8").split()
        except OSError:
            continue
        for process in below:
            yield from tree(int(process))


def seconds_of(work: Any, *args: Any) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start


def parser(doc: str | None, quick: str) -> argparse.ArgumentParser:
    """Return a benchmark's command line: what it is, and --quick."""
    words = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help=quick)
    return words


def markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def last_line(
    settings: dict[str, Any], memory_ratio: float | None = None, time_ratio: float | None = None, **more: Any
) -> None:
    """Print the line that each benchmark ends with; a ratio is ours by ms-swift's, None where it measures none."""
    said = {"benchmark": Path(sys.argv[0]).stem, "memory_ratio": memory_ratio, "time_ratio": time_ratio, **more}
    print(json.dumps({**said, "settings": settings}, default=str), flush=True)
