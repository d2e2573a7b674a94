"""Whether rows packed into one sequence see each other: asked of the very model, before it trains on packed rows.

flash attention, sdpa and eager keep rows apart by their positions alone (each row's begin at 0) in models written on
transformers' own masks. Models that carry a state along the sequence (Mamba, linear attention), and Python of a model's
own, may not: what comes before a row then changes what it learns, and nothing else would tell.
"""

from typing import Any

import torch
import torch.distributed as dist

from agentswift.errors import EngineError

_TOKENS = 8  # of each of the two rows


def check_isolation(model: Any) -> None:
    """Raise EngineError when another row packed before a row changes that row's logits.

    The two sequences are of one shape, so that rows kept apart have the same logits to the bit.
    """
    if not is_whole(model):
        if dist.is_initialized() and dist.get_rank():
            return
        print(
            "packing: whether this model keeps packed rows apart was not tried out, since its weights are spread over "
            "ranks (ZeRO-3, FSDP). A start without them, of a step on one rank, tries it",
            flush=True,
        )
        return
    attention = getattr(model.config, "_attn_implementation", None) or "attention"
    try:
        change = leak(model)
    except (TypeError, ValueError) as error:
        raise EngineError(f"{_said(attention)}: it takes no packed rows ({error}). packing=false") from error
    most = 1e-5 if model.get_input_embeddings().weight.dtype is torch.float32 else 2e-2
    if change > most:
        raise EngineError(
            f"{_said(attention)}: a row changes with the row packed before it (its logits by {change:.2g} of their "
            "size). packing=false, or an attention that keeps rows apart: model.attn_impl=flash_attention_2, sdpa"
        )


def is_whole(model: Any) -> bool:
    """Whether a rank holds all of the model: spread over ranks (ZeRO-3, FSDP), it cannot be asked by one of them."""
    return not any(parameter.is_meta or not parameter.numel() for parameter in model.parameters())


def _said(attention: str) -> str:
    return f"packed rows (packing, padding_free) cannot be had with this model and attn_impl={attention}"


def leak(model: Any) -> float:
    """Return by how much of their size a row's logits change when the row packed before it is another one."""
    vocabulary = int(model.get_input_embeddings().num_embeddings)
    before, other, row = ((torch.arange(_TOKENS) * step + 1) % vocabulary for step in (3, 5, 7))
    positions = torch.arange(_TOKENS).repeat(2)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            first, second = (
                model(
                    input_ids=torch.cat([one, row])[None].to(device),
                    position_ids=positions[None].to(device),
                    use_cache=False,
                ).logits[0, _TOKENS:]
                for one in (before, other)
            )
    finally:
        model.train(was_training)
    return float((first - second).abs().max() / first.abs().max().clamp_min(1e-12))
