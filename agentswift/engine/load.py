"""A model and an adapter from this disk: safetensors alone, and no hub is asked."""

from pathlib import Path
from typing import Any

from agentswift.errors import ModelError


def load_model(folder: Path, torch_dtype: str, attn_impl: str | None = None, trust_remote_code: bool = False) -> Any:
    """Return the causal language model in `folder`, from safetensors on this disk alone. Raises ModelError."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    named = {"attn_implementation": attn_impl} if attn_impl else {}
    try:
        return AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=getattr(torch, torch_dtype),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            **named,
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelError(f"{folder}: the model cannot be loaded: {str(error).splitlines()[0]}") from error


def with_adapter(model: Any, adapter: Path) -> Any:
    """Return `model` with the adapter in the folder `adapter` laid over it (peft). Raises ModelError."""
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, str(adapter), is_trainable=False, use_safetensors=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{adapter}: the adapter does not fit its base: {str(error).splitlines()[0]}") from error
