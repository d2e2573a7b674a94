"""How much memory a training step takes at its peak, from a model's shape and a run's settings: arithmetic alone.

What PyTorch holds was counted tensor by tensor on transformers' Llama: LoRA and full, float32 and bfloat16 under
autocast, with and without checkpointing. tests/contract/test_estimate.py counts it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agentswift.engine.activations import backward, kept_by_layer, last_norm
from agentswift.engine.architecture import HEADS, Shape
from agentswift.engine.step import Batch, Settings

GB = 1e9
ROUGH = 0.15  # the margin that is said and planned with: held by whole steps counted in tests, by runs on a CPU alone
HEAD_BUFFER = 256 << 20  # bytes of the logits that our loss holds at a time, as in engine/loss_torch.py
SWIFT_LOGIT = 12  # bytes a logit of ms-swift's loss in any type: log-softmax, its gradient, the logits' gradient
# On a CPU the resident peak is more than the tensors. Both figures are fitted, not counted: to three LoRA runs of
# SmolLM2 in float32 (353, 768 tokens; 4 rows of 350). benchmarks/estimate.py holds them against six (docs/compute.md).
CPU_MALLOC = 0.35  # what malloc holds beyond activations and head, by their bytes
CPU_PROCESS = 0.75 * GB  # torch, transformers, ms-swift in memory, and what malloc keeps back
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
    state = _state(shape, settings)
    most = max(_moments(shape, settings, batch, state["gradients"]), key=lambda parts: sum(parts.values()))
    slack = 0.0 if settings.on_gpu else CPU_MALLOC * (most["activations"] + most["head"])
    return Memory({**state, **most, "process": _process(settings), "allocator": slack}, _host(shape, settings))


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
        gradients = size * ((0.0 if offloaded else count / ranks) + min(count, _ZERO2_BUCKETS))
        return {"weights": base + size * count, "gradients": gradients, "optimizer": optimizer}
    if sharding == "fsdp2":
        gathered = 2 * size * max(shape.layer, shape.outer)  # the layer at work and the next; embedding and head
        return {"weights": base / ranks + gathered, "gradients": 4 * count / ranks, "optimizer": optimizer}
    gathered = size * min(shape.parameters, _ZERO3_LIVE)
    whole = 0.0 if offloaded else (base + size * count) / ranks
    gradients = 0.0 if offloaded else size * count / ranks
    return {"weights": whole + gathered, "gradients": gradients, "optimizer": optimizer}


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
        return CPU_PROCESS
    return (0.6 if settings.ranks == 1 else 1.5) * GB  # CUDA's context; and NCCL's buffers


def _moments(shape: Shape, settings: Settings, batch: Batch, gradients: float) -> Iterator[dict[str, float]]:
    """Yield the bytes of gradients, activations and head at the moments that may be the peak.

    They are the loss or the last layer's backward, the first layer's, and the optimizer's step. Where a step is one
    batch on one device, gradients grow while activations shrink and are gone before the next batch; else they stay.
    """
    once = settings.accumulation == 1 and settings.ranks == 1 and settings.sharding == "ddp"
    head, a_layer = _head(shape, settings, batch), gradients / shape.layers
    layer, passing = kept_by_layer(shape, settings, batch), backward(shape, settings, batch)
    again, inputs = layer + passing, batch.tokens * shape.hidden * settings.size  # of one layer
    held = last_norm(shape, settings, batch) + shape.layers * (inputs if settings.checkpointing else layer)
    extra = max(0.0, (again if settings.checkpointing else passing) - head)
    yield {"gradients": a_layer if once else gradients, "activations": held + extra, "head": head}
    if once:
        first = again + (inputs if settings.checkpointing else 0.0)
        yield {"gradients": gradients - a_layer, "activations": first, "head": 0.0}
        yield {"gradients": gradients, "activations": 0.0, "head": 0.0}


def _head(shape: Shape, settings: Settings, batch: Batch) -> float:
    """Return the bytes of the loss: logits and what is made of them."""
    kept, size = batch.kept, settings.size
    is_trained = settings.tuner == "full" or "lm_head" in {*settings.saved, *settings.targets}
    hidden = 2 * kept * shape.hidden * size  # of the trained tokens, and its gradient
    if settings.backend == "swift":
        every = kept if batch.rows == 1 else batch.tokens  # ms-swift cuts to one suffix for all rows
        return hidden + every * shape.vocab * SWIFT_LOGIT
    buffer = min(HEAD_BUFFER, kept * shape.vocab * 4)
    return hidden + 2.5 * buffer + (8 * shape.head if is_trained else 0)
