"""ms-swift's trainer with ours put in: the sampler of epochs, the loss, manifests."""

from functools import partial
from pathlib import Path
from typing import Any

from swift.trainers import Seq2SeqTrainer, mixin
from transformers import TrainerCallback

from agentswift.checkpoints import Manifest, write_manifest
from agentswift.redact import scrub_file


class AgentTrainer(Seq2SeqTrainer):  # type: ignore[misc]
    """ms-swift's trainer; what a batch says of its tokens is kept for the loss and never reaches the model."""

    def get_train_dataloader(self, skip_batches: int = 0) -> Any:
        """Return ms-swift's dataloader, with the sampler that draws each epoch anew in the place of its own."""
        from agentswift.engine.epochs import EpochSampler

        theirs, mixin.BatchSamplerShard = mixin.BatchSamplerShard, partial(EpochSampler, self.train_dataset)
        try:
            return super().get_train_dataloader(skip_batches)
        finally:
            mixin.BatchSamplerShard = theirs

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return ms-swift's weighted loss."""
        for name in ("groups", "loss_scale_end"):
            inputs.pop(name, None)
        return super().compute_loss(model, inputs, *args, **kwargs)


class ManifestCallback(TrainerCallback):  # type: ignore[misc]
    """Writes agentswift.json into each checkpoint once ms-swift has written the rest of it."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.manifest = manifest

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Runs on every rank; the master writes."""
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            if (settings := folder / "args.json").is_file():
                scrub_file(settings)  # ms-swift writes every argument it was given
            write_manifest(folder, Manifest(step=state.global_step, **self.manifest))
