"""A run, its model's config.json and its encoded rows → the figures of its outlook."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from agentswift.engine.architecture import Shape
from agentswift.engine.arguments import is_padding_free
from agentswift.engine.devices import cpu, gpus
from agentswift.engine.estimate import memory
from agentswift.engine.outlook import Outlook
from agentswift.engine.pace import Work
from agentswift.engine.prepare import Prepared
from agentswift.engine.step import Batch, Settings, Sharding
from agentswift.schema.groups import LossBackend
from agentswift.schema.runs import Train
from agentswift.weights import Scale

_LONGEST, _SAMPLED = 32, 256  # rows whose trained tokens are counted


def outlook(run: Train, folder: Path, prepared: Prepared, steps: int, dtype: str, use_cpu: bool) -> Outlook:
    """Return the figures of a run of `steps` that trains the rows chosen in `prepared` on a model in `folder`.

    Raises ModelError where the model's config.json does not say its shape.
    """
    shape = Shape.of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    settings = settings_of(run, dtype, use_cpu)
    lengths = prepared.encodings.lengths[prepared.train]
    share, longest = _trained_share(prepared, lengths, Scale.of(run.loss_scale))
    rows = run.per_device_train_batch_size
    if run.packing:
        batch = Batch(rows, run.max_length, round(rows * run.max_length * share), is_packed=True)
        an_epoch = Work(lengths.sum() / 0.98, lengths.sum() * share, rows * run.max_length)
        sequences = float(np.ceil(lengths.sum() / (0.98 * run.max_length)))
    else:
        is_padded = rows > 1 and not is_padding_free(run)
        batch = Batch(rows, int(lengths.max()), rows * longest, is_padded=is_padded)
        padded = _padded(lengths, rows) if is_padded else lengths
        span = float((padded.astype(float) ** 2).sum() / padded.sum()) / 2
        an_epoch = Work(float(padded.sum()) * (rows if is_padded else 1), float(lengths.sum()) * share, span)
        sequences = float(len(lengths))
    a_step = rows * settings.ranks * run.gradient_accumulation_steps
    epochs = steps * a_step / max(1.0, sequences)
    work = Work(an_epoch.tokens * epochs, an_epoch.kept * epochs, an_epoch.span)
    devices = [cpu()] if use_cpu else gpus(dtype)
    return Outlook(settings, shape, batch, memory(shape, settings, batch), work, steps, devices)


def settings_of(run: Train, dtype: str, use_cpu: bool) -> Settings:
    """Return what memory and time hang on, of a run."""
    tuner, attention = run.tuner, run.model.attn_impl or "sdpa"
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
        backend="swift" if run.loss.backend is LossBackend.swift else "torch",
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


def _trained_share(prepared: Prepared, lengths: Any, scale: Scale) -> tuple[float, int]:
    """Return the share of tokens that are trained, of a sample, and the most of one of the longest rows."""
    order = np.argsort(-lengths, kind="stable")
    sample = order[:: max(1, len(order) // _SAMPLED)]
    trained = {int(at): _trained(prepared, prepared.train[at], scale) for at in {*order[:_LONGEST], *sample}}
    share = sum(trained[int(at)] for at in sample) / max(1, int(lengths[sample].sum()))
    return share, max(trained[int(at)] for at in order[:_LONGEST])


def _trained(prepared: Prepared, row: int, scale: Scale) -> int:
    """Return the tokens of a row that weigh something, at either end of a schedule."""
    spans, dataset = prepared.encodings.spans(row), prepared.datasets[row]
    both = (
        [scale.table(spans, dataset), scale.table(spans, dataset, end=True)]
        if scale.is_scheduled
        else [scale.table(spans, dataset)]
    )
    weighs = np.array([any(weights) for weights in zip(*both, strict=True)])
    return int(weighs[prepared.encodings.span_ids(row)[1:]].sum())
