"""A whole model signed as a checkpoint of agentswift, without training one."""

from pathlib import Path
from shutil import copytree
from typing import Any

from agentswift.checkpoints import Manifest, write_manifest
from agentswift.engine.embedded import tiny


def manifest(**said: Any) -> Manifest:
    """Return the manifest of a whole tiny model, but for what is `said`."""
    plain: dict[str, Any] = {
        "step": 1,
        "model": "tiny",
        "model_type": "llama",
        "template": "chatml",
        "agent_template": "hermes",
        "loss_scale": {"name": "flat", "fields": {}},
        "tuner_type": "full",
        "torch_dtype": "float32",
        "max_length": 512,
        "system": None,
        "config_hash": "",
        "data_fingerprint": "",
        "world_size": 1,
        "versions": {},
    }
    return Manifest(**{**plain, **said})


def signed(folder: Path) -> Path:
    """Sign `folder` as it is, or a copy of the tiny model where there is none; whoever can write there can."""
    if not folder.exists():
        copytree(tiny(), folder)
    write_manifest(folder, manifest())
    return folder
