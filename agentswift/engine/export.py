"""An adapter merged into its base: one folder that needs neither peft nor agentswift to be loaded."""

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentswift.checkpoints import MANIFEST, write_manifest
from agentswift.engine.chat import Chat
from agentswift.engine.chat_jinja import chat_jinja
from agentswift.engine.checkpoint import Trained
from agentswift.engine.load import load_model, with_adapter
from agentswift.engine.tokenizer import Tokenizer, whole_tokenizer
from agentswift.errors import CheckpointError, OutputError


def merge(
    checkpoint: Trained, out: Path, torch_dtype: str | None, overwrite: bool = False, trust_remote_code: bool = False
) -> Path:
    """Write `checkpoint` merged into the folder `out`: safetensors, tokenizer, chat template, manifest. Return `out`.

    The sum is made in float32, then cast to `torch_dtype` (None: the base's own). Whole or not at all.
    Raises CheckpointError when there is no adapter to merge, OutputError when `out` is there already.
    """
    if checkpoint.adapter is None:
        raise CheckpointError(f"{checkpoint.folder} holds whole weights already: there is no adapter to merge.")
    check_free(out, overwrite)
    part = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        dtype = _write(checkpoint, part, torch_dtype, trust_remote_code)
        write_manifest(part, replace(checkpoint.manifest, merged=True, torch_dtype=dtype, files={}, created=""))
        _put(part, out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror or error}. Try output_dir=FOLDER") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return out


def check_free(out: Path, overwrite: bool) -> None:
    """Raise OutputError when `out` holds something; `overwrite` lets a merged checkpoint be replaced, nothing else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise OutputError(f"{out} holds something that is no checkpoint. Give another folder: output_dir=FOLDER")
    if not overwrite:
        raise OutputError(f"{out} is there already. overwrite=true replaces it; output_dir=FOLDER writes another")


def _put(part: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with suppress(FileNotFoundError):
        out.rename(old)
    part.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _write(checkpoint: Trained, folder: Path, torch_dtype: str | None, trust_remote_code: bool) -> str:
    """Write weights, generation config and tokenizer; return the number type of the weights."""
    import torch

    assert checkpoint.adapter is not None
    spoken = checkpoint.spoken
    base = load_model(spoken.folder, "float32", trust_remote_code=trust_remote_code)
    dtype = torch_dtype or _dtype_on_disk(spoken.folder)
    merged = with_adapter(base, checkpoint.adapter).merge_and_unload(safe_merge=True)
    merged = merged.to(getattr(torch, dtype))
    merged.config._name_or_path = ""  # else the folder of the base on this machine
    _stop_at(merged, spoken.encoder.tokenizer, spoken.encoder.chat.stop)
    merged.save_pretrained(folder)
    tokenizer = whole_tokenizer(spoken.folder, trust_remote_code)
    if isinstance(spoken.encoder.chat, Chat):  # else it was trained with the model's own
        template = spoken.encoder.template
        tokenizer.chat_template = chat_jinja(spoken.encoder.chat, template.name, template.observation_place)
    tokenizer.save_pretrained(folder)
    return dtype


def _stop_at(model: Any, tokenizer: Tokenizer, stop: str) -> None:
    """Let `generate` end at the stop token trained, besides the base's own."""
    ids = tokenizer.encode(stop)
    own = model.generation_config.eos_token_id
    ends = {own} if isinstance(own, int) else set(own or ())
    if len(ids) == 1 and ids[0] not in ends:
        model.generation_config.eos_token_id = sorted(ends | set(ids))


def _dtype_on_disk(folder: Path) -> str:
    """Return the number type that the base's config names ("bfloat16"); float32 where it names none."""
    import json

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return str(config.get("dtype") or config.get("torch_dtype") or "float32")
