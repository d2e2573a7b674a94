"""What there is to train on: GPUs as nvidia-smi names them, or the CPU; memory in bytes. No torch."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from agentswift.engine.pace import cpu_pace, gpu_pace

_ASK = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Device:
    """A device, or all CPU cores together; `pace` is in operations a second, None where unknown."""

    name: str
    memory: float
    pace: float | None


def gpus(dtype: str) -> list[Device]:
    """Return the NVIDIA GPUs of this machine, computing in `dtype`; none where nvidia-smi is not there or fails."""
    try:
        said = subprocess.run(_ASK, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return read(said, dtype)


def read(said: str, dtype: str = "bfloat16") -> list[Device]:
    """Return the devices in nvidia-smi's lines: a name, a comma, MiB."""
    pairs = [line.rpartition(",") for line in said.splitlines() if line.strip()]
    return [Device(n.strip(), float(m) * 2**20, gpu_pace(n, dtype)) for n, _, m in pairs if m.strip().isdigit()]


def cpu() -> Device:
    """Return the CPU: memory that is free, or that this container may have; its pace is timed here."""
    return Device("CPU", min([_free(), *_allowed()]), cpu_pace())


def _free(file: Path = Path("/proc/meminfo")) -> float:
    """Return what a new process may take without swapping; no limit is known elsewhere than on Linux."""
    if not file.is_file():
        return float("inf")
    lines = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
    return next((float(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), float("inf"))


def _allowed() -> list[float]:
    texts = (Path(limit).read_text(encoding="utf-8").strip() for limit in _LIMITS if Path(limit).is_file())
    return [float(text) for text in texts if text.isdigit()]
