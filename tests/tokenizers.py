"""The tests' tokenizers: SmolLM2's, Llama-3's and Qwen's own, and one SentencePiece trained here."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from agentswift.engine.swift_facts import cache_folder
from agentswift.engine.tokenizer import Tokenizer

CHAT_TEMPLATE = {"smollm2": "chatml", "llama3": "llama3", "qwen": "qwen", "sentencepiece": "llama"}
QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)  # Qwen's own: digits one by one, where Llama-3 takes three


@cache
def tokenizer(name: str) -> Tokenizer:
    """Return the tokenizer `name`; converted once to tokenizer.json in the cache folder."""
    from transformers import PreTrainedTokenizerFast

    from agentswift.engine.embedded import smollm2
    from agentswift.engine.tokenizer import load_tokenizer

    if name == "smollm2":
        return load_tokenizer(smollm2())
    folder = cache_folder() / "tests" / f"tokenizer-{name}"
    if not (folder / "tokenizer.json").exists():
        made: PreTrainedTokenizerFast = {"llama3": _llama3, "qwen": _qwen, "sentencepiece": _sentencepiece}[name]()
        made.save_pretrained(folder)
    return load_tokenizer(folder)


def _packaged(package: str, file: str) -> str:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed (make dev)")
    return str(Path(spec.submodule_search_locations[0]) / file)


def _tiktoken(file: str, pattern: str | None, specials: list[str], eos: str, bos: str | None) -> Any:
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import TikTokenConverter

    extra = {"pattern": pattern} if pattern else {}
    converted = TikTokenConverter(vocab_file=file, extra_special_tokens=specials, **extra).converted()
    converted.post_processor = None  # the chat template writes the first token itself
    return PreTrainedTokenizerFast(tokenizer_object=converted, eos_token=eos, bos_token=bos)


def _llama3() -> Any:
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    file = _packaged("llama_models", "llama3/tokenizer.model")
    return _tiktoken(file, None, specials, "<|eot_id|>", "<|begin_of_text|>")


def _qwen() -> Any:
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    file = _packaged("dashscope", "resources/qwen.tiktoken")
    return _tiktoken(file, QWEN_PATTERN, specials, "<|im_end|>", None)


def _sentencepiece() -> Any:
    """Train a SentencePiece BPE with dummy prefix and byte fallback, and load it as Llama-2's tokenizer is loaded."""
    import sentencepiece
    from transformers import AutoTokenizer

    rows = Path(__file__).parents[1] / "registry" / "data" / "quickstart" / "train.jsonl"
    with TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            input=str(rows),
            model_prefix=f"{folder}/tokenizer",
            vocab_size=3000,
            model_type="bpe",
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            minloglevel=2,
        )
        Path(folder, "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer", "legacy": false}')
        return AutoTokenizer.from_pretrained(folder)
