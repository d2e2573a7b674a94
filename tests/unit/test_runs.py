"""A run's folder says what was asked, with what, and how it ended, whatever the end; and never a secret."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentswift import runs
from agentswift.errors import EngineError, OutputError, UsageError

SECRET = "hf_4f9a0c7d1e2b3a584f9a0c7d1e2b3a58"


class Hub(Enum):
    modelscope = "ms"


RUN: dict[str, Any] = {
    "model": {"model": "smollm2", "revision": None},
    "data": {"parts": {"数据": 1.0}, "system": "你是天气助手。\n请回答 🌤"},
    "hub": Hub.modelscope,
    "output_dir": "runs/a",
    "dry_run": False,
    "extra": {"hub_token": SECRET, "max_new_tokens": 512},
}
ARGV = ["train", "data.path=/数据/行 1.jsonl", f"extra.hub_token={SECRET}"]


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def test_run_yaml_is_the_resolved_run_without_secrets(tmp_path: Path) -> None:
    runs.start(tmp_path / "a/b", "train", RUN, argv=ARGV)
    text = (tmp_path / "a/b/run.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == {
        **RUN,
        "hub": "modelscope",
        "extra": {"hub_token": "[redacted]", "max_new_tokens": 512},
    }
    assert text == runs.run_yaml(RUN)
    assert "你是天气助手" in text
    assert list(yaml.safe_load(text)) == list(RUN)


def test_run_json_says_with_what_and_how_to_repeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs.start(tmp_path / "a", "train", RUN, argv=ARGV)
    facts = record(tmp_path / "a")
    assert (facts["status"], facts["command"], facts["exit_code"]) == ("running", "train", None)
    assert facts["argv"] == ["train", "data.path=/数据/行 1.jsonl", "extra.hub_token=[redacted]"]
    assert facts["repeat"].startswith(f"cd {tmp_path} && agentswift train 'data.path=/数据/行 1.jsonl' ")
    assert datetime.fromisoformat(facts["started"]).tzinfo is not None
    assert set(facts["versions"]) == set(runs.PACKAGES)
    assert facts["versions"]["hydra-core"].startswith("1.3")
    assert facts["python"]
    assert facts["git"] is None


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (None, "done", 0),
        (SystemExit(0), "done", 0),
        (SystemExit(143), "stopped", 143),
        (KeyboardInterrupt(), "stopped", 130),
        (EngineError("the engine ended with status 1"), "failed", 1),
        (UsageError("no such"), "failed", 2),
        (ZeroDivisionError(), "failed", 1),
    ],
)
def test_the_end_of_the_block_is_recorded(tmp_path: Path, error: BaseException | None, status: str, code: int) -> None:
    folder = runs.start(tmp_path / "a", "train", RUN, argv=ARGV)
    if error is None:
        with folder:
            pass
    else:
        with pytest.raises(type(error)), folder:
            raise error
    facts = record(tmp_path / "a")
    assert (facts["status"], facts["exit_code"]) == (status, code)
    assert facts["ended"] >= facts["started"]
    assert facts["seconds"] >= 0
    assert ("error" in facts) == (status == "failed")


def test_facts_are_added_and_kept_and_redacted(tmp_path: Path) -> None:
    folder = runs.start(tmp_path / "a", "train", RUN, argv=ARGV)
    folder.note(
        torchrun=f"python -m agentswift.engine.worker --hub_token {SECRET}", checkpoint=tmp_path / "checkpoint-2"
    )
    folder.finish("done", 0, best_metric=0.5)
    facts = record(tmp_path / "a")
    assert facts["torchrun"] == "python -m agentswift.engine.worker --hub_token [redacted]"
    assert facts["checkpoint"] == str(tmp_path / "checkpoint-2")
    assert facts["best_metric"] == 0.5


def test_no_secret_is_left_anywhere_in_the_folder(tmp_path: Path) -> None:
    folder = runs.start(tmp_path / "a", "train", RUN, argv=ARGV)
    (folder.path / "args.json").write_text(json.dumps({"swanlab_secret": "s3", "hub_token": SECRET}))
    (folder.path / "engine.json").write_text(json.dumps({"arguments": ["--hub_token", SECRET], "train": [1]}))
    with pytest.raises(EngineError), folder:
        raise EngineError(f"401 for Bearer {SECRET}")
    for file in (tmp_path / "a").iterdir():
        assert SECRET not in file.read_text(encoding="utf-8"), file
    assert json.loads((tmp_path / "a/engine.json").read_text())["train"] == [1]


def test_a_folder_that_holds_a_run_is_not_written_over(tmp_path: Path) -> None:
    runs.start(tmp_path, "train", RUN, argv=ARGV)
    with pytest.raises(OutputError, match=r"holds a run already.*output_dir="):
        runs.start(tmp_path, "train", RUN, argv=ARGV)


def a_file_in_the_way(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file/run"


def not_ours(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    folder.chmod(0o500)
    return folder / "run"


@pytest.mark.parametrize(
    ("make", "says"),
    [(a_file_in_the_way, "a file is in the way"), (not_ours, "may write"), (lambda f: f / "a\0b", "cannot be made")],
)
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:
    with pytest.raises(OutputError, match=says):
        runs.start(make(tmp_path), "train", RUN, argv=ARGV)


def test_the_hash_tells_settings_apart_and_not_places_or_secrets() -> None:
    same = {**RUN, "output_dir": "elsewhere", "dry_run": True, "extra": {**RUN["extra"], "hub_token": "hf_another1234"}}
    assert runs.config_hash(same) == runs.config_hash(RUN)
    assert runs.config_hash({**RUN, "model": {"model": "qwen"}}) != runs.config_hash(RUN)
    assert len(runs.config_hash(RUN)) == 64


def test_the_commit_of_the_users_project_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "One"], check=True)
    monkeypatch.chdir(tmp_path)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    output = tmp_path.parent / f"{tmp_path.name}-run"
    assert runs.start(output, "train", RUN, argv=ARGV).facts["git"] == {"commit": commit, "dirty": False}
    (tmp_path / "new.yaml").write_text("a: 1")
    assert runs.start(output / "2", "train", RUN, argv=ARGV).facts["git"] == {"commit": commit, "dirty": True}
