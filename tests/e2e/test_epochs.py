"""Three epochs of a real training: each trains the rows that the mix draws for it; so does a run that is resumed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentswift.engine.job import Job
from agentswift.mix import Mix
from tests.e2e.conftest import TINY, Run

pytestmark = pytest.mark.e2e

# What a rank runs, with the rows that reach the collator written down.
SPY = """
import sys
from pathlib import Path
from agentswift.engine import epochs, worker

class Watched(epochs.EpochRows):
    def __getitem__(self, index):
        if isinstance(index, int):
            epoch, place = divmod(index, len(self))
            with Path(sys.argv[2]).open("a") as seen:
                print(epoch, self.mix.epoch(epoch)[place], file=seen)
        return super().__getitem__(index)

worker.EpochRows = Watched
worker.main(sys.argv[1])
"""


def trained(folder: Path, *more: str) -> tuple[list[list[int]], list[float]]:
    """Run the engine in `folder` again, with more of ms-swift's arguments; return [epoch, row] seen, and the losses."""
    job = Job.read(folder)
    job.arguments += more
    job.write(folder)
    seen, log = folder / "seen", folder / "logging.jsonl"
    for file in (seen, log):
        file.unlink(missing_ok=True)
    (folder / "spy.py").write_text(SPY, encoding="utf-8")
    words = [sys.executable, str(folder / "spy.py"), str(folder / "run.yaml"), str(seen)]
    env = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(words, env=env, cwd=folder.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [[int(n) for n in line.split()] for line in seen.read_text().splitlines()], [
        r["loss"] for r in records if "loss" in r
    ]


def test_each_epoch_trains_the_rows_drawn_for_it_and_a_resumed_run_the_same(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("train", *TINY, "data=quickstart#5", "num_train_epochs=3", "save_steps=7", "save_total_limit=9", "split=0",
        "per_device_train_batch_size=1", "tuner.lora_dropout=0", "model.torch_dtype=float32",
        "output_dir=out")  # fmt: skip
    mix = Mix(**Job.read(out).mix)
    order = [[epoch, row] for epoch in range(3) for row in mix.epoch(epoch)]
    assert len({row for _, row in order}) > 5  # a sample of its own each time
    seen, losses = trained(out)
    assert seen == order
    again, rest = trained(out, "--resume_from_checkpoint", str(out / "checkpoint-7"))
    assert again == order[7:]
    assert rest[-8:] == pytest.approx(losses[7:], rel=1e-4)
