"""Which number type a device computes fast in."""

from pathlib import Path


def default_dtype(use_cpu: bool) -> str:
    """Return "bfloat16" where the device computes in it, else "float32".

    A CPU without AVX-512 BF16 or AMX only emulates bfloat16: measured 30 times slower than float32 (2 cores, AVX2).
    """
    if not use_cpu:
        return "bfloat16"
    return "bfloat16" if _flags() & {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16", "svebf16"} else "float32"


def _flags(file: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Return what the CPU says it can (x86 "flags", ARM "Features"); nothing where there is no such file."""
    if not file.exists():
        return set()
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, words = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(words.split())
    return set()
