"""On a GPU: a LoRA step of a Llama-3-8B-shaped model at 8k tokens, the loss alone, and the estimate's error.

`python benchmarks/gpu.py` (or `make bench-gpu`) builds the model with random weights, so nothing is downloaded, and
measures ms-swift's path (logits, per_token_loss_func, weights), ours, and Liger's unweighted fused loss: peak memory,
time and MFU. It prints Markdown for docs/benchmarks.md, --out keeps it; the last line is JSON. `--dry` runs the same
code on a CPU with a tiny shape, for tests: its figures mean nothing.
"""

import argparse
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from agentswift.engine.architecture import Shape
from agentswift.engine.estimate import GB, memory
from agentswift.engine.loss import weighted_cross_entropy
from agentswift.engine.loss_choice import FASTEST_FIRST
from agentswift.engine.pace import USED, Work, gpu_pace, operations
from agentswift.engine.plan_table import LLAMA3_8B
from agentswift.engine.step import Batch, Settings

TINY: dict[str, Any] = {**LLAMA3_8B, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                        "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 512}  # fmt: skip
KEPT = 0.5  # share of tokens that weigh something
ARMS = ("ms-swift", "ours", "liger unweighted")
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
Figures = dict[str, Any]


class Place:
    """The device measured on: its clock and its peak memory."""

    def __init__(self, dry: bool, repeats: int) -> None:
        self.dry, self.repeats = dry, repeats
        self.device = "cpu" if dry else "cuda"
        self.dtype = torch.float32 if dry else torch.bfloat16
        self.name = "CPU (dry)" if dry else torch.cuda.get_device_name()

    def measure(self, work: Callable[[], object]) -> tuple[float, float]:
        """Return the median seconds of `work`, and the peak in GB while it runs."""
        work()  # warms up: kernels are chosen, the optimizer makes its states
        if not self.dry:
            torch.cuda.reset_peak_memory_stats()
        seconds = []
        for _ in range(self.repeats):
            self.wait()
            start = time.perf_counter()
            work()
            self.wait()
            seconds.append(time.perf_counter() - start)
        most = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if self.dry else torch.cuda.max_memory_reserved()
        )
        return sorted(seconds)[len(seconds) // 2], most / GB

    def wait(self) -> None:
        """Wait until all that was started is done."""
        if not self.dry:
            torch.cuda.synchronize()

    def clear(self) -> None:
        """Give memory back between measurements."""
        gc.collect()
        if not self.dry:
            torch.cuda.empty_cache()


def attempt(place: Place, made: Callable[[], Callable[[], object]]) -> tuple[float, float] | str:
    """Measure what `made` makes; "does not fit" where memory runs out, or why it cannot be had."""
    try:
        return place.measure(made())
    except torch.OutOfMemoryError:
        return "does not fit"
    except ImportError as missing:
        return f"{missing.name} is not installed"
    finally:
        place.clear()


def backend(place: Place) -> str:
    """Return our loss's fastest backend here."""
    from agentswift.engine.loss import usable

    return next(name for name in FASTEST_FIRST if usable(name, torch.device(place.device), place.dtype) is None)


def taken(arm: str, place: Place, hidden: Any, head: Any, targets: Any, weights: Any) -> Any:
    """Return the loss of the kept tokens' hidden states, the way an arm takes it."""
    if arm == "ours":
        return weighted_cross_entropy(hidden, head, None, targets, weights, backend=backend(place)).loss
    if arm == "ms-swift":
        return _swift(hidden @ head.t(), targets, weights)
    from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

    return LigerFusedLinearCrossEntropyLoss(reduction="sum")(head, hidden, targets)


def _swift(logits: Any, targets: Any, weights: Any) -> Any:
    """Return ms-swift's weighted loss of logits; its function shifts labels to the left by itself."""
    from types import SimpleNamespace

    from swift.trainers.utils import per_token_loss_func

    outputs = SimpleNamespace(logits=logits[None])
    return (per_token_loss_func(outputs, torch.roll(targets, 1)[None]) * weights).sum()


def kernel(arm: str, place: Place, shape: Shape, tokens: int) -> Callable[[], object]:
    """Return the loss alone, forward and backward, the head frozen as under LoRA."""
    torch.manual_seed(0)
    make = {"device": place.device, "dtype": place.dtype}
    hidden = torch.randn(tokens, shape.hidden, requires_grad=True, **make)
    head = torch.randn(shape.vocab, shape.hidden, **make) * 0.02
    targets = torch.randint(0, shape.vocab, (tokens,), device=place.device)
    weights = torch.rand(tokens, device=place.device) + 0.5

    def work() -> None:
        hidden.grad = None
        taken(arm, place, hidden, head, targets, weights).backward()

    return work


def built(place: Place, config: Figures, settings: Settings) -> Any:
    """Return a random model in the settings of a run."""
    from peft import LoraConfig, get_peft_model
    from transformers import BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

    if settings.quant_bits and find_spec("bitsandbytes") is None:
        raise ImportError("bitsandbytes", name="bitsandbytes")
    torch.set_default_dtype(place.dtype)
    try:
        with torch.device(place.device):
            model: Any = LlamaForCausalLM(LlamaConfig(**config, use_cache=False))
    finally:
        torch.set_default_dtype(torch.float32)
    if settings.quant_bits:
        from transformers.integrations import replace_with_bnb_linear

        model = replace_with_bnb_linear(model, quantization_config=BitsAndBytesConfig(load_in_4bit=True)).to(
            place.device
        )
    if settings.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if settings.tuner == "lora":
        model = get_peft_model(model, LoraConfig(r=settings.rank, target_modules=TARGETS, task_type="CAUSAL_LM"))
        model.enable_input_require_grads()
    return model.train()


def step(arm: str, place: Place, config: Figures, settings: Settings, rows: int, length: int) -> Callable[[], object]:
    """Return an optimizer step of the whole model, the loss taken an arm's way."""
    torch.manual_seed(0)
    model = built(place, config, settings)
    bare = model.get_base_model() if settings.tuner == "lora" else model
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    ids = torch.randint(0, config["vocab_size"], (rows, length), device=place.device)
    kept = (torch.rand(rows * length, device=place.device) < KEPT).nonzero()[:, 0]
    targets, weights = ids.flatten()[kept], torch.rand(len(kept), device=place.device) + 0.5

    def work() -> None:
        with torch.autocast(place.device, place.dtype, enabled=not place.dry):
            hidden = bare.model(ids, use_cache=False).last_hidden_state.flatten(0, 1)[kept]
            loss = taken(arm, place, hidden, bare.lm_head.weight, targets, weights)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return work


def cells(found: tuple[float, float] | str, ops: float, place: Place) -> list[str]:
    """Return a table's cells: seconds, GB, and the share of the data sheet's pace."""
    if isinstance(found, str):
        return [found, "", ""]
    pace = gpu_pace(place.name)
    return [f"{found[0]:.4f} s", f"{found[1]:.2f} GB", f"{ops / found[0] * USED / pace:.1%}" if pace else ""]


def ratios(found: dict[str, Any], by: str = "ms-swift") -> Figures:
    """Return ours by another's, where both ran."""
    if isinstance(found["ours"], str) or isinstance(found[by], str):
        return {}
    (time_, most), (their_time, their_most) = found["ours"], found[by]
    return {"time_ratio": round(time_ / their_time, 3), "memory_ratio": round(most / their_most, 3)}


def settings_tried(place: Place, length: int) -> Iterator[tuple[str, Settings, int, int]]:
    """Yield the settings in which the estimate is checked: what it is, settings, rows, tokens a row."""
    lora = Settings(dtype="float32" if place.dry else "bfloat16", on_gpu=not place.dry)
    yield "LoRA, checkpointed", lora, 1, length
    yield "LoRA, checkpointed, 4 rows", lora, 4, length // 4
    yield "LoRA", replace(lora, checkpointing=False), 1, length // 4
    yield "LoRA, checkpointed, ms-swift's loss", replace(lora, backend="swift"), 1, length
    yield "full, checkpointed", replace(lora, tuner="full"), 1, length // 4
    yield "QLoRA, checkpointed", replace(lora, quant_bits=4), 1, length


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, ["---"] * len(columns), *rows])


def report(place: Place, config: Figures, length: int) -> tuple[list[str], Figures]:
    """Measure everything; return the page's parts and the figures of the last line."""
    shape, page, said = Shape.of(config), list[str](), dict[str, Any]()
    lora = Settings(dtype="float32" if place.dry else "bfloat16", on_gpu=not place.dry)
    work = Work(length, KEPT * length, length / 2)
    found = {arm: attempt(place, lambda: step(arm, place, config, lora, 1, length)) for arm in ARMS}  # noqa: B023
    ops = operations(shape, lora, work, recompute=False)
    rows = [[arm, *cells(f, ops, place)] for arm, f in found.items()]
    page.append(f"**A LoRA step**, {length:,} tokens, {KEPT:.0%} weighted, checkpointed, {place.name}\n")
    page.append(table(["loss", "time", "peak", "MFU"], rows))
    said |= ratios(found)
    kept = int(KEPT * length)
    alone = {arm: attempt(place, lambda: kernel(arm, place, shape, kept)) for arm in ARMS}  # noqa: B023
    rows = [[arm, *cells(f, 4 * kept * shape.head, place)] for arm, f in alone.items()]
    page.append(f"\n**The loss alone**, {kept:,} tokens, {shape.vocab:,} words, the head frozen\n")
    page.append(table(["loss", "time", "peak", "MFU"], rows))
    said["kernel"] = ratios(alone)
    with suppress(KeyError):
        said["kernel_by_liger"] = ratios(alone, "liger unweighted")
    rows, said["estimate"] = checked(place, config, shape, length)
    page.append("\n**The estimate** of `train dry_run=true` (without CUDA's own context)\n")
    page.append(table(["setting", "estimated", "peak", "off", "time estimated", "time", "off"], rows))
    return page, said


def checked(place: Place, config: Figures, shape: Shape, length: int) -> tuple[list[list[str]], Figures]:
    """Return the estimate beside real steps, as a table's rows and as errors by setting."""
    rows, errors, pace = list[list[str]](), dict[str, Any](), gpu_pace(place.name)
    for name, settings, count, tokens in settings_tried(place, length):
        arm = "ms-swift" if settings.backend == "swift" else "ours"
        real = attempt(place, lambda: step(arm, place, config, settings, count, tokens))  # noqa: B023
        batch = Batch(count, tokens, int(KEPT * count * tokens))
        parts = memory(shape, settings, batch).parts
        guess = sum(size for part, size in parts.items() if place.dry or part != "process") / GB
        ops = operations(shape, settings, Work(batch.tokens, batch.kept, tokens / 2))
        took = ops / pace if pace else None
        if isinstance(real, str):
            rows.append([name, f"{guess:.2f} GB", real, "", f"{took:.3f} s" if took else "", "", ""])
            continue
        errors[name] = {
            "memory": round(guess / real[1] - 1, 3),
            **({"time": round(took / real[0] - 1, 3)} if took else {}),
        }
        off = [f"{errors[name]['memory']:+.1%}", f"{took:.3f} s" if took else ""]
        last = f"{errors[name]['time']:+.1%}" if took else ""
        rows.append([name, f"{guess:.2f} GB", f"{real[1]:.2f} GB", *off, f"{real[0]:.3f} s", last])
    return rows, errors


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="a tiny shape on the CPU: does the code run")
    parser.add_argument("--quick", action="store_true", help="one repetition, 2,048 tokens")
    parser.add_argument("--out", type=Path, help="file for the Markdown")
    asked = parser.parse_args()
    if not asked.dry and not torch.cuda.is_available():
        sys.exit("no GPU is seen: --dry runs the same code on the CPU")
    place = Place(asked.dry, repeats=1 if asked.dry or asked.quick else 5)
    length = 64 if asked.dry else 2048 if asked.quick else 8192
    page, said = report(place, TINY if asked.dry else LLAMA3_8B, length)
    print("\n".join(page))
    if asked.out:
        asked.out.write_text("\n".join(page) + "\n", encoding="utf-8")
    print(json.dumps({"benchmark": "gpu", "device": place.name, "dry": asked.dry, "tokens": length, **said}))


if __name__ == "__main__":
    main()
