"""`agentswift train`: a mix of agent data and a model, to checkpoints that know how they were trained."""

import json
import os
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agentswift.compose import command
from agentswift.errors import ModelError
from agentswift.schema.groups import Order
from agentswift.schema.runs import Train
from agentswift.weights import Scale

if TYPE_CHECKING:
    from agentswift.engine.job import Job
    from agentswift.engine.outlook import Measured
    from agentswift.engine.prepare import Prepared, Spoken
    from agentswift.runs import RunFolder


@command("train", shape=Train)
def main(run: Train) -> None:
    """Fine-tune a model on a mix of agent data."""
    from agentswift.corpus import enforce
    from agentswift.engine.arguments import sees_gpu
    from agentswift.engine.choose import choose
    from agentswift.engine.cut import truncate
    from agentswift.engine.loss_backends import check_backend
    from agentswift.engine.prepare import gathered, prepare, spoken
    from agentswift.report.progress import Progress

    use_cpu = run.compute.use_cpu if run.compute.use_cpu is not None else not sees_gpu()
    check_backend(run.loss.backend, use_cpu)
    corpus = gathered(run.data, run.registry, run.hub)
    if said := enforce(corpus, run.data.max_refused):
        print(said)
    model = spoken(run.model, run.template, run.hub)
    with Progress("encoding", "rows") as progress:
        prepared = prepare(corpus, model.encoder, progress)
        truncate(prepared, model.encoder, run.truncation_strategy, run.max_length, progress)
    choose(prepared, run.data, run.max_length, run.split, run.seed, run.split_by, Scale.of(run.loss_scale))
    plan = _Plan(run, model, prepared, use_cpu)
    if run.dry_run:
        print(plan.text(whole=True))
        started = "Nothing is left of the probe" if run.probe else "Nothing was started"
        print(f"\n{started}. Without dry_run=true the same command trains.")
        return
    plan.train()


class _Plan:
    """A run all but started: its arguments, its figures, and how to start it."""

    def __init__(self, run: Train, model: "Spoken", prepared: "Prepared", use_cpu: bool) -> None:
        from agentswift.engine import arguments
        from agentswift.engine.packing import packed

        self.run, self.model, self.prepared = run, model, prepared
        self.named = arguments.arguments(run, model, prepared, use_cpu)
        self.tokens = int(prepared.encodings.lengths[prepared.train].sum())
        self.lengths = prepared.encodings.lengths[prepared.train].tolist()
        in_order = run.data.order is not Order.shuffled
        packs = packed(self.lengths, run.max_length, in_order=in_order) if run.packing else prepared.train
        self.sequences = len(packs)
        self.steps = arguments.steps(run, self.sequences)
        self.threads = run.launch.threads or max(1, (os.cpu_count() or 1) // run.launch.nproc_per_node)
        self.folder = Path(run.output_dir).absolute()
        self.use_cpu = use_cpu

    def text(self, whole: bool) -> str:
        """What will be run; `whole` with the resolved config and every ms-swift argument."""
        from agentswift.engine.arguments import argv
        from agentswift.engine.fitting import untrained
        from agentswift.mix.account import COLUMNS, far_off
        from agentswift.report.check_page import ledger_columns
        from agentswift.report.tables import table
        from agentswift.runs import run_yaml

        ledgers = list(self.prepared.corpus.ledgers.values())
        columns = ledger_columns(ledgers, "over_length")
        rows = [[str(getattr(ledger, c)) for c in columns] for ledger in ledgers]
        account = self.prepared.account
        mixed = table("an epoch", COLUMNS, [line.cells for line in account])
        notes = [*untrained(ledgers), *Scale.of(self.run.loss_scale).notes()]
        said = [table("rows", columns, rows), mixed, *far_off(account), self._figures(), *notes, self._outlook()]
        if whole:
            said.insert(0, run_yaml(asdict(self.run)))
            said.append("ms-swift arguments:\n  " + " ".join(argv(self.named)).replace(" --", "\n  --"))
        said.append(f"command: {self._line()}")
        return "\n".join(said)

    def _epochs(self) -> int:
        """Return how many epochs there will be, or more: packed, each has a few sequences more or less."""
        from agentswift.engine.arguments import steps

        one = steps(replace(self.run, max_steps=-1, num_train_epochs=1), self.sequences)
        return ceil(1.1 * self.steps / one) + 1 if self.run.max_steps > 0 else ceil(self.run.num_train_epochs)

    def _figures(self) -> str:
        from agentswift.engine.packing import fill

        trained, held = len(self.prepared.train), len(self.prepared.val)
        packs = f"\n{fill(self.lengths, self.run.max_length, self.sequences)}" if self.run.packing else ""
        return (
            f"{self.run.model.model} ({self.model.model_type}, chat template {self.model.chat_template}), "
            f"agent template {self.run.template.agent_template}, thoughts {self.run.template.thinking.value}, "
            f"loss scale {Scale.of(self.run.loss_scale).title}\n"
            f"{trained} rows to train ({self.tokens:,} tokens an epoch), {held} held out, {self.steps} steps, "
            f"{self.named['torch_dtype']}{packs}"
        )

    def _outlook(self) -> str:
        """Return peak memory, whether it fits, and time; or why that cannot be told."""
        from agentswift.engine.forecast import outlook

        dtype = str(self.named["torch_dtype"])
        try:
            ahead = outlook(self.run, self.model.folder, self.prepared, self.steps, dtype, self.use_cpu)
        except ModelError as error:
            return f"memory and time: {error}"
        return ahead.text(self._probed() if self.run.probe else None)

    def _probed(self) -> "Measured":
        from agentswift.engine.probe import probe

        with TemporaryDirectory(prefix="agentswift-probe-") as folder:
            self._job(Path(folder)).write(Path(folder))
            return probe(Path(folder), self.run.launch.nproc_per_node, self.threads)

    def _line(self) -> str:
        from agentswift.engine.launch import command as words
        from agentswift.engine.launch import line

        return line(words(self.folder / "run.yaml", self.run.launch.nproc_per_node), self.threads)

    def train(self) -> None:
        """Write the run's folder, run the engine, finish run.json and report.html whatever comes of it."""
        from agentswift.corpus import write_left_out
        from agentswift.engine.launch import command as words
        from agentswift.engine.launch import launch
        from agentswift.report.progress import Training
        from agentswift.runs import start

        folder = start(self.folder, "train", asdict(self.run))
        folder.note(torchrun=self._line(), plan=self._figures())
        self._job(self.folder).write(self.folder)
        write_left_out(self.folder / "left_out.jsonl", self.prepared.corpus.findings)
        print(self.text(whole=False), flush=True)
        with folder, Training(self.steps) as progress:
            command_line = words(self.folder / "run.yaml", self.run.launch.nproc_per_node)
            launch(command_line, self.folder, self.threads, progress.record)
        self._finish(folder)

    def _job(self, folder: Path) -> "Job":
        """Return what the ranks are handed, for a run in `folder`."""
        from agentswift.engine.cut import told
        from agentswift.engine.job import Job, Origins

        origins = Origins.of(self.prepared.datasets)
        return Job(
            arguments=_words(self.named, folder),
            cache=str(self.prepared.encodings.file),
            truncation=told(self.prepared.encodings),
            mix=self.prepared.mix.json(),
            epochs=self._epochs(),
            val=self.prepared.val,
            scale=Scale.of(self.run.loss_scale).json(),
            datasets=origins.names,
            stretches=origins.stretches,
            loss_backend=self.run.loss.backend.value,
            packing=self.run.packing,
            padding_free=self.run.padding_free,
            max_length=self.run.max_length,
            manifest=self._manifest(),
        )

    def _manifest(self) -> dict[str, Any]:
        from agentswift.runs import config_hash, versions

        return {
            "model": self.run.model.model if not Path(self.run.model.model).exists() else str(self.model.folder),
            "revision": self.run.model.revision,
            "model_type": self.model.model_type,
            "template": self.model.chat_template,
            "agent_template": self.run.template.agent_template,
            "thinking": self.run.template.thinking.value,
            "loss_scale": Scale.of(self.run.loss_scale).json(),
            "tuner_type": self.run.tuner.tuner_type.value,
            "torch_dtype": self.named["torch_dtype"],
            "max_length": self.run.max_length,
            "system": self.run.data.system,
            "config_hash": config_hash(asdict(self.run)),
            "data_fingerprint": self.prepared.fingerprint,
            "world_size": self.run.launch.nproc_per_node,
            "versions": versions(),
            "run": str(self.folder),
        }

    def _finish(self, folder: "RunFolder") -> None:
        from agentswift.engine.run_report import write_report

        result = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        best = result["best_model_checkpoint"] or result["last_model_checkpoint"]
        folder.note(**result, checkpoint=best)
        write_report(self.folder, self.run, self.prepared, self.model.encoder, self._figures())
        print(f"\nTrained {result['global_step']} steps. The run: {self.folder} (report.html, {Path(best).name})")
        print(f"Next: agentswift export checkpoint={self.folder}   or agentswift eval checkpoint={best} data=NAME")


def _words(named: dict[str, Any], folder: Path) -> list[str]:
    from agentswift.engine.arguments import argv

    return argv({**named, "agentswift": str(folder)})
