"""What we believe of ms-swift without importing it, held against ms-swift itself in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentswift.engine.argument_names import argument_names
from agentswift.engine.look import look
from agentswift.engine.swift_facts import chat_templates, model_types
from agentswift.errors import ModelError

ASK = """
import json, sys
from dataclasses import fields
from swift import SftArguments
from swift.model import MODEL_MAPPING, get_model_info_meta
from swift.model.model_meta import get_matched_model_meta
from swift.template import TEMPLATE_MAPPING
from swift.trainers import TrainerFactory

def model_info(folder):
    try:
        get_model_info_meta(folder, model_type="llama")
    except Exception as error:
        return repr(error)

found = {
    "arguments": sorted(f.name for f in fields(SftArguments)),
    "templates": {n: [m.prefix, m.chat_sep, m.suffix, m.default_system] for n, m in TEMPLATE_MAPPING.items()},
    "models": {id_: (m.model_type, m.template) for id_ in sys.argv[2:] for m in [get_matched_model_meta(id_)]},
    "llamas": [m.model_type for m in MODEL_MAPPING.values() if "LlamaForCausalLM" in m.architectures],
    "trainer": TrainerFactory.TRAINER_MAPPING["causal_lm"],
    "proof": model_info(sys.argv[1]),
}
print(json.dumps(found))
"""
IDS = ("LLM-Research/Meta-Llama-3-8B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen3-8B", "01-ai/Yi-6B-Chat")


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder whose Python writes a marker beside it."""
    folder = tmp_path_factory.mktemp("proof") / "model"
    folder.mkdir()
    named = {"model_type": "own", "auto_map": {"AutoConfig": "configuration_own.Own"}, "architectures": ["Own"]}
    (folder / "config.json").write_text(json.dumps(named), encoding="utf-8")
    (folder / "configuration_own.py").write_text(
        f"from pathlib import Path\nPath({str(folder.parent / 'marker')!r}).touch()\n"
        "from transformers import PretrainedConfig\nclass Own(PretrainedConfig):\n    model_type = 'own'\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="module")
def swift(proof: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.raises(ModelError):
        look(proof, trust_remote_code=False)
    assert not (proof.parent / "marker").exists()
    words = [sys.executable, "-W", "ignore", "-c", ASK, str(proof), *IDS]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path_factory.mktemp("cwd"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_names_read_from_the_source_are_those_of_the_class(swift: Any) -> None:
    assert argument_names() == set(swift["arguments"])


def test_the_templates_kept_are_those_of_the_mapping(swift: Any) -> None:
    ours = {t.name: [t.prefix, t.chat_sep, t.suffix, t.default_system] for t in chat_templates().values()}
    assert ours == swift["templates"]


def test_a_models_name_means_to_us_what_it_means_to_ms_swift(swift: Any) -> None:
    for id_, (model_type, template) in swift["models"].items():
        name = id_.rsplit("/", 1)[-1].lower()
        assert next((kind.name, kind.ids[name]) for kind in model_types().values() if name in kind.ids) == (
            model_type,
            template,
        )


def test_a_llama_alone_is_ambiguous_to_ms_swift(swift: Any) -> None:
    assert len(swift["llamas"]) > 1
    assert "llama" in swift["llamas"]


def test_ms_swift_runs_the_python_of_a_models_folder(swift: Any, proof: Path) -> None:
    """Why we look first: it ran here, in the fixture, after our own look had refused the folder."""
    assert (proof.parent / "marker").exists()


def test_the_trainer_is_found_by_name(swift: Any) -> None:
    assert isinstance(swift["trainer"], str)
