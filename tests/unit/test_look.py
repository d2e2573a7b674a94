"""Each way in which a model's folder can run code, with a harmless proof: a marker file that must not appear."""

import json
import pickle
from pathlib import Path

import pytest

from agentswift.engine.look import look
from agentswift.errors import ModelError
from tests.planted import Touch, python


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with nothing wrong in it."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    (model / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    (model / "model.safetensors").write_bytes(b"")
    return model


def refused(folder: Path, trust_remote_code: bool = False) -> str:
    with pytest.raises(ModelError) as error:
        look(folder, trust_remote_code)
    return str(error.value)


def test_a_plain_model_is_let_in(folder: Path) -> None:
    look(folder, trust_remote_code=False)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "processor_config.json", "video/config.json"])
def test_auto_map_is_refused_unless_trusted(folder: Path, marker: Path, name: str) -> None:
    python(folder, marker, "modeling_own.py")
    (folder / name).parent.mkdir(exist_ok=True)
    named = {"nested": [{"auto_map": {"AutoConfig": "modeling_own.Config"}}]}
    (folder / name).write_text(json.dumps(named), encoding="utf-8")
    said = refused(folder)
    assert f"{name}: auto_map" in said
    assert "modeling_own.py: Python" in said
    assert "model.trust_remote_code=true" in said
    look(folder, trust_remote_code=True)
    assert not marker.exists()


@pytest.mark.parametrize("name", [".mdl", ".msc", "head.pt", "extra.pkl", "x.ckpt"])
def test_a_pickle_is_refused_even_when_code_is_trusted(folder: Path, marker: Path, name: str) -> None:
    (folder / name).write_bytes(pickle.dumps(Touch(marker)))
    assert f"{name}: a pickle" in refused(folder, trust_remote_code=True)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-2.bin", "adapter_model.bin"])
def test_weights_as_a_pickle_are_let_lie_beside_safetensors_and_refused_alone(
    folder: Path, marker: Path, name: str
) -> None:
    (folder / name).write_bytes(pickle.dumps(Touch(marker)))
    look(folder, trust_remote_code=False)
    (folder / "model.safetensors").unlink()
    assert "no safetensors" in refused(folder)
    assert not marker.exists()


def test_what_the_trainer_leaves_in_a_checkpoint_is_let_lie(folder: Path, marker: Path) -> None:
    for name in ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state_0.pth"):
        (folder / name).write_bytes(pickle.dumps(Touch(marker)))
    look(folder, trust_remote_code=False)
    assert not marker.exists()


@pytest.mark.parametrize("key", ["external_plugins", "custom_register_path"])
def test_plugins_named_in_args_json_are_refused(folder: Path, marker: Path, key: str) -> None:
    python(folder.parent, marker, "modeling_own.py")
    named = {key: [str(folder.parent / "modeling_own.py")], "model": "x"}
    (folder / "args.json").write_text(json.dumps(named), encoding="utf-8")
    assert "args.json: names Python to import" in refused(folder, trust_remote_code=True)
    (folder / "args.json").write_text(json.dumps({key: [], "model": "x"}), encoding="utf-8")
    look(folder, trust_remote_code=False)
    assert not marker.exists()


def test_marks_in_modelscopes_own_cache_are_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".msc").write_bytes(pickle.dumps([]))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(folder.parent))
    look(folder, trust_remote_code=False)


@pytest.mark.parametrize(("content", "word"), [(None, "no config.json"), ("{", "cannot be read as JSON")])
def test_a_folder_that_is_no_model_is_said_so(folder: Path, content: str | None, word: str) -> None:
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content, encoding="utf-8")
    assert word in refused(folder)
