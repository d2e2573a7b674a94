"""What an estimate is asked about: the batch of a rank, and the settings that its memory and time hang on."""

from dataclasses import dataclass
from typing import Literal

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
Sharding = Literal["ddp", "zero2", "zero3", "zero2_offload", "zero3_offload", "fsdp2"]


@dataclass(frozen=True)
class Batch:
    """What a rank computes at once, of the batch that takes most."""

    rows: int
    length: int  # tokens a row, padding too
    kept: int  # tokens that are trained, of all rows
    is_packed: bool = False
    is_padded: bool = False  # rows of several lengths, so that attention needs a mask

    @property
    def tokens(self) -> int:
        """Tokens computed."""
        return self.rows * self.length


@dataclass(frozen=True)
class Settings:
    """All else that memory hangs on; names are those of the run's keys."""

    tuner: Literal["lora", "full"] = "lora"
    rank: int = 8
    targets: tuple[str, ...] = ("all-linear",)
    saved: tuple[str, ...] = ()  # modules_to_save
    dropout: float = 0.0
    is_dora: bool = False
    quant_bits: int = 0  # 4, 8; 0: not quantised
    dtype: str = "bfloat16"
    attention: str = "sdpa"  # sdpa, eager; else: flash attention, which needs no mask
    checkpointing: bool = True
    accumulation: int = 1  # batches an optimizer step
    backend: str = "torch"  # of the loss; "swift": logits of every trained token at once
    sharding: Sharding = "ddp"
    ranks: int = 1
    on_gpu: bool = True

    @property
    def size(self) -> int:
        """Bytes of a number of the model."""
        return BYTES.get(self.dtype, 2)
