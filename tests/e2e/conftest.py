"""Real commands in processes of their own, on a tiny model made once in the user's cache folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
TINY = ("model=tiny", "compute=cpu", "logging_steps=1", "gradient_accumulation_steps=1")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `agentswift WORDS` in an empty folder, as a user would; the hubs are out of reach, unless `env` says so."""

    def command(*words: str, status: int = 0, timeout: float = 300, **env: str) -> "subprocess.CompletedProcess[str]":
        quiet = {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1", "PYTHONWARNINGS": "default"}
        alone = {"XDG_CONFIG_HOME": str(tmp_path / "nobody")}  # no cards but ours
        done = subprocess.run(
            [sys.executable, "-m", "agentswift", *words],
            cwd=tmp_path,
            env={**os.environ, **quiet, **alone, **env},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == status, f"{words}\n{done.stdout}\n{done.stderr}"
        return done

    return command
