"""A whole training run beside ms-swift's: same rows, same order, same steps, same settings; wall time, speed, memory.

`python benchmarks/train.py` trains SmolLM2 (LoRA, float32, loss scale react) on quickstart and on glaive: ms-swift
unpacked and packed, ours unpacked, unpacked with padding (padding_free=false) and packed. It prints steps,
tokens a second, wall time and peak memory; --out keeps figures and loss curves. ms-swift gets our text as `messages`,
and cannot pack here by itself: packed, it runs with its check for flash attention taken out, in a process of its own.
Packed, the two make packs and order of their own (ours best-fit over the epoch, ms-swift's in blocks of 1,000 rows), so
that steps differ: there curves are drawn over tokens seen. ms-swift also trains the newline behind each <|im_end|>,
which is easy: its mean loss is that much lower. Peak: the most that all processes of a run held at once, what they map
from files counted once. `--quick` takes few steps of quickstart. The last line is JSON: the worst ratios of ours to
ms-swift's, below 1 is better but for tokens_per_s_ratio.
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

from beside_swift import CORPUS, GLAIVE_EN, cold_cache, last_line, parser, resident, swift_words
from curves import svg

BATCH, LENGTH = 4, 1024  # rows a step; tokens a row or pack
POLL_S = 0.1
RATIOS = {"memory_ratio": max, "time_ratio": max, "tokens_per_s_ratio": min}  # and which of them is the worst
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
    "attn_impl": "sdpa",
    "gradient_checkpointing": "false",
    "dataset_shuffle": "false",
    "train_dataloader_shuffle": "false",
    "eval_strategy": "no",
    "report_to": "tensorboard",
    "load_from_cache_file": "false",
}


@dataclass
class Run:
    """What one run took."""

    engine: str
    packed: bool
    wall: float  # seconds, the whole command: text is encoded from cold
    seconds: float  # of training alone, as the trainer itself counts them
    peak: float  # GB, resident, of all its processes at once
    tokens: int  # trained on or not, without padding
    steps: int
    losses: list[float] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Tokens a second while it trains."""
        return self.tokens / self.seconds


def timed(words: list[str], env: dict[str, str], log: Path) -> tuple[float, float]:
    """Run a command; return its seconds, and the most GB that its processes held at once."""
    start, most = time.perf_counter(), 0.0
    with log.open("w") as out:
        child = subprocess.Popen(words, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT)
        while True:
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            if ended:
                break
            most = max(most, resident(child.pid))
            time.sleep(POLL_S)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(words[:6])} … failed:\n{log.read_text()[-3000:]}")
    return seconds, max(most, usage.ru_maxrss * 1024) / 1e9


def logged(folder: Path) -> tuple[float, list[float]]:
    """Return the seconds of training and the losses step by step, from a run's logging.jsonl."""
    records = [json.loads(line) for line in (folder / "logging.jsonl").read_text().splitlines()]
    return next(r["train_runtime"] for r in records if "train_runtime" in r), [
        r["loss"] for r in records if "loss" in r
    ]


def ours(data: list[str], packed: bool, model: str, folder: Path, *, padded: bool = False) -> Run:
    """Train with agentswift, the encoded cache empty."""
    cache = cold_cache(folder / "cache")
    words = [f"{name}={value}" for name, value in SETTINGS.items()] + [f"tuner.{n}={v}" for n, v in LORA.items()]
    words += [*data, f"model={model}", "model.torch_dtype=float32", "model.attn_impl=sdpa", "compute=cpu", "split=0"]
    words += ["loss_scale.labels={action: 2, action_input: 2, observation: 2}"]  # as ms-swift weighs its keywords
    words += ["template=react_en", "loss_scale=react", f"packing={str(packed).lower()}", f"output_dir={folder / 'run'}"]
    words += ["padding_free=false"] if padded else []
    command = [sys.executable, "-m", "agentswift", "train", *words]
    wall, peak = timed(command, {"AGENTSWIFT_CACHE": str(cache)}, folder / "log")
    seconds, losses = logged(folder / "run")
    tokens = sum(map(len, rows(folder / "run")))
    name = "ours, padded" if padded else "ours"
    return Run(name, packed, wall, seconds, peak, tokens, len(losses), losses)


def theirs(messages: Path, tokens: int, packed: bool, model: Path, folder: Path) -> Run:
    """Train with ms-swift on the same text."""
    folder.mkdir(parents=True)
    named = {**SETTINGS, **LORA, **SWIFT, "packing": str(packed).lower()}
    words = swift_words(model=model, dataset=messages, **named, output_dir=folder / "run")
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
        found.append(ours(data, packed, model, here / "padded", padded=True))
    apart = abs(tokens - mine.tokens) / mine.tokens
    print(f"\n{name}, {'packed' if packed else 'rows'}: {mine.tokens:,} tokens; ms-swift's differ by {apart:.2%}")
    for run in found:
        losses = f"loss {run.losses[0]:.4f} -> {run.losses[-1]:.4f}"
        print(
            f"  {run.engine:16}  {run.steps:4} steps  wall {run.wall:7.1f} s  training {run.seconds:7.1f} s  "
            f"{run.speed:7.1f} tokens/s  peak {run.peak:5.2f} GB  {losses}",
            flush=True,
        )
    return found


def ratios(found: list[Run]) -> dict[str, Any]:
    """Return ours by ms-swift's, and the steps of each; `padded`: those of the run with padding."""
    theirs, mine, *padded = found
    apart = [abs(a - b) for a, b in zip(theirs.losses, mine.losses, strict=not mine.packed)]
    return {
        "memory_ratio": round(mine.peak / theirs.peak, 3),
        "time_ratio": round(mine.wall / theirs.wall, 3),
        "tokens_per_s_ratio": round(mine.speed / theirs.speed, 3),
        "steps": [theirs.steps, mine.steps],
        **({} if mine.packed else {"loss_difference": round(max(apart), 4)}),
        **({"padded": ratios([theirs, padded[0]])} if padded else {}),
    }


def curve(run: Run) -> list[tuple[float, float]]:
    """Return a run's losses, over steps, or over thousands of tokens seen where a step is not the same for both."""
    by = run.tokens / run.steps / 1000 if run.packed else 1
    return [(number * by, loss) for number, loss in enumerate(run.losses, 1)]


def sets(steps: int, names: list[str]) -> dict[str, list[str]]:
    """Return the data's words on agentswift's command line, by name."""
    count, glaive = steps * BATCH, CORPUS / GLAIVE_EN
    named = f"data.rows={{{glaive.stem}: {count}}}"
    words = {
        "quickstart": ["data=quickstart", f"data.rows={{quickstart: {count}}}"],
        "glaive": [f"data.path={glaive}", named, "data.max_refused=-1"],
    }
    if "glaive" in names and not glaive.is_file():
        sys.exit(f"no {glaive}: set AGENTSWIFT_CORPUS, or leave glaive out with --data quickstart")
    return {name: words[name] for name in names}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    words = parser(__doc__, "quickstart alone, 3 steps")
    words.add_argument("--steps", type=int, help="optimizer steps of the unpacked runs (60; 3 with --quick)")
    words.add_argument("--model", default="smollm2", choices=["smollm2", "tiny"])
    words.add_argument("--data", nargs="+", choices=["quickstart", "glaive"], help="sets to train on (both)")
    words.add_argument("--only", choices=["rows", "packed"], help="leave the other out")
    words.add_argument("--out", type=Path, help="folder for loss curves (SVG) and figures (JSON); none: not kept")
    asked = words.parse_args()
    asked.steps = asked.steps or (3 if asked.quick else 60)
    asked.data = asked.data or ["quickstart", "glaive"][: 1 if asked.quick else 2]
    return asked


def keep(out: Path, name: str, found: list[Run]) -> None:
    """Write a pair's figures and curves; those of other pairs stay."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "train.json"
    there = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    there[name] = [asdict(run) for run in found]
    file.write_text(json.dumps(there, indent=1) + "\n", encoding="utf-8")
    over = "thousands of tokens seen" if found[0].packed else "step"
    drawn = svg(f"{name}: loss by {over}", {run.engine: curve(run) for run in found})
    (out / f"train-{name.replace(' ', '-')}.svg").write_text(drawn, encoding="utf-8")


def main() -> None:
    """Run every pair; print each as it comes, and the worst ratios at the end."""
    asked = arguments()
    by_run: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in sets(asked.steps, asked.data).items():
            for packed in (p for p in (False, True) if asked.only in (None, "packed" if p else "rows")):
                found = pair(name, data, packed, asked.model, Path(folder))
                by_run[title := f"{name} {'packed' if packed else 'rows'}"] = ratios(found)
                if asked.out:
                    keep(asked.out, title, found)
    worst = {key: pick(run[key] for run in by_run.values()) for key, pick in RATIOS.items()}
    settings = {"model": asked.model, "steps": asked.steps, "batch": BATCH, "length": LENGTH, "data": asked.data}
    last_line(settings, **worst, runs=by_run)


if __name__ == "__main__":
    if "--swift" in sys.argv:
        swift(sys.argv[2:])
    else:
        main()
