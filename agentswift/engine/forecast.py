"""A run, its model's config.json and its encoded rows → peak memory and hours to the end, and how that is said."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from agentswift.engine.architecture import Shape
from agentswift.engine.cache import Encodings
from agentswift.engine.devices import Device, cpu, gpus
from agentswift.engine.estimate import GB, ROUGH, Memory, memory
from agentswift.engine.pace import Work, operations
from agentswift.engine.step import Batch, Settings, Sharding
from agentswift.schema.runs import Train
from agentswift.weights import field_weight

_LONGEST, _SAMPLED = 32, 256  # rows whose trained tokens are counted


@dataclass(frozen=True)
class Measured:
    """What a probe found: real steps of the run."""

    tokens_per_s: float  # of a rank
    peak: float  # bytes of a rank


@dataclass(frozen=True)
class Forecast:
    """The figures of a run before it starts."""

    settings: Settings
    shape: Shape
    batch: Batch  # the one that takes most
    memory: Memory
    work: Work  # of the whole run, on all ranks
    steps: int
    devices: list[Device]  # what it would run on; none: no GPU is seen

    def seconds(self, tokens_per_s: float | None = None) -> float | None:
        """Return how long the steps take, at a rank's tokens a second or at the devices' pace; None: unknown."""
        if tokens_per_s is not None:
            return self.work.tokens / (tokens_per_s * self.settings.ranks)
        paces = [device.pace for device in self.devices]
        if not paces or paces[0] is None:
            return None
        devices = self.settings.ranks if self.settings.on_gpu else 1  # ranks on a CPU share it
        return operations(self.shape, self.settings, self.work) / (paces[0] * devices)

    def text(self, measured: Measured | None = None) -> str:
        """Return what `dry_run` prints of it: memory and its parts, whether that fits, time and where it comes from."""
        return "\n".join([self._memory(), self._fits(), self._time(measured)])

    def _memory(self) -> str:
        parts = ", ".join(f"{name} {_gb(size)}" for name, size in self.memory.parts.items() if size >= 0.005 * GB)
        host = f"; and {_gb(self.memory.host)} GB of CPU memory" if self.memory.host else ""
        batch = f"{self.batch.rows} x {self.batch.length} tokens, {self.batch.kept} of them trained"
        rough = f"within {100 * ROUGH:.0f} %"
        return f"memory: about {_gb(self.memory.total)} GB a rank at its peak ({rough}): {parts}{host} (batch: {batch})"

    def _fits(self) -> str:
        ranks, total = self.settings.ranks, self.memory.total
        if not self.devices:
            return "devices: no GPU is seen here (docs/compute.md: which GPU holds what)"
        if self.settings.on_gpu and len(self.devices) < ranks:
            return f"devices: launch.nproc_per_node={ranks}, but {len(self.devices)} GPU is all that is seen here"
        room = min(device.memory for device in self.devices) / (1 if self.settings.on_gpu else ranks)
        name = self.devices[0].name
        if total > room:
            less = "compute.gradient_checkpointing=true, a smaller max_length or batch, tuner=qlora, more GPUs with compute=zero3"
            return f"devices: it does NOT fit {name}, {_gb(room)} GB a rank. Less memory: {less}"
        close = " but closely" if total * (1 + ROUGH) > room else ""
        return f"devices: it fits{close}: {name}, {_gb(room)} GB a rank"

    def _time(self, measured: Measured | None) -> str:
        took = self.seconds(measured.tokens_per_s if measured else None)
        work = f"time: {self.steps} steps, {self.work.tokens:,.0f} tokens computed, {self.work.kept:,.0f} trained"
        if took is None:
            return f"{work}; this device's speed is not known: probe=true times real steps"
        rate = f"{self.work.tokens / took:,.0f} tokens/s"
        if measured is not None:
            return f"{work}: {_hours(took)} at {rate}, as a probe of real steps measured (peak then {_gb(measured.peak)} GB)"
        source = "assumed from the GPU's data sheet" if self.settings.on_gpu else "assumed from a matrix product timed here"
        return f"{work}: about {_hours(took)} at {rate}, {source}; probe=true times real steps"


def forecast(
    run: Train, folder: Path, encodings: Encodings, train: Sequence[int], steps: int, dtype: str, use_cpu: bool
) -> Forecast:
    """Return the figures of a run that trains rows `train` of `encodings` in each epoch.

    Raises ModelError where the model's config.json does not say its shape.
    """
    shape = Shape.of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    settings = settings_of(run, dtype, use_cpu)
    lengths = encodings.lengths[list(train)]
    share, longest = _trained_share(encodings, train, lengths, dict(run.loss_scale.fields))
    rows = run.per_device_train_batch_size
    if run.packing:
        batch = Batch(rows, run.max_length, round(rows * run.max_length * share), is_packed=True)
        an_epoch = Work(lengths.sum() / 0.98, lengths.sum() * share, rows * run.max_length)
        sequences = float(np.ceil(lengths.sum() / (0.98 * run.max_length)))
    else:
        batch = Batch(rows, int(lengths.max()), rows * longest, is_padded=rows > 1)
        padded = _padded(lengths, rows)
        span = float((padded.astype(float) ** 2).sum() / padded.sum()) / 2
        an_epoch = Work(float(padded.sum()) * rows, float(lengths.sum()) * share, span)
        sequences = float(len(lengths))
    a_step = rows * settings.ranks * run.gradient_accumulation_steps
    epochs = steps * a_step / max(1.0, sequences)
    work = Work(an_epoch.tokens * epochs, an_epoch.kept * epochs, an_epoch.span)
    devices = [cpu()] if use_cpu else gpus()
    return Forecast(settings, shape, batch, memory(shape, settings, batch), work, steps, devices)


def settings_of(run: Train, dtype: str, use_cpu: bool) -> Settings:
    """Return what memory and time hang on, of a run."""
    tuner, attention = run.tuner, run.model.attn_impl or "sdpa"
    backend = getattr(getattr(run, "loss", None), "backend", "auto")
    return Settings(
        tuner=tuner.tuner_type.value,
        rank=tuner.lora_rank,
        targets=tuple(tuner.target_modules),
        saved=tuple(tuner.modules_to_save),
        dropout=tuner.lora_dropout,
        is_dora=tuner.use_dora,
        quant_bits=tuner.quant_bits or 0,
        dtype=dtype,
        attention=attention,
        checkpointing=run.compute.gradient_checkpointing or run.compute.fsdp == "fsdp2",  # which checkpoints by itself
        accumulation=run.gradient_accumulation_steps,
        backend="swift" if str(getattr(backend, "value", backend)) == "swift" else "torch",
        sharding=_sharding(run.compute.deepspeed, run.compute.fsdp),
        ranks=run.launch.nproc_per_node,
        on_gpu=not use_cpu,
    )


def _sharding(deepspeed: str | None, fsdp: str | None) -> Sharding:
    """Return how weights are spread: by ms-swift's names, or as a DeepSpeed file says."""
    if fsdp:
        return "fsdp2"
    if deepspeed is None or deepspeed == "zero0":
        return "ddp"
    if not Path(deepspeed).is_file():
        name = deepspeed.replace("zero1", "zero2")
        return cast("Sharding", name) if name in ("zero2", "zero3", "zero2_offload", "zero3_offload") else "zero2"
    zero: Mapping[str, Any] = json.loads(Path(deepspeed).read_text(encoding="utf-8")).get("zero_optimization", {})
    stage = "zero3" if zero.get("stage") == 3 else "zero2"
    offloads = zero.get("offload_optimizer", {}).get("device", "none") != "none"
    return cast("Sharding", f"{stage}_offload" if offloads else stage)


def _padded(lengths: Any, rows: int) -> Any:
    """Return the length of each batch of `rows` in order: that of its longest row."""
    count = -(-len(lengths) // rows)
    whole = np.zeros(count * rows, lengths.dtype)
    whole[: len(lengths)] = lengths
    return whole.reshape(count, rows).max(1)


def _trained_share(
    encodings: Encodings, train: Sequence[int], lengths: Any, fields: Mapping[str, float]
) -> tuple[float, int]:
    """Return the share of tokens that are trained, of a sample, and the most of one of the longest rows."""
    order = np.argsort(-lengths, kind="stable")
    sample = order[:: max(1, len(order) // _SAMPLED)]
    trained = {int(at): _trained(encodings, train[int(at)], fields) for at in {*order[:_LONGEST], *sample}}
    share = sum(trained[int(at)] for at in sample) / max(1, int(lengths[sample].sum()))
    return share, max(trained[int(at)] for at in order[:_LONGEST])


def _trained(encodings: Encodings, row: int, fields: Mapping[str, float]) -> int:
    table = np.array([field_weight(s.field, fields) * s.weight > 0 for s in encodings.spans(row)] + [False])
    return int(table[encodings.span_ids(row)[1:]].sum())


def _gb(size: float) -> str:
    return f"{size / GB:.1f}" if size >= 10 * GB else f"{size / GB:.2f}"


def _hours(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
