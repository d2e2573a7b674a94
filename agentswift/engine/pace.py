"""How long training takes: the operations of a step, and how many a second a device does. No torch."""

import re
import time
from dataclasses import dataclass

from agentswift.engine.architecture import Shape
from agentswift.engine.estimate import trained
from agentswift.engine.step import Settings

# Operations a second in bfloat16, dense, with float32 sums, by the makers' data sheets; the first whose words
# a GPU's name has.
GPUS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H800": 989e12,
    "H20": 148e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "A10": 125e12,
    "A40": 150e12,
    "RTX 6000 Ada": 182e12,  # half of its 364: float32 sums run at half speed
    "RTX A6000": 77e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}
USED = 0.4  # share of a data sheet's figure that training reaches: assumed
# Share of a large matrix product's pace that a step reaches on a CPU: chosen by hand after runs of SmolLM2 on a busy
# machine; the last column of benchmarks/estimate.py tells how far off it is (docs/compute.md).
USED_CPU = 0.75


@dataclass(frozen=True)
class Work:
    """Tokens of one or many batches."""

    tokens: float  # computed, padding too
    kept: float  # trained
    span: float  # tokens that attention takes for a token: half its row, or a whole packed one where a mask cuts it


def operations(shape: Shape, settings: Settings, work: Work, *, recompute: bool = True, backward: bool = True) -> float:
    """Return the floating-point operations of `work`; without `recompute`, those that checkpointing repeats left out.

    A multiplication and an addition are two. A frozen matrix costs one pass forward, one backward; a trained one two.
    """
    layers = 2 * work.tokens * shape.layers * shape.active_layer
    attention = 4 * work.tokens * shape.layers * shape.query * work.span
    forward = layers + attention
    head = 2 * work.kept * shape.head
    if not backward:
        return forward + head
    again = forward if recompute and settings.checkpointing else 0.0
    full = settings.tuner == "full"
    own = 0.0 if full else 6.0 * trained(shape, settings) * work.tokens
    head_passes = 3 if full or "lm_head" in {*settings.saved, *settings.targets} else 2
    return forward + again + layers * (2 if full else 1) + 2 * attention + own + head_passes * head


def gpu_pace(name: str, dtype: str = "bfloat16") -> float | None:
    """Return the operations a second to expect of a GPU by its name; None where the table does not tell."""
    if dtype == "float32" or _has(name, "Laptop"):
        return None
    found = next((pace for known, pace in GPUS.items() if _has(name, known)), None)
    return None if found is None else USED * found


def _has(name: str, known: str) -> bool:
    return re.search(rf"\b{known}\b", name, re.IGNORECASE) is not None


def cpu_pace() -> float:
    """Return the operations a second to expect of this CPU in float32, from a matrix product timed here (0.1 s)."""
    import numpy as np

    size = 1024
    left = np.ones((size, size), np.float32)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        left @ left
        seconds.append(time.perf_counter() - start)
    return float(USED_CPU * 2 * size**3 / min(seconds))
