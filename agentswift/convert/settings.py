"""What an argument of ms-swift becomes here: a key, an option of a group, or nothing, and then why."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from agentswift.cards import Cards
from agentswift.schema.runs import Train

# Arguments that are keys here under another name; those of the same name are found by their own.
KEYS = {
    "model": "model.model",
    "model_id_or_path": "model.model",
    "model_type": "model.model_type",
    "template": "model.template",
    "torch_dtype": "model.torch_dtype",
    "attn_impl": "model.attn_impl",
    "model_revision": "model.revision",
    "lora_rank": "tuner.lora_rank",
    "lora_alpha": "tuner.lora_alpha",
    "lora_dropout": "tuner.lora_dropout",
    "lora_dropout_p": "tuner.lora_dropout",
    "target_modules": "tuner.target_modules",
    "modules_to_save": "tuner.modules_to_save",
    "lora_modules_to_save": "tuner.modules_to_save",
    "use_dora": "tuner.use_dora",
    "quant_method": "tuner.quant_method",
    "quant_bits": "tuner.quant_bits",
    "gradient_checkpointing": "compute.gradient_checkpointing",
    "ddp_backend": "compute.ddp_backend",
    "use_cpu": "compute.use_cpu",
    "nproc_per_node": "launch.nproc_per_node",
    "system": "data.system",
    "model_name": "data.model_name",
    "model_author": "data.model_author",
    "split_dataset_ratio": "split",
    "dataset_test_ratio": "split",
    "batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
    "max_epochs": "num_train_epochs",
}
_OWN = {
    "model",
    "template",
    "data",
    "loss_scale",
    "tuner",
    "compute",
    "launch",
    "extra",
    "registry",
    "dry_run",
    "probe",
    "hub",
}
SAME = frozenset(get_type_hints(Train)) - _OWN  # keys of a run that are ms-swift's arguments


@dataclass
class Settings:
    """An experiment while it is made: options by group, values by dotted key, and what each argument became."""

    options: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)  # argument, what it became
    lost: list[tuple[str, str]] = field(default_factory=list)  # argument, why it has no counterpart

    def put(self, argument: str, key: str, value: Any) -> None:
        """Set a key to a value, of the key's own type. A value that is not of that type is lost."""
        try:
            self.values[key] = typed(key, value)
        except (TypeError, ValueError):
            self.lost.append((argument, f"{value!r} is no value of {key}"))
            return
        self.said.append((argument, f"{key}: {self.values[key]}"))

    def choose(self, argument: str, group: str, option: str) -> None:
        """Choose an option of a group."""
        self.options[group] = option
        self.said.append((argument, f"{group}={option}"))


@dataclass(frozen=True)
class House:
    """What is asked of the house: its cards, the options of a group, and why an argument cannot be in `extra`."""

    cards: Cards
    options: Callable[[str], Sequence[str]]
    why_not: Callable[[str], str]


def typed(key: str, value: Any) -> Any:
    """Return `value`, text or not, as the type that a key of Train has. Raises ValueError or TypeError."""
    kind = _kind(key)
    if get_origin(kind) is list:
        return [str(item) for item in (value if isinstance(value, list) else str(value).split())]
    if kind is bool:
        return truth(value)
    if kind is int and isinstance(value, float) and value != int(value):
        raise ValueError(value)
    return kind(float(value)) if kind is int else kind(value)


def truth(value: Any) -> bool:
    """Return what a command line's word says. Raises ValueError for a word that says neither."""
    word = str(value).lower()
    if word not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError(value)
    return word in ("true", "1", "yes")


@cache
def _kind(key: str) -> Any:
    group, _, leaf = key.rpartition(".")
    shape = get_type_hints(Train)[group] if group else Train
    kind = get_type_hints(shape)[leaf]
    rest = [k for k in get_args(kind) if k is not type(None)]
    return rest[0] if len(rest) == 1 and get_origin(kind) is not list else kind


def scalar(value: Any) -> Any:
    """Return a command line's word as the number, truth, object or text that it is; other values as they are."""
    if not isinstance(value, str):
        return value
    for read in (int, float, json.loads):
        try:
            return read(value)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(value.lower(), value)
