"""What a layer keeps for its backward pass, and what the backward itself holds: bytes, counted tensor by tensor."""

from agentswift.engine.architecture import Shape
from agentswift.engine.step import Batch, Settings


def kept_by_layer(shape: Shape, settings: Settings, batch: Batch) -> float:
    """Return the bytes that one layer keeps."""
    a_token = _norms(shape, settings) + _attention(shape, settings, batch) + _mlp(shape, settings)
    return batch.tokens * (a_token + _inputs(shape, settings)) + _scores(shape, settings, batch)


def last_norm(shape: Shape, settings: Settings, batch: Batch) -> float:
    """Return the bytes outside the layers: the last norm, and its output."""
    normed = shape.hidden * settings.size if settings.tuner == "full" else 0
    return float(batch.tokens * (4 * shape.hidden + normed + shape.hidden * settings.size))


def backward(shape: Shape, settings: Settings, batch: Batch) -> float:
    """Return the bytes of gradients in flight, greatest in the MLP; adapters in float32 are cast on the way."""
    size = settings.size
    cast = 6 * shape.inner if settings.tuner == "lora" and size == 2 else 0
    return float(batch.tokens * ((size * shape.inner + cast) * shape.experts_used + 2 * size * shape.hidden))


def _norms(shape: Shape, settings: Settings) -> float:
    """Both norms compute in float32; their outputs are kept once more where their weights are trained."""
    heads = 4 * (shape.query + shape.key) if shape.norms_heads else 0
    normed = 2 * settings.size * shape.hidden if settings.tuner == "full" else 0
    return 8 * shape.hidden + 8 + normed + heads


def _attention(shape: Shape, settings: Settings, batch: Batch) -> float:
    """Query, key, value and output; with a mask sdpa repeats keys and values for every query head."""
    keys = shape.query if _has_mask(settings, batch) or settings.attention == "eager" else shape.key
    return settings.size * (2 * shape.query + 2 * keys) + 4 * shape.heads


def _scores(shape: Shape, settings: Settings, batch: Batch) -> float:
    """Return the bytes that grow with length squared: a mask, and eager attention's scores."""
    tokens = batch.tokens if batch.is_packed else batch.length  # packed rows stand in one
    square = float(tokens * tokens * (1 if batch.is_packed else batch.rows))
    if settings.attention == "eager":
        return square * shape.heads * (settings.size + (4 if settings.size == 2 else 0))
    return square * settings.size if _has_mask(settings, batch) else 0.0


def _has_mask(settings: Settings, batch: Batch) -> bool:
    return settings.attention == "sdpa" and (batch.is_packed or batch.is_padded)


def _mlp(shape: Shape, settings: Settings) -> float:
    """Gate, its activation, up; or up and its activation."""
    return (3 if shape.is_gated else 2) * settings.size * shape.inner * shape.experts_used


def _inputs(shape: Shape, settings: Settings) -> float:
    """Inputs of the matrices: shared where weights are trained, a copy each where adapters cast or drop them."""
    size, sizes = settings.size, shape.linear
    if settings.tuner == "full":
        return size * (2 * shape.hidden + shape.inner * shape.experts_used)
    targets = shape.adapted(settings.targets)
    low = settings.rank * size * len(targets)
    made = sum(sizes[name][1] for name in targets) * size if settings.is_dora else 0
    if size == 2 or settings.dropout:
        mask = (1 if settings.on_gpu else 4) if settings.dropout else 0
        return low + made + sum(sizes[name][0] * (size + mask) for name in targets)
    shared = {"q_proj": "a", "k_proj": "a", "v_proj": "a", "gate_proj": "m", "up_proj": "m", "down_proj": "d"}
    once = {shared[name]: sizes[name][0] for name in targets if name in shared}  # o_proj's is attention's output
    return low + made + size * sum(once.values())
