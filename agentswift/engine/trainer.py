"""ms-swift's trainer with ours put in: the sampler of epochs, the loss and its curves by field."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from swift.metrics import compute_acc
from swift.trainers import Seq2SeqTrainer, mixin

from agentswift.engine.field_metrics import FieldSums
from agentswift.engine.head import IGNORED, Kept
from agentswift.engine.loss import TokenLoss
from agentswift.engine.loss_choice import Choice, LossPlan, choose
from agentswift.engine.step_weights import counted, normalised, put_on
from agentswift.weights import progressed


class AgentTrainer(Seq2SeqTrainer):  # type: ignore[misc]
    """ms-swift's trainer; its loss is ours wherever that is the same, and it says once where it is not."""

    plan = LossPlan()  # put in by the worker before training
    choice: Choice | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sums: dict[bool, FieldSums] = {}

    def get_train_dataloader(self, skip_batches: int = 0) -> Any:
        """Return ms-swift's dataloader, with the sampler that draws each epoch anew in the place of its own."""
        from agentswift.engine.epochs import EpochSampler

        theirs, mixin.BatchSamplerShard = mixin.BatchSamplerShard, partial(EpochSampler, self.train_dataset)
        try:
            return super().get_train_dataloader(skip_batches)
        finally:
            mixin.BatchSamplerShard = theirs

    def get_use_logits_to_keep(self, default_value: bool = True) -> bool:
        """Ours picks the hidden states to keep by itself; ms-swift's own path is given fewer logits to build."""
        return False if self._ours() else bool(super().get_use_logits_to_keep(default_value))

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: torch.device) -> Any:
        """Put this step's weights on the batches of a window, then count what its loss is divided by."""
        way = progressed(self.state.global_step / max(self.state.max_steps - 1, 1), self.plan.shape)
        for batch in batch_samples:
            put_on(batch, way)
        items = super()._get_num_items_in_batch(batch_samples, device)
        if items is None or "loss_scale" not in batch_samples[0]:
            return items
        if self.plan.normalize == "weights":
            normalised(batch_samples, self._of_all_ranks(counted(batch_samples, device)))
        return items.clamp(min=1)  # where nothing is trained the loss is 0, not 0 / 0

    def _of_all_ranks(self, sums: torch.Tensor) -> torch.Tensor:
        if not self.args.average_tokens_across_devices or self.args.world_size == 1:
            return sums
        gathered: torch.Tensor = self.accelerator.gather(sums[None])
        return gathered.sum(0)

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        put_on(inputs, 1.0)  # eval alone still has an end here: it weighs as the last step, so that evals compare
        prepared: dict[str, Any] = super()._prepare_inputs(inputs)
        return prepared

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the weighted loss, divided as ms-swift divides it."""
        groups = inputs.pop("groups", None)
        if not self._ours() or "labels" not in inputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        for key in ("compute_loss_func", "channel"):
            inputs.pop(key, None)
        positions = inputs.pop("text_position_ids", inputs.get("position_ids"))
        labels = inputs.pop("labels")
        weights = inputs.pop("loss_scale", None)
        kept = Kept.of(labels, (labels != IGNORED) if weights is None else weights, groups)
        loss, outputs, tokens = self._from_hidden_states(model, inputs, kept)
        items = num_items_in_batch if num_items_in_batch is not None else (labels != IGNORED).sum().clamp(min=1)
        loss = loss / items.to(loss.device)
        loss = self._with_aux_loss(loss, outputs, labels, num_items_in_batch)
        if (
            self.args.average_tokens_across_devices
            and self.model_accepts_loss_kwargs
            and num_items_in_batch is not None
        ):
            loss = loss * self.accelerator.num_processes
        self._count(kept, tokens, labels, positions)
        return (loss, outputs) if return_outputs else loss

    def _from_hidden_states(self, model: Any, inputs: dict[str, Any], kept: Kept) -> tuple[Any, Any, TokenLoss]:
        """Run the model with the loss in the place of its head; return the weighted sum, outputs, and by token."""
        choice, taken = self.choice, list[TokenLoss]()
        assert choice is not None
        assert choice.head is not None
        head, transform = choice.head, choice.transform

        def forward(hidden: torch.Tensor) -> torch.Tensor:
            taken.append(head.weigh(hidden, kept, transform, choice.backend))
            loss = taken[0].loss.view(1, 1, 1)
            return loss if transform.slope == 1.0 and transform.factor else loss - loss.detach()

        with head.swapped(forward) as seen:
            outputs = self.template.compute_sft_loss(model, inputs, trainer=self)
        through = outputs.logits.sum()
        outputs.logits = None
        if not transform.same:  # the gradient alone goes through what the model does to its logits, around 0
            through = taken[0].loss.detach() + (through - through.detach()) / transform.slope
        elif seen.logits is not seen.returned:
            raise RuntimeError("the model no longer returns what its head gave it: take loss.backend=swift")
        return through, outputs, taken[0]

    def _with_aux_loss(self, loss: Any, outputs: Any, labels: torch.Tensor, items: Any) -> Any:
        """Add what experts pay for being chosen unevenly, by this batch's share of the window, as ms-swift does."""
        if (aux := getattr(outputs, "aux_loss", None)) is None:
            return loss
        self.custom_metrics["train" if self.model.training else "eval"]["aux_loss"].update(aux)
        if not self.model.model_info.is_moe_model or self.args.router_aux_loss_coef is None:
            return loss
        share = 1.0 if items is None else (labels[:, 1:] != IGNORED).sum() / items
        return loss + self.args.router_aux_loss_coef * (aux * share).to(loss.device)

    def _count(self, kept: Kept, tokens: TokenLoss, labels: torch.Tensor, positions: Any) -> None:
        training = self.model.training
        sums = self._sums.setdefault(training, FieldSums(self.plan.datasets, self.args.device))
        sums.add(kept, tokens.per_token, tokens.correct)
        if self.args.acc_strategy != "seq":
            return
        right = torch.where(tokens.correct.to(kept.at.device), kept.targets, -1)
        said = torch.full((labels.numel(),), -1, device=labels.device).index_copy(0, kept.at, right).view(labels.shape)
        cuts = self.get_cu_seqlens(positions, None) if self.template.padding_free else None
        for name, values in compute_acc(said, labels, acc_strategy="seq", cu_seqlens=cuts).items():
            self.custom_metrics["train" if training else "eval"][name].update(values)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Put the curves by field beside the loss: whatever report_to names gets them."""
        training = self.model.training
        if training in self._sums:
            logs.update(self._sums[training].take("" if training else "eval_"))
        super().log(logs, *args, **kwargs)

    def _ours(self) -> bool:
        """Whether the loss is ours; chosen at the first batch, when the model is wrapped, and said once."""
        if self.choice is None:
            self.choice = choose(self, self.plan.backend)
            if self.is_world_process_zero():
                print(self.choice, flush=True)
                file = Path(self.args.output_dir) / "logging.jsonl"
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps({"said": str(self.choice)}) + "\n")
        return self.choice.backend != "swift" and (self.model.training or self.compute_metrics is None)
