"""The shape of each conf/ group: dataclasses without defaults; the values are in the YAML."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class TunerType(Enum):
    """ms-swift's `tuner_type`, as far as ours are tested."""

    lora = "lora"
    full = "full"


class Hub(Enum):
    """Where ids are looked up when they are no path on disk."""

    modelscope = "modelscope"
    huggingface = "huggingface"
    path = "path"  # never ask a hub


class Dedup(Enum):
    """What is done with a conversation that stands in the data a second time."""

    exact = "exact"
    none = "none"


@dataclass(kw_only=True)
class Model:
    """Which model: everything that is null is found out from the model's own files."""

    model: str = MISSING  # folder, hub id, or "smollm2" (the embedded one)
    model_type: str | None = MISSING  # ms-swift's; null: detected
    template: str | None = MISSING  # the chat template, ms-swift's name; null: detected
    torch_dtype: str | None = MISSING  # null: bfloat16 where the device computes in it, else float32
    attn_impl: str | None = MISSING
    revision: str | None = MISSING
    trust_remote_code: bool = MISSING  # true runs Python from the model's folder


@dataclass(kw_only=True)
class Template:
    """How tools, calls and observations become text."""

    agent_template: str = MISSING


@dataclass(kw_only=True)
class Data:
    """A mix: names of cards and their shares; or one file."""

    parts: dict[str, float] = MISSING  # dataset → share of its rows: 1.0 each row once, 2.0 twice, 0.1 a tenth
    rows: dict[str, int] = MISSING  # dataset → exact rows, instead of its share
    path: str | None = MISSING  # a file with no card; then `parts` is left aside
    format: str | None = MISSING  # its row layout; null: detected
    max_refused: int = MISSING  # rows; -1: any number
    dedup: Dedup = MISSING
    system: str | None = MISSING  # for conversations that have none
    model_name: list[str] = MISSING  # {{NAME}} of self-cognition rows: [zh, en] or one for both
    model_author: list[str] = MISSING  # {{AUTHOR}}


@dataclass(kw_only=True)
class LossScale:
    """Weights by field. A field not named weighs 1 where the model writes it, 0 elsewhere."""

    name: str = MISSING
    fields: dict[str, float] = MISSING  # field → weight ≥ 0


@dataclass(kw_only=True)
class Tuner:
    """What is trained."""

    tuner_type: TunerType = MISSING
    lora_rank: int = MISSING
    lora_alpha: int = MISSING
    lora_dropout: float = MISSING
    target_modules: list[str] = MISSING
    modules_to_save: list[str] = MISSING
    use_dora: bool = MISSING
    quant_method: str | None = MISSING  # bnb
    quant_bits: int | None = MISSING


@dataclass(kw_only=True)
class Compute:
    """What it is trained on."""

    use_cpu: bool = MISSING
    deepspeed: str | None = MISSING
    fsdp: str | None = MISSING
    gradient_checkpointing: bool = MISSING
    ddp_backend: str | None = MISSING


@dataclass(kw_only=True)
class Launch:
    """Which processes."""

    nproc_per_node: int = MISSING  # processes (ranks) on this machine
    threads: int | None = MISSING  # CPU threads a rank; null: cores / ranks
