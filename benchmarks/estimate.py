"""How far off the estimate of memory and time is: real runs of SmolLM2 on this machine, as `probe=true` measures them.

`python benchmarks/estimate.py` trains a few steps on rows of one length in each of several settings, and prints what
`train dry_run=true` says beforehand beside the resident peak and the pace. On a GPU: benchmarks/gpu.py.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_SETTINGS = {  # tokens a row; words of the command line
    "LoRA": (768, []),
    "LoRA, checkpointed": (1536, ["compute.gradient_checkpointing=true"]),
    "LoRA, ms-swift's loss": (768, ["loss.backend=swift"]),
    "full": (512, ["tuner=full"]),
    "full, checkpointed": (768, ["tuner=full", "compute.gradient_checkpointing=true"]),
    "full, ms-swift's loss": (768, ["tuner=full", "loss.backend=swift"]),
}
_SAID = (
    r"about ([\d.]+) GB a rank",
    r"own peak: ([\d.]+) GB",
    r"([\d,]+) tokens/s, assumed",
    r" at ([\d,]+) tokens/s, as a probe",
)


def written(file: Path, words: int) -> None:
    """Write rows of one length, most of it the answer; a word is a token of SmolLM2's."""
    row = {"messages": [{"role": "user", "content": "count"}, {"role": "assistant", "content": "red " * (words - 40)}]}
    lines = []
    for number in range(32):
        row["messages"][0]["content"] = f"count {number:02}"
        lines.append(json.dumps(row))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(model: str, length: int, words: list[str], folder: Path) -> tuple[float, float, float]:
    """Return GB estimated, GB measured, and the estimated pace by the measured one."""
    file = folder / "rows.jsonl"
    written(file, length)
    named = [f"model={model}", f"data.path={file}", f"max_length={length}", "per_device_train_batch_size=1", "split=0"]
    named += [
        "compute=cpu",
        "model.torch_dtype=float32",
        "gradient_accumulation_steps=1",
        "max_steps=8",
        "data.dedup=none",
    ]
    found = _ran([*named, *words, "dry_run=true", "probe=true"])
    said = [re.search(pattern, found) for pattern in _SAID]
    if not all(said):
        sys.exit(found[-3000:])
    figures = [float(match[1].replace(",", "")) for match in said if match]
    return figures[0], figures[1], figures[2] / figures[3]


def _ran(words: list[str]) -> str:
    command = [sys.executable, "-m", "agentswift", "train", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ}).stdout


def main() -> None:
    """Print a Markdown table, then one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first setting alone")
    parser.add_argument("--model", default="smollm2", choices=["smollm2", "tiny"])
    asked = parser.parse_args()
    chosen = dict(list(_SETTINGS.items())[: 1 if asked.quick else None])
    print(
        "| setting, a row a step | estimated | measured | off | tokens/s, assumed by measured |\n|---|---|---|---|---|"
    )
    errors = {}
    for name, (length, words) in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            estimated, peak, pace = measure(asked.model, length, words, Path(folder))
        errors[name] = round(estimated / peak - 1, 3)
        print(
            f"| {name}, {length} | {estimated:.2f} GB | {peak:.2f} GB | {errors[name]:+.1%} | {pace:.2f} |", flush=True
        )
    worst = max(map(abs, errors.values()))
    print(json.dumps({"benchmark": "estimate", "model": asked.model, "memory_error": worst, "errors": errors}))


if __name__ == "__main__":
    main()
