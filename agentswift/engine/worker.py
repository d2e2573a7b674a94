"""What each rank runs: `python -m agentswift.engine.worker RUN/run.yaml`; ms-swift's SFT, fed with encoded rows.

Everything it needs lies in RUN/engine.json, written by the parent: ms-swift's arguments, the cache file, the rows
chosen, the weights, and what the checkpoints' manifests say. No Hydra, no tokenising, no config here.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swift import SftArguments
from swift.dataset import PackingDataset
from swift.pipelines.train.sft import SwiftSft
from swift.trainers import TrainerFactory

from agentswift.engine.batch import Collator, Rows
from agentswift.engine.cache import Encodings
from agentswift.engine.cut import mapped
from agentswift.engine.deepspeed_cpu import ready
from agentswift.engine.epochs import EpochPacks, EpochRows
from agentswift.engine.isolation import check_isolation, is_whole
from agentswift.engine.job import Job, Origins
from agentswift.engine.loss_choice import LossPlan
from agentswift.engine.manifests import ManifestCallback
from agentswift.engine.row_attention import attend_by_row
from agentswift.errors import EngineError
from agentswift.files import write_json
from agentswift.mix import Mix
from agentswift.weights import Scale


@dataclass
class AgentSftArguments(SftArguments):  # type: ignore[misc]
    """ms-swift's arguments; packing is allowed on any attention that keeps packed rows apart."""

    agentswift: str = field(default="")  # the run's folder

    def _check_padding_free(self) -> None:
        """ms-swift asks for flash attention here; others keep rows apart too, as `check_isolation` finds out."""
        if self.packing:
            self.padding_free = True


class AgentSft(SwiftSft):  # type: ignore[misc]
    """ms-swift's SFT on rows encoded beforehand; ids come from the cache, weights are put on in the collator."""

    args_class = AgentSftArguments

    def __init__(self, job: Job) -> None:
        self.job, self.origins = job, Origins(job.datasets, job.stretches)
        ready(job.arguments)
        super().__init__(job.arguments)

    def _prepare_dataset(self) -> tuple[Any, Any]:
        collator = Collator(self.template, Scale.from_json(self.job.scale), self.job.datasets)
        self.template.data_collator = collator
        encodings = mapped(self.job.cache, self.job.truncation, self.job.max_length)
        return self._trained(encodings), self._held_out(encodings) if self.job.val else None

    def _trained(self, encodings: Encodings) -> EpochRows | EpochPacks:
        rows = EpochRows(encodings, Mix(**self.job.mix), self.origins)
        return EpochPacks(self.template, rows, self.job.max_length, self.job.epochs) if self.job.packing else rows

    def _held_out(self, encodings: Encodings) -> Any:
        rows = Rows(encodings, self.job.val, self.origins)
        if not self.job.packing:
            return rows
        return PackingDataset(self.template, rows, packing_length=self.job.max_length, load_from_cache_file=False)

    def train(self, trainer: Any) -> Any:
        trainer.plan = LossPlan.of(Scale.from_json(self.job.scale), self.job.datasets, self.job.loss_backend)
        if self.args.padding_free:
            attend_by_row()
            self._keep_apart(trainer.model)
        trainer.add_callback(ManifestCallback(self.job.manifest))
        return super().train(trainer)

    def _keep_apart(self, model: Any) -> None:
        """Make sure that rows laid end to end do not see each other; else pad them, where that was left to us."""
        why = (
            "" if is_whole(model) else "The model is spread over ranks, and cannot be asked whether it keeps rows apart"
        )
        try:
            if self.job.packing or self.job.padding_free or not why:
                return check_isolation(model)
        except EngineError as error:
            if self.job.packing or self.job.padding_free:
                raise
            why = str(error)
        self.template.padding_free = False
        print(f"padding_free=null: rows are padded. {why}", flush=True)


def main(run_yaml: str) -> None:
    """Train as RUN/engine.json says; leave RUN/result.json on rank 0."""
    folder = Path(run_yaml).parent
    TrainerFactory.TRAINER_MAPPING["causal_lm"] = "agentswift.engine.trainer.AgentTrainer"
    result = AgentSft(Job.read(folder)).main()
    from swift.utils import is_master

    if is_master():
        keys = ("last_model_checkpoint", "best_model_checkpoint", "best_metric", "global_step")
        facts = {key: result.get(key) for key in keys}
        write_json(folder / "result.json", facts)


if __name__ == "__main__":
    main(sys.argv[1])
