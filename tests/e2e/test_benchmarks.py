"""The benchmarks run on the tiny model and end with their line of JSON; their figures mean nothing here."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CELL = ("--vocab", "500", "--size", "16", "--dtype", "float32", "--head", "frozen", "--threads", "1")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module


def ran(name: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(BENCHMARKS / name), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def last_line(name: str, *words: str) -> dict[str, Any]:
    done = ran(name, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert {"benchmark", "settings", "memory_ratio", "time_ratio"} <= found.keys()
    return found


def test_training_beside_swift_sees_the_same_rows_and_about_the_same_loss(tmp_path: Path) -> None:
    said = last_line("train.py", "--quick", "--model", "tiny", "--steps", "2", "--only", "rows", "--out", str(tmp_path))
    assert said["tokens_per_s_ratio"] > 0
    swift, ours, padded = json.loads((tmp_path / "train.json").read_text(encoding="utf-8"))["quickstart rows"]
    assert swift["tokens"] == pytest.approx(ours["tokens"], rel=0.01)
    assert swift["losses"] == pytest.approx(ours["losses"], rel=0.05)
    assert padded["losses"] == pytest.approx(ours["losses"], rel=1e-4)
    assert (tmp_path / "train-quickstart-rows.svg").read_text(encoding="utf-8").startswith("<svg")


def test_training_packed_says_how_many_steps_each_took(tmp_path: Path) -> None:
    where = ("--steps", "2", "--only", "packed", "--out", str(tmp_path))
    said = last_line("train.py", "--quick", "--model", "tiny", *where)["runs"]["quickstart packed"]
    swift, ours = json.loads((tmp_path / "train.json").read_text(encoding="utf-8"))["quickstart packed"]
    assert said["steps"] == [swift["steps"], ours["steps"]]
    assert "loss_difference" not in said
    assert swift["tokens"] == pytest.approx(ours["tokens"], rel=0.01)
    assert "tokens seen" in (tmp_path / "train-quickstart-packed.svg").read_text(encoding="utf-8")


def test_the_losses_cells_are_kept_and_not_run_again(tmp_path: Path) -> None:
    out = tmp_path / "loss.json"
    last_line("loss.py", *CELL, "--n", "64", "--out", str(out))
    (kept,) = json.loads(out.read_text(encoding="utf-8"))
    said = last_line("loss.py", *CELL, "--n", "64", "96", "--out", str(out))
    first, second = json.loads(out.read_text(encoding="utf-8"))
    assert (first, second["n"]) == (kept, 96)
    assert {"floor_ratio", "part_ratio"} <= said.keys()


def test_a_fault_is_not_taken_for_want_of_memory() -> None:
    done = ran("loss.py", *CELL, "--n", "64", "--size", "0")
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stderr
    assert "does not fit" not in done.stdout


def test_both_losses_do_the_same_work(script: Any) -> None:
    loss = script("loss")
    hidden, head, *rest = loss.inputs("swift", loss.Cell(64, 500, 16, "float32", "trained"))
    grads = []
    for step in (loss.swift_step, loss.our_step):
        hidden.grad = head.weight.grad = None
        step(hidden, head, *rest)
        grads.append([*hidden.grad.flatten().tolist(), *head.weight.grad.flatten().tolist()])
    assert grads[0] == pytest.approx(grads[1], rel=1e-4, abs=1e-7)
    hidden.grad = None
    loss.swift_start(hidden, head, *rest)
    assert hidden.grad is None


def test_the_estimate_is_measured() -> None:
    said = last_line("estimate.py", "--quick", "--model", "tiny")
    assert said["errors"].keys() == said["pace_by_measured"].keys() == {"LoRA"}


def test_the_gpu_benchmark_runs_dry(tmp_path: Path) -> None:
    said = last_line("gpu.py", "--dry", "--out", str(tmp_path / "gpu.md"))
    assert said["settings"]["dry"] is True
    assert {"kernel", "by_liger"} <= said.keys()
    assert len(said["estimate"]) >= 4
    assert "| ours |" in (tmp_path / "gpu.md").read_text(encoding="utf-8")


def test_what_fails_on_a_gpu_says_so_in_its_cell(script: Any) -> None:
    gpu = script("gpu")

    def made() -> Any:
        raise NotImplementedError("Cannot copy out of meta tensor | no data!\nmore")

    said = gpu.attempt(gpu.Place(dry=True, repeats=1), made)
    assert said == "failed: NotImplementedError: Cannot copy out of meta tensor / no data!"


def test_no_row_held_out_by_the_ablation_is_trained(script: Any) -> None:
    def row(question: str, answer: str) -> dict[str, Any]:
        return {
            "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}],
            "tools": "[]",
        }

    rows = [row(f"Question {i % 40}", f"answer {i % 60}") for i in range(240)]
    sets = script("ablation").split([*rows, row("question  0", "another")])
    questions = [{r["conversations"][0]["value"].lower().split()[-1] for r in chosen} for chosen in sets.values()]
    assert not questions[0] & questions[1]
    assert len(questions[1]) == 4
    assert sum(map(len, sets.values())) == 121  # 120 of them are unlike, and one more


def test_every_line_of_a_chart_is_seen(script: Any) -> None:
    lines = {name: [(0.0, 1.0), (1.0, 0.5)] for name in "abcdef"}
    drawn = script("curves").svg("title", lines)
    assert drawn.count('stroke-width="1.6"') == 6
