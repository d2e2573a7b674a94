"""`train` on a real small model: what it leaves behind, and that two ranks are really synchronised."""

import json
import re
from pathlib import Path

import pytest

from tests.e2e.conftest import TINY, Run

pytestmark = pytest.mark.e2e


def losses(folder: Path, key: str = "loss") -> list[float]:
    records = [json.loads(line) for line in (folder / "logging.jsonl").read_text(encoding="utf-8").splitlines()]
    return [r[key] for r in records if key in r]


def test_a_run_leaves_checkpoints_logs_a_manifest_and_a_report(run: Run, tmp_path: Path) -> None:
    done = run("train", *TINY, "data=quickstart", "max_steps=4", "save_steps=2", "eval_steps=2", "split=0.02",
               "loss_scale=react", "output_dir=out")  # fmt: skip
    out = tmp_path / "out"
    assert {p.name for p in out.glob("checkpoint-*")} == {"checkpoint-2", "checkpoint-4"}
    assert len(losses(out)) == 4
    assert len(losses(out, "eval_loss")) == 2
    assert "<script" not in (out / "report.html").read_text(encoding="utf-8")
    manifest = json.loads((out / "checkpoint-4" / "agentswift.json").read_text(encoding="utf-8"))
    assert manifest["step"] == 4
    assert manifest["agent_template"] == "hermes"
    assert manifest["loss_scale"]["name"] == "react"
    assert manifest["files"]["adapter_model.safetensors"]["bytes"] > 0
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["status"] == "done"
    assert "agentswift.engine.worker" in record["torchrun"]
    assert "agentswift export checkpoint=" in done.stdout.splitlines()[-1]


def test_a_dry_run_says_everything_and_starts_nothing(run: Run, tmp_path: Path) -> None:
    done = run("train", *TINY, "data=quickstart", "dry_run=true", "output_dir=out", "num_train_epochs=1")
    for word in ("learning_rate:", "--model_type llama", "tokens an epoch", "steps", "refused", "engine.worker"):
        assert word in done.stdout
    for word in (
        "a rank at its peak (within 15 %): weights 0.01",
        "devices: it fits: CPU",
        "assumed from a matrix product",
    ):
        assert word in done.stdout
    assert not (tmp_path / "out").exists()


def test_one_seed_one_result_and_two_ranks_are_one_batch(run: Run, tmp_path: Path) -> None:
    """Two ranks of one row give the loss of one rank of two rows: gradients are really averaged (ENGINE T6)."""
    common = (
        "train",
        *TINY,
        "data=quickstart",
        "data.rows={quickstart: 8}",
        "max_steps=3",
        "split=0",
        "tuner.lora_dropout=0",
        "model.torch_dtype=float32",
        "learning_rate=1e-2",
    )
    run(*common, "per_device_train_batch_size=2", "output_dir=one")
    run(*common, "per_device_train_batch_size=2", "output_dir=again")
    run(*common, "per_device_train_batch_size=1", "launch=torchrun", "launch.nproc_per_node=2", "output_dir=two")
    assert losses(tmp_path / "one") == losses(tmp_path / "again")
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)
    assert len(set(losses(tmp_path / "one"))) == 3


def test_packing_runs_on_sdpa(run: Run, tmp_path: Path) -> None:
    done = run("train", *TINY, "data=quickstart", "packing=true", "max_length=1024", "max_steps=2", "split=0",
               "truncation_strategy=split", "output_dir=out")  # fmt: skip
    assert len(losses(tmp_path / "out")) == 2
    filled = re.search(r"packed: \d+ rows in \d+ sequences of 1024, ([\d.]+) % of their tokens filled", done.stdout)
    assert filled is not None
    assert float(filled[1]) > 90  # of few sequences


def test_rows_laid_end_to_end_have_the_loss_of_rows_that_are_padded(run: Run, tmp_path: Path) -> None:
    common = ("train", *TINY, "data=quickstart", "max_steps=2", "split=0", "tuner.lora_dropout=0",
              "model.torch_dtype=float32", "per_device_train_batch_size=3", "max_length=700",
              "truncation_strategy=turns")  # fmt: skip
    run(*common, "padding_free=false", "output_dir=padded")
    run(*common, "output_dir=free")  # by sdpa, row by row
    run(*common, "padding_free=true", "model.attn_impl=eager", "output_dir=eager")
    for free in ("free", "eager"):
        assert losses(tmp_path / free) == pytest.approx(losses(tmp_path / "padded"), rel=1e-4)


def test_a_failing_engine_ends_as_one_message(run: Run, tmp_path: Path) -> None:
    done = run("train", *TINY, "data=quickstart", "max_steps=1", "split=0", "output_dir=out",
               "model.attn_impl=no_such_attention", status=1)  # fmt: skip
    assert "Traceback" not in done.stderr.splitlines()[0]
    assert "engine.log" in done.stderr
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["status"] == "failed"


def test_a_folder_that_cannot_be_written_is_said_before_training(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = run("train", *TINY, "data=quickstart", "max_steps=1", "output_dir=file/out", status=1)
    assert "file/out" in done.stderr


def test_more_refused_rows_than_allowed_stop_the_run_with_their_rules(run: Run, tmp_path: Path) -> None:
    good = json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]})
    (tmp_path / "rows.jsonl").write_text(f'{good}\n{{"messages": [\n', encoding="utf-8")
    done = run("train", *TINY, "data.path=rows.jsonl", "max_steps=1", "output_dir=out", status=1)
    assert "1 rows refused" in done.stderr
    assert "rows.jsonl:2" in done.stderr
    run("train", *TINY, "data.path=rows.jsonl", "data.max_refused=1", "max_steps=1", "split=0", "output_dir=out")


def test_a_probe_times_real_steps_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    done = run("train", *TINY, "data=quickstart", "data.rows={quickstart: 8}", "split=0", "dry_run=true", "probe=true",
               "output_dir=out")  # fmt: skip
    assert "tokens/s, as a probe of real steps measured (its own peak: 0." in done.stdout
    assert "GB in 4 steps, one with the longest rows" in done.stdout
    assert "Nothing is left of the probe. Without dry_run=true" in done.stdout
    assert not (tmp_path / "out").exists()
