"""The loss of a tests.loss_bench case by hand: plain PyTorch on all logits, to hold the engine's against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from tests.loss_bench import Case, Rows


@dataclass
class Reference:
    """What plain PyTorch makes of a case, from all logits at once: the loss of each step, the first one's gradient."""

    losses: list[float] = field(default_factory=list)
    gradient: dict[str, torch.Tensor] = field(default_factory=dict)


def reference(case: Case, model: Any, ranks: int = 1) -> Reference:
    """Train `model` by hand: nothing of ours or of ms-swift's takes part, the rows are read in their order."""
    rows, found, per_batch = Rows(case), Reference(), case.arguments.get("per_device_train_batch_size", 2)
    size = per_batch * 2 * ranks
    for step in range(case.steps):
        window = [rows.rows[n % len(rows)] for n in range(step * size, (step + 1) * size)]
        batches = [rows.collate(window[n : n + per_batch]) for n in range(0, size, per_batch)]
        loss = _by_hand(case, model, batches, step / max(case.steps - 1, 1))
        found.losses.append(loss.item())
        model.zero_grad()
        torch.autograd.backward(loss)
        trained = [(name, p) for name, p in model.named_parameters() if p.grad is not None]
        found.gradient = found.gradient or {name: p.grad.detach().clone().float() for name, p in trained}
        with torch.no_grad():
            for _, p in trained:
                p -= 0.1 * p.grad
    return found


def _by_hand(case: Case, model: Any, batches: list[dict[str, torch.Tensor]], way: float) -> torch.Tensor:
    """Return the loss of one window: weighted by the schedule's place, divided by tokens or weights."""
    total, aux, tokens, sums = torch.zeros(()), torch.zeros(()), 0, torch.zeros(())
    experts = {"output_router_logits": True} if case.model == "experts" else {}
    for batch in batches:
        start = batch["loss_scale"]
        weights = (start + way * (batch.get("loss_scale_end", start) - start))[:, 1:]
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(case.arguments.get("bf16"))):
            out = model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False, **experts
            )
        logs = out.logits[:, :-1].float().log_softmax(-1)
        each = -logs.gather(-1, batch["input_ids"][:, 1:, None])[..., 0]
        trained = int((batch["labels"][:, 1:] != -100).sum())
        total, tokens, sums = total + (each * weights).sum(), tokens + trained, sums + weights.sum()
        if experts:
            aux = aux + out.aux_loss * trained
    by_weights = case.plan.get("normalize") == "weights"
    coefficient = float(case.arguments.get("router_aux_loss_coef", 0.0))
    return torch.as_tensor(total / (sums if by_weights else tokens) + coefficient * aux / tokens)


def cosine(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> float:
    """Return the cosine between two gradients."""
    assert one.keys() == other.keys()
    a, b = (torch.cat([of[name].flatten().double() for name in sorted(one)]) for of in (one, other))
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))
