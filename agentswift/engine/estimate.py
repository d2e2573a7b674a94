"""How much memory a training step takes at its peak, from a model's shape and a run's settings: arithmetic alone.

What PyTorch keeps for the backward pass was counted tensor by tensor on transformers' Llama (LoRA and full, float32
and bfloat16, with and without checkpointing); tests count it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentswift.engine.activations import backward, kept_by_layer, last_norm
from agentswift.engine.architecture import HEADS, Shape
from agentswift.engine.step import Batch, Settings

GB = 1e9
ROUGH = 0.15  # how far off a sum may be: measured, docs/compute.md
HEAD_BUFFER = 256 << 20  # bytes of the logits that our loss holds at a time, as in engine/loss_torch.py
_MALLOC = 0.35  # what a CPU's malloc holds beyond activations and head, by their bytes: fitted to measured runs
_ADAM = 2  # numbers kept a trained weight
_MASTER = 12  # bytes a trained weight of DeepSpeed and FSDP: float32 weight and AdamW's two numbers
_ZERO2_BUCKETS, _ZERO3_LIVE = 2 * 2 * 10**8, 10**9  # weights; ms-swift's config/zero2.json, zero3.json


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak, part by part."""

    parts: Mapping[str, float] = field(default_factory=dict)
    host: float = 0.0  # CPU memory a rank, of what is offloaded

    @property
    def total(self) -> float:
        """Bytes at the peak, on the device of a rank."""
        return sum(self.parts.values())


def memory(shape: Shape, settings: Settings, batch: Batch) -> Memory:
    """Return a rank's peak memory over an optimizer step, the second or a later one."""
    state, work = _state(shape, settings), _work(shape, settings, batch)
    once = settings.accumulation == 1 and settings.ranks == 1 and settings.sharding == "ddp"
    if once:  # gradients grow while activations shrink, and are gone before the next batch
        if state["gradients"] >= sum(work.values()):
            work = dict.fromkeys(work, 0.0)
        else:
            state["gradients"] /= shape.layers
    slack = 0.0 if settings.on_gpu else _MALLOC * sum(work.values())
    return Memory({**state, **work, "process": _process(settings), "allocator": slack}, _host(shape, settings))


def trained(shape: Shape, settings: Settings) -> int:
    """Return how many weights are trained."""
    if settings.tuner == "full":
        return shape.parameters
    magnitudes = sum(shape.linear[n][1] for n in shape.adapted(settings.targets)) * shape.layers
    whole = len({name.rpartition(".")[2] for name in settings.saved} & HEADS) * shape.head
    return shape.adapter(settings.targets, settings.rank) + whole + (magnitudes if settings.is_dora else 0)


def _state(shape: Shape, settings: Settings) -> dict[str, float]:
    """Return the bytes of weights, gradients and optimizer that stay on a rank's device."""
    count, ranks, size = trained(shape, settings), settings.ranks, settings.size
    own = size if settings.tuner == "full" else 4  # bytes of a trained weight: PEFT makes adapters float32
    base = 0.0 if settings.tuner == "full" else _base(shape, settings)
    sharding = settings.sharding
    if sharding == "ddp":
        buckets = count * own if ranks > 1 else 0  # in which gradients are averaged
        return {"weights": base + count * own, "gradients": count * own + buckets, "optimizer": _ADAM * count * own}
    offloaded = sharding.endswith("offload")
    optimizer = 0.0 if offloaded else _MASTER * count / ranks
    if sharding.startswith("zero2"):
        gradients = size * (count / ranks + min(count, _ZERO2_BUCKETS))
        return {"weights": base + size * count, "gradients": gradients, "optimizer": optimizer}
    if sharding == "fsdp2":
        gathered = 2 * size * max(shape.layer, shape.outer)  # the layer at work and the next; embedding and head
        return {"weights": base / ranks + gathered, "gradients": 4 * count / ranks, "optimizer": optimizer}
    gathered = size * min(shape.parameters, _ZERO3_LIVE)
    whole = 0.0 if offloaded else (base + size * count) / ranks
    return {"weights": whole + gathered, "gradients": size * count / ranks, "optimizer": optimizer}


def _base(shape: Shape, settings: Settings) -> float:
    """Return the bytes of the frozen model: quantised matrices, the rest as it is."""
    inside = shape.layers * shape.layer
    if not settings.quant_bits:
        return float(settings.size * shape.parameters)
    # 4 bits: nf4 and 0.127 bits of doubly quantised scales a weight; and one matrix at a time made whole again.
    packed = 4.127 / 8 if settings.quant_bits == 4 else 1.0
    return inside * packed + settings.size * (shape.outer + shape.matrix)


def _host(shape: Shape, settings: Settings) -> float:
    """Return the bytes of CPU memory that offloading takes a rank."""
    if not settings.sharding.endswith("offload"):
        return 0.0
    count = trained(shape, settings)
    weights = settings.size * shape.parameters if settings.sharding.startswith("zero3") else 0
    return (weights + (_MASTER + settings.size) * count) / settings.ranks


def _process(settings: Settings) -> float:
    """Return the bytes that Python, the libraries and the device's own runtime take."""
    if not settings.on_gpu:
        return 0.75 * GB  # torch, transformers, ms-swift in memory, and what malloc keeps back
    return (0.6 if settings.ranks == 1 else 1.5) * GB  # CUDA's context; and NCCL's buffers


def _work(shape: Shape, settings: Settings, batch: Batch) -> dict[str, float]:
    """Return the bytes of activations and of the head at the greater of two moments: the loss, a layer's backward."""
    layer, passing = kept_by_layer(shape, settings, batch), backward(shape, settings, batch)
    outside = last_norm(shape, settings, batch)
    head = _head(shape, settings, batch)
    if settings.checkpointing:
        held = outside + shape.layers * batch.tokens * shape.hidden * settings.size
        again = layer + passing  # a layer computed once more, and its backward
        return {"activations": held + max(0.0, again - head), "head": head}
    held = outside + shape.layers * layer
    return {"activations": held + max(0.0, passing - head), "head": head}


def _head(shape: Shape, settings: Settings, batch: Batch) -> float:
    """Return the bytes of the loss: logits and what is made of them."""
    kept, size = batch.kept, settings.size
    is_trained = settings.tuner == "full" or "lm_head" in {*settings.saved, *settings.targets}
    hidden = 2 * kept * shape.hidden * size  # of the trained tokens, and its gradient
    if settings.backend == "swift":
        every = kept if batch.rows == 1 else batch.tokens  # ms-swift cuts to one suffix for all rows
        # The logits, in float32 again, their log-softmax, its gradient, and that in the model's type.
        return hidden + every * shape.vocab * (12 if size == 4 else 16)
    buffer = min(HEAD_BUFFER, kept * shape.vocab * 4)
    return hidden + 2.5 * buffer + (8 * shape.head if is_trained else 0)
