"""report.html of a training run, from what lies in its folder and the rows it was trained on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentswift.engine.draw import budget_of, draw
from agentswift.engine.encode import Encoder
from agentswift.engine.prepare import Prepared
from agentswift.schema.runs import Train

_SAMPLES = 4  # conversations drawn


def write_report(folder: Path, run: Train, prepared: Prepared, encoder: Encoder, figures: str) -> Path:
    """Write FOLDER/report.html and return it."""
    from agentswift.report.run_page import write_run_page

    fields = run.loss_scale.fields
    file = folder / "report.html"
    write_run_page(
        file,
        title=f"{run.model.model} on {', '.join(prepared.corpus.parts)}",
        settings={"run": figures, **_settings(run)},
        ledgers=[asdict(ledger) for ledger in prepared.corpus.ledgers.values()],
        curve=curve(folder / "logging.jsonl"),
        budget=budget_of(prepared, fields, prepared.train),
        scores=None,
        samples=list(draw(prepared, encoder, fields, prepared.train[:_SAMPLES])),
    )
    return file


def curve(file: Path) -> list[dict[str, Any]]:
    """Return the records of ms-swift's logging.jsonl that have a loss, oldest first."""
    if not file.exists():
        return []
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return [r for r in records if "loss" in r or "eval_loss" in r]


def _settings(run: Train) -> dict[str, Any]:
    tuner = asdict(run.tuner)
    tuner["tuner_type"] = run.tuner.tuner_type.value
    names = ("learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size")
    names += ("gradient_accumulation_steps", "max_length", "lr_scheduler_type", "warmup_ratio", "packing", "seed")
    return {**{n: getattr(run, n) for n in names}, **{k: v for k, v in tuner.items() if v not in (None, [])}}
