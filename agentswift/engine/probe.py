"""A few real steps of a run, timed: tokens a second and memory, so that a plan need not assume them.

`python -m agentswift.engine.probe FOLDER/run.yaml` is what each rank runs; FOLDER/probe.json is what it leaves.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from agentswift.engine.launch import command, launch
from agentswift.engine.outlook import Measured
from agentswift.errors import EngineError
from agentswift.files import write_json

STEPS = 3  # the first warms up and is not counted
_SETTINGS = {  # over the run's own: a few batches, nothing written
    "max_steps": str(STEPS),
    "gradient_accumulation_steps": "1",
    "save_strategy": "no",
    "eval_strategy": "no",
    "report_to": "none",
    "logging_steps": "1",
}


def probe(folder: Path, processes: int, threads: int) -> Measured:
    """Run a few steps of the job in `folder`, which nothing else is in; its checkpoints and logs go there too."""
    job = json.loads((folder / "engine.json").read_text(encoding="utf-8"))
    job["arguments"] = changed(job["arguments"], {**_SETTINGS, "output_dir": str(folder)})
    write_json(folder / "engine.json", {**job, "val": []})
    words = [w.replace("agentswift.engine.worker", __spec__.name) for w in command(folder / "run.yaml", processes)]
    launch(words, folder, threads, lambda record: None)
    found = folder / "probe.json"
    if not found.is_file():
        raise EngineError(f"the probe ended without {found.name}: fewer than {STEPS} batches can be made of the rows")
    return Measured(**json.loads(found.read_text(encoding="utf-8")))


def changed(words: list[str], settings: dict[str, str]) -> list[str]:
    """Return ms-swift's arguments with `settings` in the place of what they say."""
    kept, skipping = [], False
    for word in words:
        if word.startswith("--"):
            skipping = word[2:] in {*settings, "cached_val_dataset"}
        if not skipping:
            kept.append(word)
    return kept + [word for name, value in settings.items() for word in (f"--{name}", value)]


def main(run_yaml: str) -> None:
    """Train as FOLDER/engine.json says, with a clock; rank 0 leaves FOLDER/probe.json."""
    from swift.trainers import TrainerFactory

    from agentswift.engine.job import Job
    from agentswift.engine.worker import AgentSft

    class Probed(AgentSft):
        """The run with a clock."""

        def train(self, trainer: Any) -> Any:
            trainer.add_callback(_clock(Path(run_yaml).parent))
            return super().train(trainer)

    TrainerFactory.TRAINER_MAPPING["causal_lm"] = "agentswift.engine.trainer.AgentTrainer"
    Probed(Job.read(Path(run_yaml).parent)).main()


def _clock(folder: Path) -> Any:
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Counts the tokens that the model is given, and the seconds of every step after the first."""

        def __init__(self) -> None:
            self.tokens = self.started = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
            parts["model"].register_forward_pre_hook(self._count, with_kwargs=True)

        def _count(self, _: Any, words: tuple[Any, ...], named: dict[str, Any]) -> None:
            self.tokens += float((named["input_ids"] if "input_ids" in named else words[0]).numel())

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if state.global_step == 1:
                self.tokens, self.started = 0.0, time.perf_counter()
            elif state.global_step == STEPS and state.is_world_process_zero:
                seconds = time.perf_counter() - self.started
                write_json(folder / "probe.json", {"tokens_per_s": self.tokens / seconds, "peak": peak()})

    return Clock()


def peak() -> float:
    """Return the most bytes that this process has held: of the GPU where it computes on one, else of memory."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_reserved())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most * (1 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    main(sys.argv[1])
