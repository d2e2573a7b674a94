"""Which way a run takes its loss, and why: ours from hidden states, by a backend, or ms-swift's own from logits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.integrations import is_deepspeed_zero3_enabled

from agentswift.engine.after_head import AS_IT_IS, COPIED, PROBE, Transform, told
from agentswift.engine.head import Head
from agentswift.engine.loss import usable
from agentswift.errors import UsageError
from agentswift.weights import Scale

FASTEST_FIRST = ("torch", "triton", "liger")  # torch, until `make bench-gpu` has figures by which another is faster


@dataclass(frozen=True)
class LossPlan:
    """What the run says about its loss."""

    backend: str = "auto"
    normalize: str = "tokens"
    shape: str = "linear"  # of the schedule, if the batches have one
    datasets: Sequence[str] = field(default_factory=list)  # their numbers are in the batches' groups

    @classmethod
    def of(cls, scale: Scale, datasets: Sequence[str], backend: str) -> "LossPlan":
        """Return the plan of a run under a loss scale."""
        return cls(backend, scale.normalize, scale.shape, list(datasets))


@dataclass(frozen=True)
class Choice:
    """The way taken. `backend` "swift": ms-swift's own; `why` it is not what one would expect, or ""."""

    backend: str
    why: str = ""
    head: Head | None = None
    transform: Transform = AS_IT_IS

    def __str__(self) -> str:
        way = "ms-swift's own, from logits" if self.backend == "swift" else f"{self.backend}, from hidden states"
        return f"loss: {way}{': ' if self.why else ''}{self.why}"


def choose(trainer: Any, wanted: str) -> Choice:
    """Return the way for this trainer's model; UsageError where `wanted` cannot be had at all."""
    if wanted == "swift":
        return Choice("swift", "loss.backend=swift asks for it")
    if why := _not_ours(trainer):
        return Choice("swift", why)
    base = trainer.template.get_base_model(trainer.accelerator.unwrap_model(trainer.model))
    if base.get_output_embeddings() is None:
        return Choice("swift", "the model has no output head that could be named")
    head = Head(base)
    if not head.plain and is_deepspeed_zero3_enabled():
        return Choice("swift", f"under ZeRO-3 a head of type {type(head.outer).__name__} is whole only within itself")
    if isinstance(transform := _probed(trainer, head), str):
        return Choice("swift", transform)
    if not head.plain or transform.factor is None:
        kind = type(head.inner)
        what = "the logits are soft-capped" if head.plain else f"the head is a {kind.__name__} of {kind.__module__}"
        return Choice("torch", f"{what}, so it runs in chunks", head, transform)
    return Choice(_backend(wanted, head), "", head, transform)


def _backend(wanted: str, head: Head) -> str:
    weight = head.inner.weight
    if wanted == "auto":
        return next(name for name in FASTEST_FIRST if usable(name, weight.device, weight.dtype) is None)
    if why := usable(wanted, weight.device, weight.dtype):
        raise UsageError(f"loss.backend={wanted} cannot be used here: {why}. Take loss.backend=auto, or torch.")
    return wanted


def _not_ours(trainer: Any) -> str:
    """Return what of the run's settings our loss does not do, "" where there is none."""
    args, template = trainer.args, trainer.template
    from swift.template import Template

    asked = {
        "the task is not causal_lm": trainer.task_type != "causal_lm",
        "sequence parallel cuts rows in pieces": template.sequence_parallel_size > 1,
        "label smoothing is on": trainer.label_smoother is not None,
        f"loss_type={args.loss_type} is the user's own": trainer.compute_loss_func is not None,
        "enable_dft_loss weighs tokens by their probability": args.enable_dft_loss,
        "enable_channel_loss splits the loss by channel": args.enable_channel_loss,
        "unsloth patches the model": args.tuner_backend == "unsloth",
        "torch_compile has compiled the head in": args.torch_compile,
        "DataParallel copies the model at each step": args.n_gpu > 1,
        "tensor parallel splits the head": trainer.get_tp_size() > 1,
        "the model lies on several devices (device_map)": _devices(trainer.model) > 1,
        "the template has a loss of its own": type(template).compute_sft_loss is not Template.compute_sft_loss,
    }
    return next((why for why, is_so in asked.items() if is_so), "")


def _devices(model: Any) -> int:
    """Return on how many devices the layers of one process lie."""
    placed = getattr(model, "hf_device_map", None) or {}
    return len({str(device) for device in placed.values()})


def _probed(trainer: Any, head: Head) -> Transform | str:
    """Return what the model does to its logits, seen on two tokens of no gradient; or why that is not known."""
    model, device = trainer.model_wrapped, trainer.args.device
    ids = torch.zeros(1, 2, dtype=torch.long, device=device)
    shapes: list[tuple[int, ...]] = []

    def probe(hidden: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(hidden.shape[:2]))
        return torch.tensor(PROBE, device=hidden.device).view(1, 1, -1)

    training = model.training
    model.eval()  # no dropout: the random numbers of the run stay as they were
    try:
        with torch.no_grad(), trainer.compute_loss_context_manager(), head.swapped(probe) as seen:
            model(input_ids=ids)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return f"the model cannot be tried out on ids alone ({type(error).__name__}: {error})"
    finally:
        model.train(training)
    if shapes != [(1, 2)] or seen.logits is None:
        return "the model does not put all hidden states through its head"
    if seen.logits is seen.returned:
        return AS_IT_IS
    found = told(seen.logits, head.base.config)
    if found is AS_IT_IS:
        return COPIED
    return found or "the model changes its logits after the head in a way not known"
