"""Encode and check speed, and how soon training starts: ours and ms-swift's, on the same rows in one run.

`python benchmarks/encode.py` reads AGENTSWIFT_CORPUS (default ../shared/data), takes the glaive tool calls (en and
zh) and FireAct, and prints a table of rows a second; each figure is the best of three; both run on one core, then on
all. Then it makes a file of 30,000 rows: rows a second of all that goes before a start (reading, checking, encoding),
ours from cold and from its cache, ms-swift's on one core and on all; and the time from the command to the first step
(benchmarks/start.py). `--quick`: once, on all cores, and 1,000 rows. The last line is JSON; its ratios are the cold
start's, by ms-swift's faster one.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from beside_swift import CORPUS, FIREACT, GLAIVE_EN, GLAIVE_ZH, cold_cache, last_line, parser, seconds_of

FILES = {"glaive en+zh": (GLAIVE_EN, GLAIVE_ZH), "FireAct": (FIREACT,)}
ROWS, QUICK_ROWS = 30_000, 1_000  # of the file that is started on
SWIFT_ON = "ms-swift, cores:"
RUNS = 1 if "--quick" in sys.argv else 3


def best(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of RUNS runs."""
    return min(seconds_of(work) for _ in range(RUNS))


def native(conversation: Any) -> dict[str, Any]:
    """Return a Conversation in ms-swift's own row layout (tool_call and tool_response messages)."""
    messages = [{"role": "system", "content": conversation.system}] if conversation.system is not None else []
    for turn in conversation.turns:
        messages.append({"role": "user", "content": turn.user or ""})
        for step in turn.steps:
            call = json.dumps({"name": step.tool, "arguments": dict(step.arguments)}, ensure_ascii=False)
            role = {"call": "tool_call", "observation": "tool_response"}.get(step.kind, "assistant")
            messages.append({"role": role, "content": call if step.kind == "call" else step.text})
    tools = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in conversation.tools]
    return {"messages": messages, **({"tools": tools} if tools else {})}


def measure() -> list[dict[str, Any]]:
    """Measure in this process; how many cores the Rust tokenizer takes was set before it started."""
    from swift.model import get_processor
    from swift.template import get_template

    from agentswift.agent_templates import find_agent_template
    from agentswift.cards import Card
    from agentswift.check import check_conversation
    from agentswift.corpus import read_part
    from agentswift.engine.embedded import smollm2
    from agentswift.engine.encode import Encoder, load_chat
    from agentswift.engine.tokenizer import load_tokenizer

    folder = smollm2()
    tokenizer = load_tokenizer(folder)
    encoder = Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template("react_en"))
    processor = get_processor(str(folder), model_type="llama")
    settings = {"agent_template": "react_en", "loss_scale": "react", "max_length": 10**6}
    theirs = get_template(processor, template_type="chatml", **settings)
    theirs.set_mode("train")
    found = []
    for name, files in FILES.items():
        cards = [Card(name=Path(f).stem, format="", path=str(CORPUS / f)) for f in files]
        kept = [o.conversation for c in cards for o in read_part(c, Path(c.path)) if o.conversation is not None]
        kept = kept[: QUICK_ROWS // 5] if RUNS == 1 else kept
        rows = [native(c) for c in kept]
        ours = best(lambda: sum(len(e.input_ids) for e in encoder.encode(kept)))  # noqa: B023
        swift = best(lambda: [theirs.encode(json.loads(json.dumps(r))) for r in rows])  # noqa: B023
        copy = best(lambda: [json.loads(json.dumps(r)) for r in rows])  # noqa: B023
        checked = best(lambda: [check_conversation(replace(c)) for c in kept])  # noqa: B023
        read = best(lambda: [sum(1 for _ in read_part(c, Path(c.path))) for c in cards])  # noqa: B023
        tokens = sum(len(e.input_ids) for e in encoder.encode(kept))
        found.append(
            {
                "rows": f"{name} ({len(kept)})",
                "tokens a row": round(tokens / len(kept)),
                "ours": len(kept) / ours,
                # its encode changes the row that it is given: the copy made of each is not counted
                "ms-swift": len(kept) / (swift - copy),
                "rules": len(kept) / checked,
                "read+check": len(kept) / read,
            }
        )
    return found


def speeds(cores: int, quick: bool) -> list[dict[str, Any]]:
    """Run `measure` in a process of its own on so many cores, and print what it found."""
    env = {**os.environ, "RAYON_NUM_THREADS": str(cores), "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "true"}
    words = [sys.executable, __file__, *(["--quick"] if quick else []), "--here", "speeds"]
    done = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{cores} core(s); rows a second")
    for row in found:
        print(
            f"  {row['rows']:22} {row['tokens a row']:5} tokens a row   encode: ours {row['ours']:7.0f}   "
            f"ms-swift {row['ms-swift']:7.0f}   ratio {row['ours'] / row['ms-swift']:4.1f}   "
            f"check: rules {row['rules']:7.0f}, with reading {row['read+check']:7.0f}"
        )
    return found


def before_a_start(file: Path, cores: int) -> dict[str, float]:
    """Read, check and encode a file each way, each in a process of its own; print and return rows a second."""
    ways = ["ours", f"{SWIFT_ON} 1", *([f"{SWIFT_ON} {cores}"] if cores > 1 else [])]
    found: dict[str, float] = {}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "true"}
    with tempfile.TemporaryDirectory(prefix="agentswift-encode-") as folder:
        env["AGENTSWIFT_CACHE"] = str(cold_cache(Path(folder) / "cache"))
        for way in ways:
            words = [sys.executable, __file__, "--here", way, str(file)]
            done = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, check=True)
            found |= json.loads(done.stdout.splitlines()[-1])
    print("\nrows a second before a start: reading, checking (ours), encoding")
    for name, speed in found.items():
        print(f"  {name:32} {speed:9,.0f}")
    return found


def rates(way: str, file: Path) -> dict[str, float]:
    """Return rows a second in this process; ours a second time, from the cache, with reading and without."""
    import data

    if way != "ours":
        found = data.swift(file, int(way.split()[-1]))
        return {way: found["rows"] / found["s"]}
    cold, warm = data.ours(file), data.ours(file)
    speeds = {"ours, cold": cold["s"], "ours, from the cache": warm["s"], "the cache alone": warm["encode s"]}
    return {name: cold["rows"] / seconds for name, seconds in speeds.items()}


def starts(file: Path, rows: int) -> dict[str, tuple[float, float]]:
    """Start on a file each way; print and return seconds and GB."""
    from start import started

    found = started(file)
    best = theirs(found)[0]
    print(f"\nseconds from the command to the first step, {rows:,} rows, cores: {os.cpu_count()}")
    for name, (seconds, most) in found.items():
        print(f"  {name:32} {seconds:7.1f}   {most:5.2f} GB   ms-swift's faster / this: {best / seconds:4.1f}")
    return found


def theirs(begun: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """Return ms-swift's faster start."""
    return min(figures for name, figures in begun.items() if name.startswith("ms-swift"))


def main() -> None:
    """Print speeds on one core and on all, and starts; end with the ratios to ms-swift."""
    words = parser(__doc__, "once, on all cores, and 1,000 rows")
    words.add_argument("--rows", type=int, help="of the file that is started on (30,000)")
    asked = words.parse_args()
    cores, rows = os.cpu_count() or 1, asked.rows or (QUICK_ROWS if asked.quick else ROWS)
    for count in sorted({cores} if asked.quick else {1, cores}):
        found = speeds(count, asked.quick)
    from data import make
    from start import AGAIN, COLD, POINT

    with tempfile.TemporaryDirectory(prefix="agentswift-rows-") as folder:
        make(file := Path(folder) / "rows.jsonl", rows)
        speed = before_a_start(file, cores)
        begun = starts(file, rows)
    swift, cold = theirs(begun), begun[COLD]
    last_line(
        {"quick": asked.quick, "cores": cores, "rows": rows},
        memory_ratio=round(cold[1] / swift[1], 3),
        time_ratio=round(cold[0] / swift[0], 3),
        encode_time_ratio={row["rows"]: round(row["ms-swift"] / row["ours"], 3) for row in found},
        second_start_ratio=round(begun[POINT][0] / swift[0], 3),
        second_command_ratio=round(begun[AGAIN][0] / swift[0], 3),
        second_to_first_start=round(begun[POINT][0] / cold[0], 3),
        rows_per_s={name: round(value, 1) for name, value in speed.items()},
        seconds={name: round(seconds, 1) for name, (seconds, _) in begun.items()},
    )


if __name__ == "__main__":
    if "--here" in sys.argv:
        way, *files = sys.argv[sys.argv.index("--here") + 1 :]
        print("\n" + json.dumps(measure() if way == "speeds" else rates(way, Path(files[0]))))
    else:
        main()
