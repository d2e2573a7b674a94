"""report.html of a training run, from what lies in its folder and the rows it was trained on."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agentswift.engine.draw import Drawn, budget_of, draw
from agentswift.engine.encode import Encoder
from agentswift.engine.prepare import Prepared
from agentswift.files import write_json
from agentswift.redact import REDACTED, keys_in, redact
from agentswift.schema.runs import Train
from agentswift.weights import Scale, Share

_PAGE = "report.json"  # what report.html is drawn from
_SAMPLES = 4  # conversations drawn
_SHOWN = (
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "lr_scheduler_type",
    "warmup_ratio",
    "packing",
    "seed",
)


def write_report(folder: Path, run: Train, prepared: Prepared, encoder: Encoder, figures: str) -> None:
    """Write FOLDER/report.json, and FOLDER/report.html drawn from it."""
    scale = Scale.of(run.loss_scale)
    page = {
        "title": f"{run.model.model} on {', '.join(prepared.corpus.parts)}",
        "settings": {"run": figures, **_settings(run)},
        "ledgers": [asdict(ledger) for ledger in prepared.corpus.ledgers.values()],
        "budget": [asdict(share) for share in budget_of(prepared, scale, prepared.train)],
        "samples": [asdict(_shown(row)) for row in draw(prepared, encoder, scale, prepared.train[:_SAMPLES])],
        "scores": None,
    }
    write_json(folder / _PAGE, redact(page))
    _draw(folder)


def _shown(row: Drawn) -> Drawn:
    """Return `row` without the tokens that spell a key, in a system prompt say; a report is sent around."""
    tokens, ids, at = list(row.tokens), list(row.input_ids), 0
    keys = keys_in(row.text)
    for index, token in enumerate(row.tokens):
        for start, end in keys:
            if at < end and start < at + len(token):
                tokens[index], ids[index] = (REDACTED if at <= start else ""), -1
        at += len(token)
    return replace(row, tokens=tokens, input_ids=ids, labels=[], text="".join(tokens))


def add_scores(folder: Path, base: dict[str, Any] | None, tuned: dict[str, Any]) -> bool:
    """Put the scores of a run's model ({part: summary}) into its report; False where there is no report."""
    if not (folder / _PAGE).is_file():
        return False
    page = json.loads((folder / _PAGE).read_text(encoding="utf-8"))
    write_json(folder / _PAGE, {**page, "scores": {"tuned": tuned, **({"base": base} if base else {})}})
    _draw(folder)
    return True


def _draw(folder: Path) -> None:
    from agentswift.report.run_page import write_run_page

    page = json.loads((folder / _PAGE).read_text(encoding="utf-8"))
    page["budget"] = [Share(**share) for share in page["budget"]]
    page["samples"] = [Drawn(**row) for row in page["samples"]]
    write_run_page(folder / "report.html", curve=curve(folder / "logging.jsonl"), **page)


def curve(file: Path) -> list[dict[str, Any]]:
    """Return the records of ms-swift's logging.jsonl that have a loss, oldest first."""
    if not file.exists():
        return []
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return [r for r in records if "loss" in r or "eval_loss" in r]


def _settings(run: Train) -> dict[str, Any]:
    tuner = asdict(run.tuner)
    tuner["tuner_type"] = run.tuner.tuner_type.value
    return {**{n: getattr(run, n) for n in _SHOWN}, **{k: v for k, v in tuner.items() if v not in (None, [])}}
