"""On a GPU: a LoRA step of a Llama-3-8B-shaped model at 8k tokens, the loss alone, and the estimate's error.

`python benchmarks/gpu.py` (or `make bench-gpu`) builds the model with random weights, so nothing is downloaded, and
measures ms-swift's path (logits, per_token_loss_func, weights), ours, and Liger's unweighted fused loss: peak memory,
time and MFU. It prints Markdown for docs/benchmarks.md line by line as it is measured, --out keeps it likewise; what
fails says so in its cell. The last line is JSON. `--dry` runs the same code on a CPU with a tiny shape, for tests: its
figures mean nothing.
"""

import gc
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from beside_swift import held, last_line, markdown, parser, seconds_of
from swift_loss import swift_loss

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
ARMS = ("ms-swift", "ours", "ours (triton)", "ours (liger)", "liger unweighted")
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
            seconds.append(seconds_of(lambda: (work(), self.wait())))
        most = held("VmHWM") if self.dry else torch.cuda.max_memory_reserved()
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
    """Measure what `made` makes; "does not fit" where memory runs out, else what went wrong: the rest goes on."""
    try:
        return place.measure(made())
    except torch.OutOfMemoryError:
        return "does not fit"
    except ImportError as missing:
        return f"{missing.name} is not installed"
    except Exception as error:
        return f"failed: {type(error).__name__}: {str(error).strip().split(chr(10))[0][:120]}".replace("|", "/")
    finally:
        place.clear()


def backend(arm: str, place: Place) -> str:
    """Return the backend of an arm of ours: `ours` is what loss.backend=auto takes, `ours (NAME)` another."""
    from agentswift.engine.loss import usable

    name = arm[len("ours (") : -1] or FASTEST_FIRST[0]
    if why := usable(name, torch.device(place.device), place.dtype):
        raise RuntimeError(why)
    return name


def taken(arm: str, place: Place, hidden: Any, head: Any, targets: Any, weights: Any) -> Any:
    """Return the loss of the kept tokens' hidden states, the way an arm takes it."""
    if arm.startswith("ours"):
        return weighted_cross_entropy(hidden, head, None, targets, weights, backend=backend(arm, place)).loss
    if arm == "ms-swift":
        return swift_loss(hidden @ head.t(), targets, weights)
    from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

    return LigerFusedLinearCrossEntropyLoss(reduction="sum")(head, hidden, targets)


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

    model = quantized(place, config) if settings.quant_bits else random_model(place, config)
    if settings.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if settings.tuner == "lora":
        model = get_peft_model(model, LoraConfig(r=settings.rank, target_modules=TARGETS, task_type="CAUSAL_LM"))
        model.enable_input_require_grads()
    return model.train()


def random_model(place: Place, config: Figures) -> Any:
    """Return a Llama of this shape with random weights, on the device."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_default_dtype(place.dtype)
    try:
        with torch.device(place.device):
            return LlamaForCausalLM(LlamaConfig(**config, use_cache=False))
    finally:
        torch.set_default_dtype(torch.float32)


def quantized(place: Place, config: Figures) -> Any:
    """Return it in 4 bits as tuner=qlora has them; transformers quantizes what it loads alone, so it is saved first."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    if find_spec("bitsandbytes") is None:
        raise ImportError("bitsandbytes", name="bitsandbytes")
    bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=place.dtype,
    )
    with tempfile.TemporaryDirectory() as folder:
        random_model(place, config).save_pretrained(folder)
        place.clear()
        kinds = {"dtype": place.dtype, "device_map": {"": place.device}}
        return AutoModelForCausalLM.from_pretrained(folder, quantization_config=bits, **kinds)


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


class Page:
    """Markdown, printed and kept line by line: what was measured before an end in the middle is there."""

    def __init__(self, out: Path | None) -> None:
        self.out = out
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text("", encoding="utf-8")

    def say(self, text: str) -> None:
        """Add lines."""
        print(text, flush=True)
        if self.out:
            with self.out.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def table(self, title: str, columns: list[str], rows: Iterator[list[str]]) -> None:
        """Add a table, each row as soon as it is known."""
        self.say(f"\n{title}\n\n{markdown(columns, [])}")
        for row in rows:
            self.say(f"| {' | '.join(row)} |")


def arms(place: Place, ops: float, made: Callable[[str], Callable[[], object]], found: Figures) -> Iterator[list[str]]:
    """Measure each arm into `found`; yield its row."""
    for arm in ARMS:
        found[arm] = attempt(place, lambda: made(arm))  # noqa: B023
        yield [arm, *cells(found[arm], ops, place)]


def report(place: Place, config: Figures, length: int, page: Page) -> Figures:
    """Measure everything onto the page; return the figures of the last line."""
    shape, kept = Shape.of(config), int(KEPT * length)
    lora = Settings(dtype="float32" if place.dry else "bfloat16", on_gpu=not place.dry)
    ops = operations(shape, lora, Work(length, KEPT * length, length / 2), recompute=False)
    columns, whole, alone, errors = ["loss", "time", "peak", "MFU"], Figures(), Figures(), Figures()
    title = f"**A LoRA step**, {length:,} tokens, {KEPT:.0%} weighted, checkpointed, {place.name}"
    page.table(title, columns, arms(place, ops, lambda arm: step(arm, place, config, lora, 1, length), whole))
    title = f"**The loss alone**, {kept:,} tokens, {shape.vocab:,} words, the head frozen"
    page.table(title, columns, arms(place, 4 * kept * shape.head, lambda a: kernel(a, place, shape, kept), alone))
    columns = ["setting", "estimated", "peak", "off", "time estimated", "time", "off"]
    title = "**The estimate** of `train dry_run=true` (without CUDA's own context)"
    page.table(title, columns, checked(place, config, shape, length, errors))
    liger = {"step": ratios(whole, "liger unweighted"), "kernel": ratios(alone, "liger unweighted")}
    return {**ratios(whole), "kernel": ratios(alone), "by_liger": liger, "estimate": errors}


def checked(place: Place, config: Figures, shape: Shape, length: int, errors: Figures) -> Iterator[list[str]]:
    """Yield the estimate beside real steps, a row a setting; put how far off it is into `errors`."""
    pace = gpu_pace(place.name)
    for name, settings, count, tokens in settings_tried(place, length):
        arm = "ms-swift" if settings.backend == "swift" else "ours"
        real = attempt(place, lambda: step(arm, place, config, settings, count, tokens))  # noqa: B023
        batch = Batch(count, tokens, int(KEPT * count * tokens))
        parts = memory(shape, settings, batch).parts
        guess = sum(size for part, size in parts.items() if place.dry or part != "process") / GB
        took = operations(shape, settings, Work(batch.tokens, batch.kept, tokens / 2)) / pace if pace else None
        shown = [f"{guess:.2f} GB", f"{took:.3f} s" if took else ""]
        if isinstance(real, str):
            yield [name, shown[0], real, "", shown[1], "", ""]
            continue
        off = {"memory": guess / real[1] - 1, **({"time": took / real[0] - 1} if took else {})}
        errors[name] = {key: round(value, 3) for key, value in off.items()}
        last = f"{off['time']:+.1%}" if took else ""
        yield [name, shown[0], f"{real[1]:.2f} GB", f"{off['memory']:+.1%}", shown[1], f"{real[0]:.3f} s", last]


def main() -> None:
    """Read the command line, measure, print."""
    words = parser(__doc__, "one repetition, 2,048 tokens")
    words.add_argument("--dry", action="store_true", help="a tiny shape on the CPU: does the code run")
    words.add_argument("--out", type=Path, help="file for the Markdown")
    asked = words.parse_args()
    if not asked.dry and not torch.cuda.is_available():
        sys.exit("no GPU is seen: --dry runs the same code on the CPU")
    place = Place(asked.dry, repeats=1 if asked.dry or asked.quick else 5)
    length = 64 if asked.dry else 2048 if asked.quick else 8192
    said = report(place, TINY if asked.dry else LLAMA3_8B, length, Page(asked.out))
    last_line({"device": place.name, "dry": asked.dry, "tokens": length}, **said)


if __name__ == "__main__":
    main()
