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

STEPS = 4  # the first warms up, the second has the longest rows; the others are timed
BATCHES = 2  # a step at most: in the second one gradients are there already, as in the run's
_SETTINGS = {  # over the run's own: a few batches, nothing written
    "max_steps": str(STEPS),
    "save_strategy": "no",
    "eval_strategy": "no",
    "report_to": "none",
    "logging_steps": "1",
}


def probe(folder: Path, processes: int, threads: int) -> Measured:
    """Run a few steps of the job in `folder`, which nothing else is in; its checkpoints and logs go there too."""
    job = json.loads((folder / "engine.json").read_text(encoding="utf-8"))
    wanted = accumulation(job["arguments"])
    batches = min(BATCHES, wanted)
    settings = {**_SETTINGS, "gradient_accumulation_steps": str(batches), "output_dir": str(folder)}
    job["arguments"] = changed(job["arguments"], settings)
    write_json(folder / "engine.json", {**job, "val": []})
    words = [w.replace("agentswift.engine.worker", __spec__.name) for w in command(folder / "run.yaml", processes)]
    launch(words, folder, threads, lambda record: None)
    found = folder / "probe.json"
    if not found.is_file():
        raise EngineError(f"the probe ended without {found.name}: fewer than {STEPS} steps can be made of the rows")
    told = json.loads(found.read_text(encoding="utf-8"))
    spared = told["updating"] * (1 - batches / wanted)  # the run's optimizer works once in `wanted` batches
    return Measured(told["tokens"] / (told["seconds"] - spared), told["peak"], STEPS)


def accumulation(words: list[str]) -> int:
    """Return the batches of an optimizer step that ms-swift's arguments say."""
    name = "--gradient_accumulation_steps"
    return int(words[words.index(name) + 1]) if name in words else 1


def changed(words: list[str], settings: dict[str, str]) -> list[str]:
    """Return ms-swift's arguments with `settings` in the place of what they say."""
    kept, skipping = [], False
    for word in words:
        if word.startswith("--"):
            skipping = word[2:] in {*settings, "cached_val_dataset"}
        if not skipping:
            kept.append(word)
    return kept + [word for name, value in settings.items() for word in (f"--{name}", value)]


def longest_second(rows: list[int], lengths: Any, step: int) -> list[int]:
    """Return the rows of an epoch in another order: the second `step` of them are the longest, so that they count."""
    order = sorted(range(len(rows)), key=lambda place: -int(lengths[rows[place]]))[:step]
    rest = [row for place, row in enumerate(rows) if place not in {*order}]
    return rest[:step] + [rows[place] for place in order] + rest[step:]


def main(run_yaml: str) -> None:
    """Train as FOLDER/engine.json says, with a clock; rank 0 leaves FOLDER/probe.json."""
    from swift.trainers import TrainerFactory

    from agentswift.engine.batch import Rows
    from agentswift.engine.epochs import EpochRows
    from agentswift.engine.job import Job
    from agentswift.engine.worker import AgentSft

    class Probed(AgentSft):
        """The run with a clock, its longest rows among the first; packed, all are full."""

        def _trained(self, encodings: Any) -> Any:
            found, asked = super()._trained(encodings), self.args
            step = asked.per_device_train_batch_size * asked.gradient_accumulation_steps
            step *= max(1, asked.global_world_size)
            if isinstance(found, EpochRows):
                mix, origins, lengths = found.mix, self.origins, encodings.lengths
                found.draw = lambda epoch: Rows(encodings, longest_second(mix.epoch(epoch), lengths, step), origins)
            return found

        def train(self, trainer: Any) -> Any:
            trainer.add_callback(_clock(Path(run_yaml).parent))
            return super().train(trainer)

    TrainerFactory.TRAINER_MAPPING["causal_lm"] = "agentswift.engine.trainer.AgentTrainer"
    Probed(Job.read(Path(run_yaml).parent)).main()


def _clock(folder: Path) -> Any:
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Counts the tokens that the model is given, the seconds of the last steps, and those of their optimizer."""

        def __init__(self) -> None:
            self.tokens = self.started = self.updating = self.update_from = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
            parts["model"].register_forward_pre_hook(self._count, with_kwargs=True)

        def _count(self, _: Any, words: tuple[Any, ...], named: dict[str, Any]) -> None:
            self.tokens += float((named["input_ids"] if "input_ids" in named else words[0]).numel())

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.update_from = _now()

        def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.updating += _now() - self.update_from

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 2:
                self.tokens, self.updating, self.started = 0.0, 0.0, _now()
            elif state.global_step == STEPS and state.is_world_process_zero:
                seconds = _now() - self.started
                found = {"tokens": self.tokens, "seconds": seconds, "updating": self.updating, "peak": peak()}
                write_json(folder / "probe.json", found)

    return Clock()


def _now() -> float:
    """Return the seconds of a clock, once the GPU has done what it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak() -> float:
    """Return the most bytes that this process has held: of the GPU where it computes on one, else of memory."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_reserved())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most * (1 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    main(sys.argv[1])
