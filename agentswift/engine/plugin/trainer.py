"""Our trainer in a plain `swift sft`: our loss on ms-swift's batches; rows, order and checkpoints stay ms-swift's."""

from typing import Any

from swift.trainers import Seq2SeqTrainer

from agentswift.engine.loss_choice import LossPlan
from agentswift.engine.plugin.loss_scales import FieldLossScale
from agentswift.engine.trainer import AgentTrainer


class PluginTrainer(AgentTrainer):
    """AgentTrainer without a run of ours: ms-swift's datasets and sampler, and no curves by field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scale = self.template.loss_scale
        if isinstance(scale, FieldLossScale):
            self.plan = LossPlan(normalize=scale.scale.normalize)

    def get_train_dataloader(self, *args: Any, **kwargs: Any) -> Any:
        """Return ms-swift's own dataloader."""
        return Seq2SeqTrainer.get_train_dataloader(self, *args, **kwargs)
