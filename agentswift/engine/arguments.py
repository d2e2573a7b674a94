"""A run → ms-swift's own arguments, as one would type them after `swift sft`."""

import json
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import Any

from agentswift.engine.dtype import default_dtype
from agentswift.engine.prepare import Prepared, Spoken
from agentswift.schema.runs import Train

# Ours are fixed: no hub is asked and no pickle looked for in a model's folder (check_model), a checkpoint's args.json
# is never read back (load_args), a bad row is an error, and output_dir is the run's folder itself (add_version).
_FIXED: dict[str, Any] = {
    "check_model": False,
    "load_args": False,
    "strict": True,
    "lazy_tokenize": False,
    "add_version": False,
    "ddp_timeout": 1800,
    "dataloader_num_workers": 0,  # rows come from a mapped file: a worker process would cost more than it saves
    "save_only_model": False,
    "metric_for_best_model": "loss",
    "greater_is_better": False,
    "load_best_model_at_end": False,
    "logging_nan_inf_filter": False,
}
_SAME = (  # keys of Train that are ms-swift's arguments under the same name
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "lr_scheduler_type",
    "logging_steps",
    "eval_steps",
    "save_steps",
    "save_total_limit",
    "packing",
    "seed",
)


def arguments(run: Train, model: Spoken, prepared: Prepared, use_cpu: bool) -> dict[str, Any]:
    """Return ms-swift's arguments by name; a later one wins: ours, the run's, then `extra`."""
    dtype = run.model.torch_dtype or default_dtype(use_cpu)
    named: dict[str, Any] = {
        "model": str(model.folder),
        "model_type": model.model_type,
        "template": model.chat_template,
        "agent_template": None,  # the text is written before ms-swift sees it
        "torch_dtype": dtype,
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",  # ms-swift sets fp16 for float32 otherwise (ENGINE T17)
        "attn_impl": run.model.attn_impl,
        "cached_dataset": str(prepared.encodings.file),
        "cached_val_dataset": str(prepared.encodings.file) if prepared.val else None,
        "output_dir": run.output_dir,
        "eval_strategy": "steps" if prepared.val else "no",
        "save_strategy": "steps",
        "data_seed": run.seed,
        "report_to": "tensorboard",
        **_FIXED,
        **{name: getattr(run, name) for name in _SAME},
        "padding_free": is_padding_free(run),
        **_tuner(run),
        **_compute(run, use_cpu),
    }
    return {**{k: v for k, v in named.items() if v is not None}, **run.extra}


def is_padding_free(run: Train) -> bool:
    """Whether the rows of a batch are laid end to end, if the model keeps them apart; unasked, not for eager's sake.

    Eager attention holds every pair of tokens of a batch, end to end as many times more as there are rows.
    """
    asked = run.padding_free
    if asked is None:
        asked = run.per_device_train_batch_size > 1 and run.model.attn_impl != "eager"
    return asked or run.packing


def _tuner(run: Train) -> dict[str, Any]:
    named = {k: v for k, v in asdict(run.tuner).items() if v not in (None, [])}
    named["tuner_type"] = run.tuner.tuner_type.value
    if named["tuner_type"] == "full":
        return {"tuner_type": "full"}
    if named.get("quant_bits"):
        named |= {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
    return named


def _compute(run: Train, use_cpu: bool) -> dict[str, Any]:
    named: dict[str, Any] = {
        "use_cpu": use_cpu,  # without it ranks on a CPU never synchronise (ENGINE T6)
        "deepspeed": run.compute.deepspeed,
        "fsdp": run.compute.fsdp,
        "gradient_checkpointing": run.compute.gradient_checkpointing,
    }
    if run.launch.nproc_per_node > 1:
        named["ddp_backend"] = run.compute.ddp_backend or ("gloo" if use_cpu else "nccl")
    return named


def argv(named: dict[str, Any]) -> list[str]:
    """Return arguments as words of a command line; lists become several words, mappings JSON."""
    words: list[str] = []
    for name, value in named.items():
        values = value if isinstance(value, list) else [value]
        words += [f"--{name}", *(_word(v) for v in values)]
    return words


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def steps(run: Train, sequences: int) -> int:
    """Return how many optimizer steps the run takes, of `sequences` an epoch: its rows, or what they are packed to."""
    per_step = run.per_device_train_batch_size * run.launch.nproc_per_node * run.gradient_accumulation_steps
    by_epochs = max(1, ceil(ceil(sequences / per_step) * run.num_train_epochs))
    return run.max_steps if run.max_steps > 0 else by_epochs


def sees_gpu() -> bool:
    """Whether an accelerator is there, told without importing torch: its device file."""
    return any(Path(p).exists() for p in ("/dev/nvidiactl", "/dev/kfd", "/dev/davinci_manager", "/dev/dxg"))
