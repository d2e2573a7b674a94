"""`make demo`: teach a 135M model to call tools on this machine's CPU, and measure it before and after.

Read it from top to bottom: these are the commands one would type. FULL=1 scores every held-out row.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

STARTED = float(os.environ.get("DEMO_STARTED", time.time()))  # make's start: set-up counts
RUNS = Path("runs/demo")
HELD_OUT = "data.parts={quickstart-known: 1.0, quickstart-unseen: 1.0}"
SAMPLES = "null" if os.environ.get("FULL") == "1" else "48"


def agentswift(title: str, *words: str) -> None:
    """Run one agentswift command, showing it as it would be typed; end the demo where it fails."""
    shown = " ".join(f"'{w}'" if " " in w else w for w in words)
    print(f"\n[{time.time() - STARTED:4.0f} s] {title}\n$ agentswift {shown}", flush=True)
    status = subprocess.call([sys.executable, "-m", "agentswift", *words])
    if status:
        sys.exit(f"demo: `agentswift {words[0]}` ended with status {status}; its message is above")


def scores(folder: Path) -> dict[str, dict[str, object]]:
    """Read the figures that `eval` left, by the demo's names of the two held-out sets."""
    parts = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["parts"]
    return {"known": parts["quickstart-known"], "unseen": parts["quickstart-unseen"]}


def main() -> None:
    """Check, score, train, merge, score again; leave runs/demo/summary.json."""
    run = RUNS / time.strftime("%Y-%m-%d_%H-%M-%S")
    base, trained, merged, tuned = (run / name for name in ("base", "train", "merged", "tuned"))
    agentswift("the training data", "check", "data=quickstart")
    question = ["data=card", HELD_OUT, f"samples={SAMPLES}", "max_new_tokens=80", "batch_size=48"]
    agentswift("the model as it is", "eval", "checkpoint=null", *question, f"output_dir={base}")
    agentswift("training", "train", "experiment=quickstart", f"output_dir={trained}")
    agentswift("one model of base and adapter", "export", f"checkpoint={trained}", f"output_dir={merged}")
    question.append(f"compare={base}")
    agentswift("the model as trained", "eval", f"checkpoint={merged}", *question, f"output_dir={tuned}")

    summary = {
        "seconds": round(time.time() - STARTED, 1),
        "base": scores(base),
        "tuned": scores(tuned),
        "checkpoint": str(merged),
    }
    target = RUNS / "summary.json"
    target.with_suffix(".part").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    target.with_suffix(".part").replace(target)

    print(f"\n{summary['seconds']:.0f} s. The run: {run} (train/report.html, base/ and tuned/predictions.jsonl)")
    print("Next: agentswift show data=quickstart rows=3   or your own: agentswift train data.path=ROWS.jsonl")


if __name__ == "__main__":
    main()
