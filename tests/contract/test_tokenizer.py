"""Our tokenizer is transformers' own without transformers: same ids, same text back, made once and kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentswift.engine.embedded import smollm2
from agentswift.engine.swift_facts import cache_folder
from agentswift.engine.tokenizer import load_tokenizer, whole_tokenizer
from agentswift.errors import ModelError
from tests.tokenizers import CHAT_TEMPLATE, tokenizer

TEXTS = [
    "",
    " a",
    "Action: search\nAction Input: {\"query\": \"北京 天气\"}\n",
    "<|im_start|>user\n你好！<|im_end|>\n",
    "<|begin_of_text|><|eot_id|> </s> 🙂 e\u0301 \t\n\n x",
    "1234567 12.5 ，。：＊",
]  # fmt: skip


def folder_of(name: str) -> Path:
    tokenizer(name)
    return smollm2() if name == "smollm2" else cache_folder() / "tests" / f"tokenizer-{name}"


@pytest.mark.parametrize("name", CHAT_TEMPLATE)
def test_ids_and_text_are_those_of_transformers(name: str) -> None:
    whole = whole_tokenizer(folder_of(name))
    for kept in (tokenizer(name), load_tokenizer(folder_of(name))):
        for text in TEXTS:
            ids = whole.encode(text, add_special_tokens=False)
            assert kept.encode(text) == ids
            assert kept.decode(ids) == whole.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        assert kept.id("eos_token") == whole.eos_token_id
        assert kept.id("bos_token") == whole.bos_token_id
        assert kept.id("pad_token") == whole.pad_token_id
        assert kept.first == (whole.bos_token if whole.encode("a")[0] == whole.bos_token_id else "")


def test_a_second_load_imports_neither_transformers_nor_torch() -> None:
    load_tokenizer(smollm2())
    code = (
        "import sys; from pathlib import Path; from agentswift.engine.tokenizer import load_tokenizer; "
        f"load_tokenizer(Path({str(smollm2())!r})); "
        "print([name for name in ('torch', 'transformers', 'swift') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    for file in smollm2().glob("*token*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    first = load_tokenizer(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    changed = {**config, "eos_token": "<|im_start|>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(changed), encoding="utf-8")
    assert (first.specials["eos_token"], load_tokenizer(tmp_path).specials["eos_token"]) == (
        config["eos_token"],
        "<|im_start|>",
    )


def test_a_file_that_cuts_or_fills_texts_does_not(tmp_path: Path) -> None:
    rust = json.loads((smollm2() / "tokenizer.json").read_text(encoding="utf-8"))
    rust["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    (tmp_path / "tokenizer.json").write_text(json.dumps(rust), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_bytes((smollm2() / "tokenizer_config.json").read_bytes())
    text = "one two three four five six"
    assert load_tokenizer(tmp_path).encode(text) == tokenizer("smollm2").encode(text)


def test_a_folder_without_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="its tokenizer cannot be read"):
        load_tokenizer(tmp_path)
