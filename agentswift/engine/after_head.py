"""What a model does to its logits after the head: a factor (Cohere, Granite), a soft cap (Gemma), or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

# Told apart by what becomes of these in place of logits.
PROBE = (0.0, 0.5, -2.0, 7.0, 31.0)


@dataclass(frozen=True)
class Transform:
    """One elementwise change of the logits; `factor` where it is a product, else None."""

    apply: Callable[[Tensor], Tensor]
    slope: float  # at 0
    factor: float | None
    same: bool = False  # the very tensor that the head returned comes out of the model


AS_IT_IS = Transform(lambda logits: logits, 1.0, 1.0, same=True)
COPIED = replace(AS_IT_IS, same=False)  # the same numbers in another tensor: a slice, a cast, another device


def known(config: Any) -> Iterator[Transform]:
    """Yield the changes that a model of this configuration may make."""
    yield AS_IT_IS
    config = config.get_text_config() if hasattr(config, "get_text_config") else config
    if cap := getattr(config, "final_logit_softcapping", None):
        yield Transform(lambda logits: torch.tanh(logits / cap) * cap, 1.0, None)
    for key in ("logit_scale", "logits_scaling"):
        if scale := getattr(config, key, None):
            yield _times(float(scale))
            yield _times(1 / float(scale))


def _times(factor: float) -> Transform:
    return Transform(lambda logits: logits * factor, factor, factor)


def told(probed: Tensor, config: Any) -> Transform | None:
    """Return the change that made `probed` of PROBE; None for one that is not known."""
    seen = probed.detach().float().flatten().cpu()
    sent = torch.tensor(PROBE)
    fits = (t for t in known(config) if seen.shape == sent.shape and torch.allclose(t.apply(sent), seen, rtol=1e-3))
    return next(fits, None)
