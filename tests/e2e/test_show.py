"""What `show` prints is what `train` reads: the same ids, labels and weights, row by row."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from agentswift.compose import compose_run
from agentswift.schema.runs import Train
from agentswift.weights import Scale
from tests.e2e.conftest import Run
from tests.swift_template import swift_template

pytestmark = pytest.mark.e2e
ROWS = Path(__file__).parents[2] / "registry" / "data" / "quickstart" / "train.jsonl"
COUNT = 40
OPTIONS = ("template=react_zh", "loss_scale=agentfabric", "loss_scale.fields.thought=0.5")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """The first rows of the quickstart set; the very first calls a tool, and its answers are not trained."""
    lines = ROWS.read_text(encoding="utf-8").splitlines()[:COUNT]
    said = [json.loads(line)["messages"] for line in lines]
    called = next(n for n, m in enumerate(said) if len(m) > 3 and m[2]["role"] == "tool" and not m[3].get("tool_calls"))
    row = json.loads(lines[called])
    for message in row["messages"]:
        if message["role"] == "assistant" and not message.get("tool_calls"):
            message["loss"] = False
    lines = [json.dumps(row, ensure_ascii=False), *lines[:called], *lines[called + 1 :]]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def read_by_train(rows: Path) -> list[dict[str, Any]]:
    """Return each row's batch of one, as the trainer's collator makes it from what train prepares."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third parties' own, while they are imported
        from agentswift.engine.batch import Collator, Rows
        from agentswift.engine.choose import choose
        from agentswift.engine.prepare import gathered, prepare, spoken

    run = compose_run("train", Train, ["model=tiny", f"data.path={rows}", "split=0", *OPTIONS])
    model = spoken(run.model, run.template, run.hub)
    prepared = prepare(gathered(run.data, run.registry, run.hub), model.encoder)
    choose(prepared, run.data, run.max_length, run.split, run.seed)
    collator = Collator(swift_template(), Scale.of(run.loss_scale))
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
    said = run("show", "model=tiny", "path=rows.jsonl").stdout
    assert "3 rows drawn, 0 longer than max_length=2048; 3 read; what comes after was not read" in said
    assert said.count("rows row ") == 3


def test_no_more_is_read_than_the_rows_asked_for_take(run: Run, rows: Path) -> None:
    """A broken line after them is not come upon; without a limit it is."""
    with rows.open("a", encoding="utf-8") as file:
        file.write("{broken\n")
    assert "refused" not in run("show", "model=tiny", "path=rows.jsonl", "rows=2").stdout
    whole = run("show", "model=tiny", "path=rows.jsonl", "rows=all").stdout
    assert f"{COUNT} rows drawn, 0 longer than max_length=2048; {COUNT + 1} read, 1 of them refused" in whole


def shown(run: Run, *words: str) -> list[dict[str, Any]]:
    done = run("show", "model=tiny", "path=rows.jsonl", "output=jsonl", *words)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_longest_rows_are_those_of_all(run: Run, rows: Path) -> None:
    lengths = {row["row"]: len(row["input_ids"]) for row in shown(run, "rows=all")}
    first = [row["row"] for row in shown(run, "rows=3", "longest=true")]
    assert first == sorted(lengths, key=lambda row: (-lengths[row], row))[:3]


def test_a_row_is_drawn_under_several_agent_templates(run: Run, rows: Path, tmp_path: Path) -> None:
    beside = shown(run, "rows=2", "templates=[react_en,hermes]")
    assert [(row.pop("template"), row["row"]) for row in beside] == [
        ("react_en", 0),
        ("hermes", 0),
        ("react_en", 1),
        ("hermes", 1),
    ]
    assert beside[1::2] == shown(run, "rows=2", "template=hermes")
    run("show", "model=tiny", "path=rows.jsonl", "rows=1", "templates=[react_en,hermes]", "output=html", "file=a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert [page.count(f"<h3>{name}: rows row 0") for name in ("react_en", "hermes")] == [1, 1]
    assert "no agent template" in run("show", "templates=[react_eng]", status=2).stderr


def test_what_is_not_there_is_answered_with_what_is(run: Run, rows: Path) -> None:
    called = {
        step["function"]["name"]
        for row in map(json.loads, rows.read_text().splitlines())
        for message in row["messages"]
        for step in message.get("tool_calls") or ()
    }
    tool = max(called)
    assert f"Did you mean {tool}" in run("show", "model=tiny", "path=rows.jsonl", f"tool={tool}x", status=1).stderr
    assert "Parts: quickstart" in run("show", "model=tiny", "dataset=others", status=2).stderr


def test_stats_tell_lengths_and_shares_only_with_a_model(run: Run, rows: Path, tmp_path: Path) -> None:
    with_model = run("stats", "model=tiny", "path=rows.jsonl", "output=jsonl").stdout.splitlines()
    dataset, *fields = map(json.loads, with_model)
    assert (dataset["kept"], dataset["lengths"]["rows"]) == (COUNT, COUNT)
    assert sum(field["tokens"] for field in fields) == dataset["lengths"]["tokens"]
    assert sum(field["share"] for field in fields) == pytest.approx(1)
    (without,) = map(json.loads, run("stats", "model=null", "path=rows.jsonl", "output=jsonl").stdout.splitlines())
    assert dataset.pop("over_length") == 0
    assert without == {**dataset, "lengths": None}
    said = run("stats", "model=tiny", "path=rows.jsonl", "output=html", "file=s.html").stdout
    assert "s.html" in said
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    for asks_for_more in ("<script", "<link", " src=", "@import", "url(", 'href="http'):
        assert asks_for_more not in page


def test_a_page_is_one_file_that_needs_no_other(run: Run, rows: Path, tmp_path: Path) -> None:
    run("show", "model=tiny", "path=rows.jsonl", "rows=all", "output=html", "file=页 1.html")
    page = (tmp_path / "页 1.html").read_text(encoding="utf-8")
    assert page.count('lang="') >= 1
    for asks_for_more in ("<script", "<link", " src=", "@import", "url(", 'href="http'):
        assert asks_for_more not in page
    assert "get_" in page or "weather" in page
    assert any("\u4e00" <= character <= "\u9fff" for character in page)
    assert {path.name for path in tmp_path.iterdir()} == {"页 1.html", "rows.jsonl"}


def test_a_dataset_is_drawn_without_the_rows_of_those_before_it(run: Run, tmp_path: Path) -> None:
    lines = ROWS.read_text(encoding="utf-8").splitlines()[:5]
    (tmp_path / "a.jsonl").write_text("\n".join(lines[:4]), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("\n".join(lines[2:]), encoding="utf-8")
    cards = (f"name: {name}\nformat: messages\npath: {name}.jsonl" for name in "ab")
    (tmp_path / "cards.yaml").write_text("\n---\n".join(cards), encoding="utf-8")
    mix = ("show", "model=tiny", "registry=[.]", "data.parts={a: 1.0, b: 1.0}", "rows=1")
    for words in (["dataset=b"], ["dataset=b", "longest=true"]):
        done = run(*mix, *words, "output=jsonl")
        assert [(row["dataset"], row["row"]) for row in map(json.loads, done.stdout.splitlines())] == [("b", 2)]
    assert "may be a duplicate of one not read" in run(*mix).stdout
