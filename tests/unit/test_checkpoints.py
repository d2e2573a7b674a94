"""A checkpoint is what its manifest says or is refused; a run means its best checkpoint, else its newest whole one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentswift.checkpoints import MANIFEST, Manifest, find_checkpoint, read_manifest, verify, write_manifest
from agentswift.errors import CheckpointError

TRAINED = Manifest(
    step=20,
    model="smollm2",
    model_type="llama",
    template="chatml",
    agent_template="react_en",
    loss_scale={"name": "react", "fields": {"action": 2.0, "observation": 0}},
    tuner_type="lora",
    torch_dtype="bfloat16",
    max_length=2048,
    system="你是助手",
    config_hash="c" * 64,
    data_fingerprint="d" * 64,
    world_size=1,
    versions={"ms-swift": "4.6.0", "peft": None},
)


def checkpoint(folder: Path, step: int = 20) -> Path:
    path = folder / f"checkpoint-{step}"
    (path / "deep").mkdir(parents=True)
    (path / "adapter_model.safetensors").write_bytes(b"weights" * step)
    (path / "deep/状态.json").write_text("{}")
    write_manifest(path, replace(TRAINED, step=step))
    return path


def edited(path: Path, **values: Any) -> None:
    file = path / MANIFEST
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_what_is_written_is_read_back_with_the_files(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    read = read_manifest(path)
    assert replace(read, files={}, created="") == TRAINED
    assert list(read.files) == ["adapter_model.safetensors", "deep/状态.json"]
    assert read.files["deep/状态.json"] == {
        "bytes": 2,
        "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }
    assert read.created.endswith("+00:00")
    assert "你是助手" in (path / MANIFEST).read_text(encoding="utf-8")
    assert verify(path) == []


def test_args_json_is_scrubbed_before_it_is_hashed_and_never_believed(tmp_path: Path) -> None:
    (tmp_path / "args.json").write_text(json.dumps({"swanlab_secret": "s3cret", "external_plugins": ["evil.py"]}))
    write_manifest(tmp_path, TRAINED)
    assert "s3cret" not in (tmp_path / "args.json").read_text()
    assert verify(tmp_path) == []
    assert "evil" not in (tmp_path / MANIFEST).read_text()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: f.write_bytes(b"weights" * 19 + b"weightz"), "has other content (SHA-256 differs)"),
        (lambda f: f.write_bytes(b"weights"), "has 7 bytes, not 140"),
        (lambda f: f.unlink(), "is missing"),
        (lambda f: (f.unlink(), f.symlink_to("/etc/hostname")), "leads out of the checkpoint"),
    ],
)
def test_each_harm_to_a_file_is_one_line(tmp_path: Path, harm: Callable[[Path], Any], said: str) -> None:
    path = checkpoint(tmp_path)
    harm(path / "adapter_model.safetensors")
    assert verify(path) == [f"adapter_model.safetensors {said}"]
    assert verify(path, hashes=False) == ([] if "SHA" in said else [f"adapter_model.safetensors {said}"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stepp": 1}, r"unknown field 'stepp'. Did you mean step"),
        ({"step": "20"}, r"\$\.step is \"20\", not int"),
        ({"step": True}, r"\$\.step is true, not int"),
        ({"system": 5}, r"\$\.system is 5, not str \| None"),
        ({"merged": "no"}, r"\$\.merged is \"no\", not bool"),
        ({"versions": {"torch": 2}}, r"\$\.versions is"),
        ({"loss_scale": "react"}, r"\$\.loss_scale is \"react\""),
        ({"loss_scale": {"name": "react", "fields": {"action": "2"}}}, r"\$\.loss_scale\.fields is"),
        ({"files": {"a": {}}}, r"\$\.files\.a\.bytes is null"),
        ({"files": {"../../etc/passwd": {"bytes": 1, "sha256": "0"}}}, r"is not a file of the checkpoint"),
        ({"files": {"/etc/passwd": {"bytes": 1, "sha256": "0"}}}, r"is not a file of the checkpoint"),
        ({"files": {"a\0b": {"bytes": 1, "sha256": "0"}}}, r"is not a file of the checkpoint"),
    ],
)
def test_a_manifest_that_is_not_one_is_refused_with_its_place(
    tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    path = checkpoint(tmp_path)
    edited(path, **values)
    with pytest.raises(CheckpointError, match=said):
        read_manifest(path)


@pytest.mark.parametrize(
    ("text", "said"), [("{", "cannot be read"), ("[]", "holds list"), ('{"step": 1}', "model, .*missing")]
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(CheckpointError, match=said):
        read_manifest(tmp_path)


def test_a_folder_that_is_not_a_checkpoint_names_those_near_it(tmp_path: Path) -> None:
    checkpoint(tmp_path, 20)
    (tmp_path / "file").write_text("")
    for path, said in [
        (
            tmp_path,
            r"is not a checkpoint of agentswift: it has no agentswift.json. Nearest candidates in it: checkpoint-20",
        ),
        (tmp_path / "checkpoint-20/deep", r"Give a checkpoint-N folder"),
        (tmp_path / "file", r"is a file, not the folder"),
        (tmp_path / "checkpoint-2", r"there is no folder .*Did you mean .*checkpoint-20"),
        (tmp_path / "no/such", r"there is no folder"),
        (tmp_path / "a\0b", r"NUL"),
    ]:
        with pytest.raises(CheckpointError, match=said):
            read_manifest(path)


def test_a_link_out_of_the_folder_is_not_taken_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "weights").write_text("x")
    (tmp_path / "a/weights").symlink_to(tmp_path / "weights")
    with pytest.raises(CheckpointError, match="leads out of the checkpoint"):
        write_manifest(tmp_path / "a", TRAINED)
    assert not (tmp_path / "a" / MANIFEST).exists()


def test_a_run_means_its_best_checkpoint_wherever_the_run_now_lies(tmp_path: Path) -> None:
    for step in (5, 10, 20):
        checkpoint(tmp_path, step)
    assert find_checkpoint(tmp_path).name == "checkpoint-20"
    state = {"best_model_checkpoint": "/moved/since/checkpoint-10"}
    (tmp_path / "checkpoint-20/trainer_state.json").write_text(json.dumps(state))
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    (tmp_path / "run.json").write_text(json.dumps({"best_model_checkpoint": "checkpoint-5"}))
    assert find_checkpoint(str(tmp_path)) == tmp_path / "checkpoint-5"
    assert find_checkpoint(tmp_path / "checkpoint-20") == tmp_path / "checkpoint-20"
    (tmp_path / "run.json").write_text(json.dumps({"best_model_checkpoint": "../../etc"}))
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


def test_a_run_without_a_best_means_its_newest_whole_checkpoint(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-100/adapter_model.safetensors").write_text("cut off")
    (tmp_path / "checkpoint-200").mkdir()
    (tmp_path / "checkpoint-10-merged").mkdir()
    assert find_checkpoint(tmp_path).name == "checkpoint-10"


def test_a_damaged_best_is_told_not_replaced(tmp_path: Path) -> None:
    checkpoint(tmp_path, 5)
    (checkpoint(tmp_path, 10) / "adapter_model.safetensors").unlink()
    (tmp_path / "run.json").write_text(json.dumps({"best_model_checkpoint": "checkpoint-10"}))
    with pytest.raises(
        CheckpointError, match=r"checkpoint-10, the best of the run, is damaged: adapter_model.*missing"
    ):
        find_checkpoint(tmp_path)


def test_a_folder_with_no_whole_checkpoint_says_why(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nor a run that has one\. Give a checkpoint-N folder"):
        find_checkpoint(tmp_path)
    (tmp_path / "run/checkpoint-1").mkdir(parents=True)
    with pytest.raises(
        CheckpointError, match=r"No checkpoint in it is whole:\n  checkpoint-1: .*has no agentswift.json"
    ):
        find_checkpoint(tmp_path / "run")


def test_a_linked_checkpoint_of_another_run_is_not_this_runs(tmp_path: Path) -> None:
    other = checkpoint(tmp_path / "other", 50)
    checkpoint(tmp_path / "run", 5)
    (tmp_path / "run/checkpoint-50").symlink_to(other)
    assert find_checkpoint(tmp_path / "run").name == "checkpoint-5"
