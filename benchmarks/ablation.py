"""What a loss scale does to the calls: flat, react, arguments_only and normalised react, each trained with some seeds.

`python benchmarks/ablation.py [--quick]` reads AGENTSWIFT_CORPUS (default ../shared/data) and runs `agentswift train`
and `agentswift eval` for each cell (a loss scale × a seed): quickstart and glaive's tool calls (en and zh) to train, a
step a row, and the shares of exact calls on rows held out of both. All scales of a seed see the same rows in the same
order. What a cell gave is kept in OUT/cells.json: started again, the script goes on where it was; figures of other
settings need another OUT. The last line of the output is JSON. On one idle core the defaults take some 45 minutes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from beside_swift import CORPUS, GLAIVE_EN, GLAIVE_ZH, last_line, markdown, parser

GLAIVE = (GLAIVE_EN, GLAIVE_ZH)
SCALES = {
    "flat": ["loss_scale=flat"],
    "react": ["loss_scale=react"],
    "arguments_only": ["loss_scale=arguments_only"],
    "react, normalised": ["loss_scale=react", "loss_scale.normalize=weights"],
}
HELD_OUT = ("quickstart-known", "quickstart-unseen", "glaive-held-out")
Cell = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What all cells have in common; kept with the figures."""

    model: str
    steps: int
    seeds: int
    samples: int
    max_new_tokens: int
    learning_rate: float
    max_length: int
    template: str
    split: str = "by first question, no row twice"  # of the rows held out


def settings(words: argparse.Namespace) -> Settings:
    """Return what was asked for; --quick asks for next to nothing."""
    if words.quick:
        return Settings("tiny", 2, 1, 6, 4, words.learning_rate, words.max_length, words.template)
    named = ("steps", "seeds", "samples", "max_new_tokens", "learning_rate", "max_length", "template")
    return Settings("smollm2", *(getattr(words, name) for name in named))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    line = parser(__doc__, "a tiny model, two steps, one seed: to see that it runs")
    line.add_argument("--out", default="runs/ablation", help="folder of figures and logs (%(default)s)")
    line.add_argument("--steps", type=int, default=40, help="rows trained, a quarter of them glaive's (%(default)s)")
    line.add_argument("--seeds", type=int, default=3, help="runs of each loss scale (%(default)s)")
    line.add_argument("--samples", type=int, default=36, help="rows scored, a third of each set (%(default)s)")
    line.add_argument("--max-new-tokens", type=int, default=64, help="of an answer (%(default)s)")
    line.add_argument("--learning-rate", type=float, default=2e-3, help="peak (%(default)s)")
    line.add_argument("--max-length", type=int, default=384, help="longer rows are left out (%(default)s)")
    line.add_argument("--template", default="hermes", help="agent template (%(default)s)")
    line.add_argument("--threads", type=int, default=1, help="CPU threads (%(default)s)")
    return line.parse_args()


def split(rows: list[Cell]) -> dict[str, list[Cell]]:
    """Hold a tenth out: rows that begin with one question go the same way, and one that is there twice goes once."""
    groups: dict[str, dict[str, Cell]] = {}
    for row in rows:
        question = next(said["value"] for said in row["conversations"] if said["from"] == "human")
        groups.setdefault(" ".join(question.lower().split()), {})[json.dumps(row, sort_keys=True)] = row
    sets: dict[str, list[Cell]] = {"glaive-train": [], "glaive-held-out": []}
    for number, group in enumerate(groups.values()):
        sets["glaive-train" if number % 10 else "glaive-held-out"] += group.values()
    return sets


def write_data(folder: Path) -> Path:
    """Write glaive's rows as two sets, and a registry with their cards; return its folder."""
    rows = [row for file in GLAIVE for row in json.loads((CORPUS / file).read_text(encoding="utf-8"))]
    registry = folder / "registry"
    registry.mkdir(parents=True, exist_ok=True)
    for name, chosen in split(rows).items():
        (registry / f"{name}.json").write_text(json.dumps(chosen, ensure_ascii=False), encoding="utf-8")
        card = f"name: {name}\nformat: sharegpt\npath: {name}.json\nlicense: apache-2.0\nabout: glaive tool calls\n"
        (registry / f"{name}.yaml").write_text(card, encoding="utf-8")
    return registry


def agentswift(log: Path, threads: int, *words: str) -> None:
    """Run one agentswift command, its output in `log`; end where it fails."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "RAYON_NUM_THREADS": str(threads)}
    with log.open("a", encoding="utf-8") as out:
        command = [sys.executable, "-m", "agentswift", *words]
        status = subprocess.call(command, env=env, stdout=out, stderr=subprocess.STDOUT)
    if status:
        sys.exit(f"`agentswift {' '.join(words)}` ended with status {status}; its words are in {log}")


def run(scale: str, seed: int, asked: Settings, folder: Path, threads: int) -> Cell:
    """Train and score one cell; return its figures."""
    work, registry = folder / f"{scale.replace(', ', '-')}-{seed}", f"registry=[{folder / 'registry'}]"
    shutil.rmtree(work, ignore_errors=True)  # half a run of before
    work.mkdir(parents=True)
    glaive = max(1, asked.steps // 4)
    mix = ["data=card", "data.parts={quickstart: 1.0, glaive-train: 1.0}", "data.max_refused=-1",
           f"data.rows={{quickstart: {max(1, asked.steps - glaive)}, glaive-train: {glaive}}}"]  # fmt: skip
    recipe = ["experiment=quickstart", f"model={asked.model}", f"template={asked.template}", *SCALES[scale]]
    numbers = {"max_steps": asked.steps, "learning_rate": asked.learning_rate, "max_length": asked.max_length,
               "split": 0, "save_steps": asked.steps, "logging_steps": 1, "seed": seed,
               "launch.threads": threads}  # fmt: skip
    said = [f"{name}={value}" for name, value in numbers.items()]
    started = time.time()
    agentswift(work / "train.log", threads, "train", *recipe, *mix, *said, registry, f"output_dir={work / 'train'}")
    trained = time.time()
    parts = ", ".join(f"{name}: 1.0" for name in HELD_OUT)
    agentswift(work / "eval.log", threads, "eval", f"checkpoint={work / 'train'}", "data=card", registry,
               "data.max_refused=-1", f"data.parts={{{parts}}}", f"samples={asked.samples}",
               f"max_new_tokens={asked.max_new_tokens}",
               "batch_size=16", f"threads={threads}", f"output_dir={work / 'eval'}")  # fmt: skip
    scores = json.loads((work / "eval" / "scores.json").read_text(encoding="utf-8"))["parts"]
    shutil.rmtree(work / "train")
    seconds = {"train": round(trained - started, 1), "eval": round(time.time() - trained, 1)}
    return {"scale": scale, "seed": seed, "seconds": seconds, "exact": exact(scores)}


def exact(scores: Cell) -> dict[str, list[float]]:
    """Return [exact calls, rows with a call] of all rows, of each set, and of each language."""
    found: dict[str, list[float]] = {"all": [0.0, 0]}
    for name, part in scores.items():
        _add(found, part, "all", name)
        for language, inner in part["by_language"].items():
            _add(found, inner, language)
    return found


def _add(found: dict[str, list[float]], part: Cell, *names: str) -> None:
    for name in names:
        exactly, calls = found.setdefault(name, [0.0, 0])
        found[name] = [exactly + round((part["exact_call"] or 0.0) * part["calls"]), calls + part["calls"]]


def table(cells: list[Cell]) -> str:
    """Return a Markdown table: of each scale the mean share of exact calls over its seeds, the least and the most."""
    names = list(dict.fromkeys(name for cell in cells for name in cell["exact"]))
    calls = {name: next(int(c["exact"][name][1]) for c in cells if name in c["exact"]) for name in names}
    columns = ["loss scale", "seeds", *(f"{name} ({calls[name]} calls)" for name in names)]
    lines = []
    for scale in dict.fromkeys(cell["scale"] for cell in cells):
        here = [cell for cell in cells if cell["scale"] == scale]
        shown = [_shown([_share(cell, name) for cell in here]) for name in names]
        lines.append([scale, len(here), *shown])
    return markdown(columns, lines)


def _share(cell: Cell, name: str) -> float:
    exactly, calls = cell["exact"].get(name, (0, 0))
    return float(exactly / calls) if calls else 0.0


def _shown(shares: list[float]) -> str:
    return f"{100 * mean(shares):.1f} % ({100 * min(shares):.1f}–{100 * max(shares):.1f})"


def summary(cells: list[Cell]) -> Cell:
    """Return the last line: mean, spread and cells of each scale."""
    found: Cell = {}
    for scale in SCALES:
        shares = [_share(cell, "all") for cell in cells if cell["scale"] == scale]
        spread = {"std": stdev(shares)} if len(shares) > 1 else {}
        found[scale] = {"exact_call": mean(shares), "min": min(shares), "max": max(shares), **spread}
    return found


def main() -> None:
    """Run what cells are not there yet, seed by seed; print the table and a line of JSON."""
    words = parsed()
    asked, folder = settings(words), Path(words.out).absolute()
    file = folder / "cells.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"settings": vars(asked), "cells": []}
    if kept["settings"] != vars(asked):
        sys.exit(f"{file} holds figures of other settings ({kept['settings']}); name another folder: --out")
    write_data(folder)
    cells: list[Cell] = kept["cells"]
    there = {(cell["scale"], cell["seed"]) for cell in cells}
    left = [(scale, 42 + i) for i, scale in product(range(asked.seeds), SCALES) if (scale, 42 + i) not in there]
    started = time.time()
    for done, (scale, seed) in enumerate(left):
        cell = run(scale, seed, asked, folder, words.threads)
        cells.append(cell)
        part = file.with_suffix(".part")
        part.write_text(json.dumps({"settings": vars(asked), "cells": cells}, indent=1), encoding="utf-8")
        part.replace(file)
        to_go = (time.time() - started) / (done + 1) * (len(left) - done - 1) / 60
        share, spent = _share(cell, "all"), cell["seconds"]
        print(f"[{len(cells)} of {len(SCALES) * asked.seeds}] {scale}, seed {seed}: {100 * share:.1f} % exact; "
              f"train {spent['train']} s, eval {spent['eval']} s; {to_go:.0f} min to go", flush=True)  # fmt: skip
    print(table(cells))
    last_line(vars(asked) | {"sets": list(HELD_OUT)}, **summary(cells))


if __name__ == "__main__":
    main()
