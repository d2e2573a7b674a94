"""Our trainer in a plain `swift sft`: our loss on ms-swift's batches; rows, order and checkpoints stay ms-swift's."""

from typing import Any

from swift.trainers import Seq2SeqTrainer

from agentswift.engine.trainer import AgentTrainer


class PluginTrainer(AgentTrainer):
    """AgentTrainer without a run of ours: ms-swift's datasets and sampler, no spans in the batch."""

    def get_train_dataloader(self, *args: Any, **kwargs: Any) -> Any:
        """Return ms-swift's own dataloader."""
        return Seq2SeqTrainer.get_train_dataloader(self, *args, **kwargs)
