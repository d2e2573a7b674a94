"""A whole training run beside ms-swift's: same rows, same order, same steps, same settings; wall time, speed, memory.

`python benchmarks/train.py` trains SmolLM2 (LoRA, float32, loss scale react) on quickstart and on glaive, unpacked and
packed, and prints a table; the loss curves go to --out. ms-swift gets our text as `messages`, and cannot pack here by
itself: packed, it runs with its check for flash attention taken out, in a process of its own. Unpacked, ours runs
once more without padding (extra.padding_free=true), which ms-swift refuses here too. ms-swift also trains the newline
behind each <|im_end|>, which is easy: its mean loss is that much lower. `--quick` takes few steps of quickstart. The
last line is JSON: ratios of ours to ms-swift's, below 1 is better but for tokens_per_s_ratio.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from curves import svg

CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", "../shared/data"))
GLAIVE = "llamafactory_demos/glaive_toolcall_en_demo.json"
BATCH, LENGTH = 4, 1024  # rows a step; tokens a row or pack
SETTINGS: dict[str, Any] = {
    "per_device_train_batch_size": BATCH,
    "gradient_accumulation_steps": 1,
    "learning_rate": 1e-4,
    "warmup_ratio": 0.03,
    "weight_decay": 0.1,
    "num_train_epochs": 1,
    "logging_steps": 1,
    "save_steps": 10000,
    "max_length": LENGTH,
    "seed": 42,
}
LORA = {"tuner_type": "lora", "lora_rank": 8, "lora_alpha": 32, "lora_dropout": 0.0}
SWIFT: dict[str, Any] = {
    "model_type": "llama",
    "template": "chatml",
    "loss_scale": "react",
    "torch_dtype": "float32",
    "fp16": "false",
    "bf16": "false",
    "use_cpu": "true",
    "attn_impl": "sdpa",
    "target_modules": "all-linear",
    "gradient_checkpointing": "false",
    "dataset_shuffle": "false",
    "train_dataloader_shuffle": "false",
    "split_dataset_ratio": 0,
    "eval_strategy": "no",
    "report_to": "tensorboard",
    "check_model": "false",
    "add_version": "false",
    "dataloader_num_workers": 0,
    "load_from_cache_file": "false",
}


@dataclass
class Run:
    """What one run took."""

    engine: str
    packed: bool
    wall: float  # seconds, the whole command: text is encoded from cold
    seconds: float  # of training alone, as the trainer itself counts them
    peak: float  # GB, resident, of the process that trains
    tokens: int  # trained on or not, without padding
    steps: int
    losses: list[float] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Tokens a second while it trains."""
        return self.tokens / self.seconds


def timed(words: list[str], env: dict[str, str], log: Path) -> tuple[float, float]:
    """Run a command; return its seconds, and the GB of its greatest process, children counted."""
    start = time.perf_counter()
    with log.open("w") as out:
        child = subprocess.Popen(words, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(words[:6])} … failed:\n{log.read_text()[-3000:]}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e9


def logged(folder: Path) -> tuple[float, list[float]]:
    """Return the seconds of training and the losses step by step, from a run's logging.jsonl."""
    records = [json.loads(line) for line in (folder / "logging.jsonl").read_text().splitlines()]
    return next(r["train_runtime"] for r in records if "train_runtime" in r), [
        r["loss"] for r in records if "loss" in r
    ]


def ours(data: list[str], packed: bool, model: str, folder: Path, *, padded: bool = True) -> Run:
    """Train with agentswift, the encoded cache empty."""
    cache = folder / "cache"
    cache.mkdir(parents=True)
    for found in known().glob("*"):
        if found.name != "encoded":
            (cache / found.name).symlink_to(found)
    words = [f"{name}={value}" for name, value in SETTINGS.items()] + [f"tuner.{n}={v}" for n, v in LORA.items()]
    words += [*data, f"model={model}", "model.torch_dtype=float32", "model.attn_impl=sdpa", "compute=cpu", "split=0"]
    words += ["loss_scale.labels={action: 2, action_input: 2, observation: 2}"]  # as ms-swift weighs its keywords
    words += ["template=react_en", "loss_scale=react", f"packing={str(packed).lower()}", f"output_dir={folder / 'run'}"]
    words += [] if padded else ["extra.padding_free=true"]
    command = [sys.executable, "-m", "agentswift", "train", *words]
    wall, peak = timed(command, {"AGENTSWIFT_CACHE": str(cache)}, folder / "log")
    seconds, losses = logged(folder / "run")
    return Run(
        "agentswift" if padded else "ours, no padding",
        packed,
        wall,
        seconds,
        peak,
        sum(map(len, rows(folder / "run"))),
        len(losses),
        losses,
    )


def theirs(messages: Path, tokens: int, packed: bool, model: Path, folder: Path) -> Run:
    """Train with ms-swift on the same text."""
    folder.mkdir(parents=True)
    named = {"model": model, "dataset": messages, **SETTINGS, **LORA, **SWIFT, "output_dir": folder / "run"}
    named["packing"] = str(packed).lower()
    words = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    offline = {"HF_HUB_OFFLINE": "1", "MODELSCOPE_CACHE": str(folder / "modelscope")}
    wall, peak = timed([sys.executable, __file__, "--swift", *words], offline, folder / "log")
    seconds, losses = logged(folder / "run")
    return Run("ms-swift", packed, wall, seconds, peak, tokens, len(losses), losses)


def swift(words: list[str]) -> None:
    """Run ms-swift's SFT here; packing is let through on any attention."""
    from swift import SftArguments
    from swift.pipelines.train.sft import SwiftSft

    @dataclass
    class Arguments(SftArguments):  # type: ignore[misc]
        def _check_padding_free(self) -> None:
            if self.packing:
                self.padding_free = True

    class Sft(SwiftSft):  # type: ignore[misc]
        args_class = Arguments

    Sft(words).main()


def known() -> Path:
    """Return the user's cache folder."""
    from agentswift.engine.swift_facts import cache_folder

    return cache_folder()


def rows(run: Path) -> list[list[int]]:
    """Return the token ids of a run's rows in the order of its first epoch."""
    from agentswift.engine.cache import Encodings
    from agentswift.engine.job import Job
    from agentswift.mix import Mix

    job = Job.read(run)
    encodings = Encodings(Path(job.cache))
    return [encodings.input_ids(row).tolist() for row in Mix(**job.mix).epoch(0)]


def written(run: Path, model: Path, file: Path) -> int:
    """Write a run's rows as ms-swift's messages, in order; return how many tokens it makes of them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(model))
    tokens = 0
    with file.open("w", encoding="utf-8") as out:
        for ids in rows(run):
            text = tokenizer.decode(ids)
            turns = re.findall(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>", text, re.DOTALL)
            messages = [{"role": role if role != "tool" else "user", "content": said} for role, said in turns]
            out.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
            tokens += len(tokenizer(text.strip())["input_ids"])
    return tokens


def pair(name: str, data: list[str], packed: bool, model: str, folder: Path) -> list[Run]:
    """Train with both; say how far the tokens that each sees are apart."""
    from agentswift.engine.embedded import EMBEDDED

    here = folder / f"{name}-{'packed' if packed else 'rows'}"
    mine = ours(data, packed, model, here / "ours")
    tokens = written(here / "ours" / "run", EMBEDDED[model](), here / "rows.jsonl")
    found = [theirs(here / "rows.jsonl", tokens, packed, EMBEDDED[model](), here / "theirs"), mine]
    if not packed:
        found.append(ours(data, packed, model, here / "free", padded=False))
    apart = abs(tokens - mine.tokens) / mine.tokens
    print(f"\n{name}, {'packed' if packed else 'rows'}: {mine.tokens:,} tokens; ms-swift's differ by {apart:.2%}")
    for run in found:
        losses = f"loss {run.losses[0]:.4f} -> {run.losses[-1]:.4f}"
        print(
            f"  {run.engine:16}  {run.steps:4} steps  wall {run.wall:7.1f} s  training {run.seconds:7.1f} s  "
            f"{run.speed:7.1f} tokens/s  peak {run.peak:5.2f} GB  {losses}"
        )
    return found


def ratios(found: list[Run]) -> dict[str, Any]:
    """Return ours by ms-swift's; `no_padding`: those of the run without."""
    theirs, mine, *free = found
    return {
        **({"no_padding": ratios([theirs, free[0]])} if free else {}),
        "memory_ratio": round(mine.peak / theirs.peak, 3),
        "time_ratio": round(mine.wall / theirs.wall, 3),
        "tokens_per_s_ratio": round(mine.speed / theirs.speed, 3),
        "loss_difference": round(max(abs(a - b) for a, b in zip(theirs.losses, mine.losses, strict=False)), 4),
    }


def sets(steps: int, quick: bool) -> dict[str, list[str]]:
    """Return the data's words on agentswift's command line, by name."""
    count = steps * BATCH
    found = {"quickstart": ["data=quickstart", f"data.rows={{quickstart: {count}}}"]}
    glaive = CORPUS / GLAIVE
    if not quick and glaive.is_file():
        named = f"data.rows={{{glaive.stem}: {count}}}"
        found["glaive"] = [f"data.path={glaive.absolute()}", named, "data.max_refused=-1"]
    return found


def main() -> None:
    """Read the command line and run every pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="quickstart alone, 3 steps")
    parser.add_argument("--steps", type=int, help="optimizer steps of the unpacked runs (60; 3 with --quick)")
    parser.add_argument("--model", default="smollm2", choices=["smollm2", "tiny"])
    parser.add_argument("--only", choices=["rows", "packed"], help="leave the other out")
    parser.add_argument("--out", type=Path, help="folder for loss curves (SVG) and figures (JSON); none: not kept")
    asked = parser.parse_args()
    steps = asked.steps or (3 if asked.quick else 60)
    said: dict[str, Any] = {
        "benchmark": "train",
        "model": asked.model,
        "steps": steps,
        "batch": BATCH,
        "length": LENGTH,
    }
    kept: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in sets(steps, asked.quick).items():
            for packed in (p for p in (False, True) if asked.only in (None, "packed" if p else "rows")):
                kept[f"{name} {'packed' if packed else 'rows'}"] = pair(name, data, packed, asked.model, Path(folder))
    by_run = {name: ratios(found) for name, found in kept.items()}
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "train.json").write_text(
            json.dumps({n: [asdict(r) for r in f] for n, f in kept.items()}, indent=1)
        )
        for name, found in kept.items():
            lines = {run.engine: list(enumerate(run.losses, 1)) for run in found}
            (asked.out / f"train-{name.replace(' ', '-')}.svg").write_text(svg(f"{name}: loss by step", lines))
    worst = {
        key: (min if key == "tokens_per_s_ratio" else max)(r[key] for r in by_run.values()) for key in ratios_keys()
    }
    print(json.dumps({**said, **worst, "runs": by_run}))


def ratios_keys() -> tuple[str, ...]:
    """Return the ratios of the last line, each the worst of all runs."""
    return "memory_ratio", "time_ratio", "tokens_per_s_ratio"


if __name__ == "__main__":
    if "--swift" in sys.argv:
        swift(sys.argv[2:])
    else:
        main()
