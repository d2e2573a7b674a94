"""Which GPU holds what: `python -m agentswift.engine.plan_table [CONFIG.json]` prints docs/compute.md's table.

The same arithmetic as `train dry_run=true`, for shapes of 7 to 8 billion weights, or for a model's own config.json.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentswift.engine.architecture import Shape
from agentswift.engine.estimate import GB, ROUGH, memory
from agentswift.engine.step import Batch, Settings

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
_TUNERS = {"qlora": Settings(quant_bits=4), "lora": Settings(), "full": Settings(tuner="full")}
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
    peak: float  # GB at `length`


def need(shape: Shape, settings: Settings, compute: str, gpus: int, rows: int, length: int) -> float:
    """Return GB a GPU, with the margin of the estimate on top."""
    named: Mapping[str, Any] = {"gpu": "ddp"}
    asked = replace(settings, sharding=named.get(compute, compute), ranks=gpus)
    batch = Batch(rows, length, round(rows * length * KEPT), is_padded=rows > 1)
    return memory(shape, asked, batch).total * (1 + ROUGH) / GB


def fit(shape: Shape, tuner: str, card: int) -> Fit | None:
    """Return the first way in which 2,048 tokens fit, else 1,024; None where none does."""
    for least in (2048, 1024):
        for compute, gpus in _WAYS[tuner]:
            needs = {n: need(shape, _TUNERS[tuner], compute, gpus, 1, n) for n in LENGTHS}
            lengths = [n for n, needed in needs.items() if needed <= card]
            if lengths and lengths[-1] >= least:
                sizes = (2**n for n in range(8))
                rows = [r for r in sizes if need(shape, _TUNERS[tuner], compute, gpus, r, 2048) <= card]
                return Fit(compute, gpus, lengths[-1], max(rows, default=0), needs[lengths[-1]])
    return None


def lines(shapes: Mapping[str, Shape]) -> Iterator[str]:
    """Yield the table as Markdown."""
    yield "| model | tuner | " + " | ".join(f"{card} GB" for card in CARDS) + " |"
    yield "|---" * (2 + len(CARDS)) + "|"
    for name, shape in shapes.items():
        for tuner in _TUNERS:
            cells = [_cell(fit(shape, tuner, card)) for card in CARDS]
            yield f"| {name} | {tuner} | " + " | ".join(cells) + " |"


def _cell(found: Fit | None) -> str:
    if found is None:
        return "does not fit on 8"
    cards = "1 GPU" if found.gpus == 1 else f"{found.gpus} GPUs"
    rows = f"; {found.rows} rows of 2,048" if found.rows else ""
    return f"{cards}, `{found.compute}`: {found.length:,} tokens{rows} ({found.peak:.0f} GB)"


def main(words: list[str]) -> None:
    """Print the table of the shapes here, or of the model whose config.json is named."""
    if words:
        file = Path(words[0])
        file = file / "config.json" if file.is_dir() else file
        shapes = {file.absolute().parent.name: Shape.of(json.loads(file.read_text(encoding="utf-8")))}
    else:
        shapes = {"Llama-3-8B": Shape.of(LLAMA3_8B), "Qwen2.5-7B": Shape.of(QWEN2_5_7B)}
    print("\n".join(lines(shapes)))


if __name__ == "__main__":
    main(sys.argv[1:])
