"""How far off the estimate of memory and time is: real runs of SmolLM2 on this machine, as `probe=true` measures them.

`python benchmarks/estimate.py` trains a few steps on rows of one length in each of several settings, and prints what
`train dry_run=true` says beforehand beside the resident peak and the pace. On a GPU: benchmarks/gpu.py.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from beside_swift import last_line, markdown, parser

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
    line = parser(__doc__, "the first setting alone")
    line.add_argument("--model", default="smollm2", choices=["smollm2", "tiny"])
    asked = line.parse_args()
    chosen = dict(list(_SETTINGS.items())[: 1 if asked.quick else None])
    errors, paces, rows = {}, {}, []
    for name, (length, words) in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            estimated, peak, pace = measure(asked.model, length, words, Path(folder))
        errors[name], paces[name] = round(estimated / peak - 1, 3), round(pace, 3)
        rows.append(
            [f"{name}, {length}", f"{estimated:.2f} GB", f"{peak:.2f} GB", f"{errors[name]:+.1%}", f"{pace:.2f}"]
        )
        print("; ".join(rows[-1]), file=sys.stderr, flush=True)
    print(markdown(["setting, a row a step", "estimated", "measured", "off", "tokens/s, assumed by measured"], rows))
    said = {"memory_error": max(map(abs, errors.values())), "errors": errors, "pace_by_measured": paces}
    last_line({"model": asked.model, "settings": list(chosen)}, **said)


if __name__ == "__main__":
    main()
