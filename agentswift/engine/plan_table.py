"""Which GPU holds what: `python -m agentswift.engine.plan_table [CONFIG.json]` prints docs/compute.md's table.

The same arithmetic as `train dry_run=true`, for shapes of 7 to 8 billion weights, or for a model's own config.json,
in the settings of conf/train.yaml and conf/tuner/.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from agentswift.engine.architecture import Shape
from agentswift.engine.estimate import GB, ROUGH, Memory, memory
from agentswift.engine.step import Batch, Settings
from agentswift.errors import ModelError

LLAMA3_8B: dict[str, Any] = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
}
QWEN2_5_7B: dict[str, Any] = {
    "hidden_size": 3584,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "intermediate_size": 18944,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
CARDS = (24, 48, 80, 141)  # GB
LENGTHS = (1024, 2048, 4096, 8192, 16384, 32768)
KEPT = 0.5  # share of tokens that are trained: more than agent data has
# What is tried, cheapest first: compute=, GPUs.
_WAYS = {
    "qlora": (("gpu", 1),),
    "lora": (("gpu", 1), ("zero3", 2), ("zero3", 4)),
    "full": (("gpu", 1), ("zero2", 2), ("fsdp2", 2), ("zero3", 4), ("zero3", 8), ("zero3_offload", 8)),
}


@dataclass(frozen=True)
class Fit:
    """The cheapest way to train on GPUs of one size, and the longest rows that it holds."""

    compute: str
    gpus: int
    length: int  # max_length at one row a GPU
    rows: int  # per_device_train_batch_size at max_length=2048; 0: that does not fit
    peak: float  # GB at `length`, of a GPU
    host: float = 0.0  # GB of CPU memory, of all its ranks


@cache
def shipped() -> dict[str, Settings]:
    """Return the settings of each tuner as conf/ ships them; what it does not say is Settings' own."""
    lora = _conf("tuner/lora.yaml")
    batches: int = _conf("train.yaml")["gradient_accumulation_steps"]
    adapters = Settings(rank=lora["lora_rank"], dropout=lora["lora_dropout"], accumulation=batches)
    four = _conf("tuner/qlora.yaml")["quant_bits"]
    full = Settings(tuner="full", accumulation=batches)
    return {"qlora": replace(adapters, quant_bits=four), "lora": adapters, "full": full}


def _conf(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files("agentswift.conf").joinpath(name).read_text(encoding="utf-8"))
    return found


def need(shape: Shape, settings: Settings, compute: str, gpus: int, rows: int, length: int) -> float:
    """Return GB a GPU, with the margin of the estimate on top."""
    return _memory(shape, settings, compute, gpus, rows, length).total * (1 + ROUGH) / GB


def _memory(shape: Shape, settings: Settings, compute: str, gpus: int, rows: int, length: int) -> Memory:
    named: Mapping[str, Any] = {"gpu": "ddp"}
    asked = replace(settings, sharding=named.get(compute, compute), ranks=gpus)
    return memory(shape, asked, Batch(rows, length, round(rows * length * KEPT), is_padded=rows > 1))


def fit(shape: Shape, tuner: str, card: int) -> Fit | None:
    """Return the first way in which 2,048 tokens fit, else 1,024; None where none does."""
    settings = shipped()[tuner]
    for least in (2048, 1024):
        for compute, gpus in _WAYS[tuner]:
            needs = {n: need(shape, settings, compute, gpus, 1, n) for n in LENGTHS}
            lengths = [n for n, needed in needs.items() if needed <= card]
            if lengths and lengths[-1] >= least:
                sizes = (2**n for n in range(8))
                rows = [r for r in sizes if need(shape, settings, compute, gpus, r, 2048) <= card]
                host = gpus * _memory(shape, settings, compute, gpus, 1, lengths[-1]).host / GB
                return Fit(compute, gpus, lengths[-1], max(rows, default=0), needs[lengths[-1]], host)
    return None


def lines(shapes: Mapping[str, Shape]) -> Iterator[str]:
    """Yield the table as Markdown."""
    yield "| model | tuner | " + " | ".join(f"{card} GB" for card in CARDS) + " |"
    yield "|---" * (2 + len(CARDS)) + "|"
    for name, shape in shapes.items():
        for tuner in shipped():
            cells = [_cell(fit(shape, tuner, card)) for card in CARDS]
            yield f"| {name} | {tuner} | " + " | ".join(cells) + " |"


def _cell(found: Fit | None) -> str:
    if found is None:
        return "does not fit on 8"
    cards = "1 GPU" if found.gpus == 1 else f"{found.gpus} GPUs"
    rows = f"; {found.rows} rows of 2,048" if found.rows else ""
    host = f", and {found.host:.0f} GB of CPU memory" if found.host else ""
    return f"{cards}, `{found.compute}`: {found.length:,} tokens{rows} ({found.peak:.0f} GB{host})"


def main(words: list[str]) -> None:
    """Print the table of the shapes here, or of the model whose config.json is named.

    Raises ModelError for a file that cannot be read or says no shape.
    """
    shapes = {"Llama-3-8B": Shape.of(LLAMA3_8B), "Qwen2.5-7B": Shape.of(QWEN2_5_7B)}
    if words:
        file = Path(words[0])
        file = file / "config.json" if file.is_dir() else file
        shapes = {file.absolute().parent.name: Shape.of(_read(file))}
    print("\n".join(lines(shapes)))


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}. Name a model's folder, or its config.json") from error
    except ValueError as error:
        raise ModelError(f"{file}: not JSON: {error}. Name a model's folder, or its config.json") from error
    if not isinstance(found, dict):
        raise ModelError(f"{file}: a {type(found).__name__}, not an object. Name a model's folder, or its config.json")
    return found


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ModelError as error:
        print(f"agentswift.engine.plan_table: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
