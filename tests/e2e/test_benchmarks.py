"""The benchmarks run on the tiny model and end with their line of JSON; their figures mean nothing here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def last_line(name: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARKS / name), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_training_beside_swift_sees_the_same_rows_and_about_the_same_loss(tmp_path: Path) -> None:
    said = last_line("train.py", "--quick", "--model", "tiny", "--steps", "2", "--only", "rows", "--out", str(tmp_path))
    assert {"memory_ratio", "time_ratio", "tokens_per_s_ratio"} <= said.keys()
    swift, ours, padded = json.loads((tmp_path / "train.json").read_text(encoding="utf-8"))["quickstart rows"]
    assert swift["tokens"] == pytest.approx(ours["tokens"], rel=0.01)
    assert swift["losses"] == pytest.approx(ours["losses"], rel=0.05)
    assert padded["losses"] == pytest.approx(ours["losses"], rel=1e-4)
    assert (tmp_path / "train-quickstart-rows.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_gpu_benchmark_runs_dry(tmp_path: Path) -> None:
    said = last_line("gpu.py", "--dry", "--out", str(tmp_path / "gpu.md"))
    assert said["settings"]["dry"] is True
    assert {"time_ratio", "memory_ratio", "kernel", "estimate"} <= said.keys()
    assert len(said["estimate"]) >= 4
    assert "| ours |" in (tmp_path / "gpu.md").read_text(encoding="utf-8")
