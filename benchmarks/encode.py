"""Encode and check speed, and how soon training starts: ours and ms-swift's, on the same rows in one run.

`python benchmarks/encode.py` reads AGENTSWIFT_CORPUS (default ../shared/data), takes the glaive tool calls (en and
zh) and FireAct, and prints a table of rows a second; each figure is the best of three; both run on one core, then on
all. Then it makes a file of 30,000 rows and takes the time from the command to the first step (benchmarks/start.py).
`--quick`: once, on all cores, and 1,000 rows. The last line of the output is JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

FILES = {
    "glaive en+zh": (
        "llamafactory_demos/glaive_toolcall_en_demo.json",
        "llamafactory_demos/glaive_toolcall_zh_demo.json",
    ),
    "FireAct": ("fireact/multitask_multimethod.jsonl",),
}
CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", "../shared/data"))


ROWS, QUICK_ROWS = 30_000, 1_000  # of the file that is started on
RUNS = 1 if "--quick" in sys.argv else 3


def best(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of RUNS runs."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


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
    words = [sys.executable, __file__, "--here", *(["--quick"] if quick else [])]
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


def starts(rows: int) -> dict[str, float]:
    """Make a file of `rows` rows, start on it each way, and print the seconds."""
    from data import make
    from start import started

    with tempfile.TemporaryDirectory(prefix="agentswift-encode-") as folder:
        make(file := Path(folder) / "rows.jsonl", rows)
        found = started(file)
    print(f"\nseconds from the command to the first step, {rows:,} rows, cores: {os.cpu_count()}")
    for name, seconds in found.items():
        print(f"  {name:32} {seconds:7.1f}   ms-swift / this: {found['ms-swift s'] / seconds:4.1f}")
    return found


def main() -> None:
    """Print speeds on one core and on all, and starts; end with the ratios to ms-swift."""
    quick = "--quick" in sys.argv
    cores = os.cpu_count() or 1
    for count in sorted({cores} if quick else {1, cores}):
        found = speeds(count, quick)
    rows = QUICK_ROWS if quick else ROWS
    begun = starts(rows)
    second = begun["ours second point of a sweep s"]
    summary = {
        "benchmark": "encode",
        "quick": quick,
        "cores": cores,
        "rows": rows,
        "time_ratio": round(begun["ours cold s"] / begun["ms-swift s"], 3),
        "memory_ratio": None,  # benchmarks/data.py measures it
        "encode_time_ratio": {row["rows"]: round(row["ms-swift"] / row["ours"], 3) for row in found},
        "second_start_ratio": round(second / begun["ms-swift s"], 3),
        "second_to_first_start": round(second / begun["ours cold s"], 3),
        "seconds": {name: round(seconds, 1) for name, seconds in begun.items()},
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    if "--here" in sys.argv:
        print(json.dumps(measure()))
    else:
        main()
