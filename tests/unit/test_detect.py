import json
from pathlib import Path
from typing import Any

import pytest

from agentswift.engine.chat import chat
from agentswift.engine.chat_jinja import chat_jinja
from agentswift.engine.detect import Detected, detect_model
from agentswift.engine.swift_facts import chat_templates
from agentswift.errors import ModelError

SPECIALS = {"bos_token_id": "<s>", "eos_token_id": "</s>"}


def model(folder: Path, architecture: str | None, template: str | None = None, **config: Any) -> Path:
    """Make a folder with just what detection reads: a model of `architecture` that chats as ms-swift's `template`."""
    folder.mkdir()
    named = {"architectures": [architecture]} if architecture else {}
    (folder / "config.json").write_text(json.dumps(named | config), encoding="utf-8")
    tokens = {"bos_token": "<s>", "eos_token": {"content": "</s>"}}
    own = chat_jinja(chat(chat_templates()[template], SPECIALS), "react_en") if template else None
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens | {"chat_template": own}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("id_", "found"),
    [
        ("LLM-Research/Meta-Llama-3-8B-Instruct", Detected("llama", "llama3")),
        ("meta-llama/Meta-Llama-3-8B-Instruct", Detected("llama", "llama3")),
        ("someone/qwen3-8b", Detected("qwen3", "qwen3")),
        ("Qwen/Qwen2.5-7B-Instruct/", Detected("qwen2", "qwen2_5")),
    ],
)
def test_a_known_name_decides(id_: str, found: Detected) -> None:
    assert detect_model(None, id_) == found


@pytest.mark.parametrize("template", ["chatml", "llama3", "llama3_2", "llama", "deepseek", "atom"])
def test_an_ambiguous_llama_is_told_by_its_own_chat_template(tmp_path: Path, template: str) -> None:
    folder = model(tmp_path / "mine", "LlamaForCausalLM", template, model_type="llama")
    assert detect_model(folder, str(folder)) == Detected("llama", template)


def test_a_default_system_tells_qwen2_5_from_chatml(tmp_path: Path) -> None:
    folder = model(tmp_path / "mine", "Qwen2ForCausalLM", "qwen2_5", model_type="qwen2")
    assert detect_model(folder, str(folder)) == Detected("qwen2", "qwen2_5")


def test_a_name_is_not_believed_against_the_architecture(tmp_path: Path) -> None:
    folder = model(tmp_path / "Qwen3-8B", "LlamaForCausalLM", "chatml", model_type="llama")
    assert detect_model(folder, str(folder)) == Detected("llama", "chatml")


@pytest.mark.parametrize(
    ("architecture", "own", "words"),
    [
        ("LlamaForCausalLM", None, ["llama3", "chatml", "model.template=…"]),
        ("LlamaForCausalLM", "{{ raise_exception('no') }}", ["llama3", "model.model_type=…"]),
        ("LlamaForCausalLM", "{{ messages.x.y }} {% broken", ["llama3"]),
        ("LlamaForCausalLM", "{{ ''.__class__.__mro__[1].__subclasses__() }}", ["llama3"]),
        ("NoSuchForCausalLM", None, ["NoSuchForCausalLM"]),
        (None, None, ["no config.json names one"]),
    ],
)
def test_what_cannot_be_told_is_asked_for(
    tmp_path: Path, architecture: str | None, own: str | None, words: list[str]
) -> None:
    folder = model(tmp_path / "mine", architecture)
    if own:
        (folder / "chat_template.jinja").write_text(own, encoding="utf-8")
    with pytest.raises(ModelError) as error:
        detect_model(folder, "mine")
    assert all(word in str(error.value) for word in words)


def test_damaged_json_is_named(tmp_path: Path) -> None:
    folder = model(tmp_path / "mine", None)
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: cannot be read as JSON"):
        detect_model(folder, "mine")
