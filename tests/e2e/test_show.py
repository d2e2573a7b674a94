"""What `show` prints is what `train` reads: the same ids, labels and weights, row by row."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from agentswift.compose import compose_run
from agentswift.schema.runs import Train
from tests.e2e.conftest import Run
from tests.swift_template import swift_template

pytestmark = pytest.mark.e2e
ROWS = Path(__file__).parents[2] / "registry" / "data" / "quickstart" / "train.jsonl"
COUNT = 40
OPTIONS = ("template=react_zh", "loss_scale=agentfabric", "loss_scale.fields.thought=0.5")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """The first rows of the quickstart set; the very first calls a tool, and its answer is not trained."""
    lines = ROWS.read_text(encoding="utf-8").splitlines()[:COUNT]
    called = next(n for n, line in enumerate(lines) if len(json.loads(line)["messages"]) > 3)
    row = json.loads(lines[called])
    row["messages"][3]["loss"] = False  # what is said after the tool's result
    lines = [json.dumps(row, ensure_ascii=False), *lines[:called], *lines[called + 1 :]]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def read_by_train(rows: Path) -> list[dict[str, Any]]:
    """Return each row's batch of one, as the trainer's collator makes it from what train prepares."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third parties' own, while they are imported
        from agentswift.engine.prepare import choose, gathered, prepare, spoken
        from agentswift.engine.trainer import Collator, Rows

    run = compose_run("train", Train, ["model=tiny", f"data.path={rows}", "split=0", *OPTIONS])
    model = spoken(run.model, run.template, run.hub)
    prepared = prepare(gathered(run.data, run.registry, run.hub), model.encoder)
    choose(prepared, run.data, run.max_length, run.split, run.seed)
    collator = Collator(swift_template(), run.loss_scale.fields)
    trained = Rows(prepared.encodings, sorted(prepared.train))
    return [collator([trained[index]]) for index in range(len(trained))]


def test_show_prints_the_ids_labels_and_weights_that_train_reads(run: Run, rows: Path) -> None:
    done = run("show", "model=tiny", "path=rows.jsonl", "rows=all", "output=jsonl", *OPTIONS)
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    batches = read_by_train(rows)
    assert len(shown) == len(batches) == COUNT
    for number, (row, batch) in enumerate(zip(shown, batches, strict=True)):
        assert list(row) == ["dataset", "row", "text", "input_ids", "labels", "weights", "fields"]
        assert (row["dataset"], row["row"]) == ("rows", number)
        assert len(row["input_ids"]) == len(row["labels"]) == len(row["weights"]) == len(row["fields"])
        assert [row["input_ids"]] == batch["input_ids"].tolist()
        assert [row["labels"]] == batch["labels"].tolist()
        assert [row["weights"]] == batch["loss_scale"].tolist()
        for token, label, weight in zip(row["input_ids"], row["labels"], row["weights"], strict=True):
            assert label == (token if weight > 0 else -100)
    kinds = {field for row in shown for field in row["fields"]}
    assert {"tools", "user", "action", "action_input", "observation", "answer", "end_of_turn", "label"} <= kinds
    unweighted = {f for row in shown for f, w in zip(row["fields"], row["weights"], strict=True) if w == 0}
    assert {"tools", "user", "observation", "marker"} <= unweighted
    first = list(zip(shown[0]["fields"], shown[0]["weights"], strict=True))
    assert {weight for field, weight in first if field in ("thought", "answer")} == {0.0}
    assert {weight for field, weight in first if field == "action"} != {0.0}


def test_rows_chooses_how_many(run: Run, rows: Path) -> None:
    done = run("show", "model=tiny", "path=rows.jsonl", "rows=2", "output=jsonl")
    assert [json.loads(line)["row"] for line in done.stdout.splitlines()] == [0, 1]
    assert f"3 of {COUNT} rows drawn" in run("show", "model=tiny", "path=rows.jsonl").stdout


def test_a_page_is_one_file_that_needs_no_other(run: Run, rows: Path, tmp_path: Path) -> None:
    run("show", "model=tiny", "path=rows.jsonl", "rows=all", "output=html", "file=页 1.html")
    page = (tmp_path / "页 1.html").read_text(encoding="utf-8")
    assert page.count('lang="') >= 1
    for asks_for_more in ("<script", "<link", " src=", "@import", "url(", 'href="http'):
        assert asks_for_more not in page
    assert "get_" in page or "weather" in page
    assert any("\u4e00" <= character <= "\u9fff" for character in page)
    assert {path.name for path in tmp_path.iterdir()} == {"页 1.html", "rows.jsonl"}
