"""`export` and `eval` after a real, short training: what one leaves the next one reads."""

import json
from pathlib import Path

import pytest

from agentswift.engine.predictions import recompute
from tests.e2e.conftest import TINY, Run

pytestmark = pytest.mark.e2e
EVAL = ("model=tiny", "data=quickstart-known", "samples=4", "max_new_tokens=8", "batch_size=2", "threads=1")


def answers(folder: Path) -> list[str]:
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["prediction"] for line in lines]


@pytest.mark.parametrize("tuner", ["lora", "full"])
def test_a_checkpoint_is_scored_as_it_was_trained(run: Run, tmp_path: Path, tuner: str) -> None:
    run("train", *TINY, "data=quickstart", f"tuner={tuner}", "template=react_en",
        "learning_rate=1e-2", "max_steps=3", "split=0", "output_dir=out")  # fmt: skip
    done = run("eval", *EVAL, "checkpoint=out", "output_dir=scored")
    scores = json.loads((tmp_path / "scored" / "scores.json").read_text(encoding="utf-8"))
    assert (scores["template"], scores["agent_template"], scores["model_type"]) == ("chatml", "react_en", "llama")
    assert scores["parts"]["quickstart-known"]["rows"] == 4
    assert recompute(tmp_path / "scored" / "predictions.jsonl") == scores["parts"]
    assert done.stdout.splitlines()[-1].startswith("Next: agentswift ")
    assert json.loads((tmp_path / "scored" / "run.json").read_text(encoding="utf-8"))["status"] == "done"
    if tuner == "lora":
        run("export", "checkpoint=out", "output_dir=merged")
        run("eval", *EVAL, "checkpoint=merged", "output_dir=again")
        assert answers(tmp_path / "again") == answers(tmp_path / "scored")
        assert "is there already" in run("export", "checkpoint=out", "output_dir=merged", status=1).stderr
    else:
        assert "no adapter to merge" in run("export", "checkpoint=out", "output_dir=merged", status=1).stderr


def test_the_base_is_scored_the_same_twice(run: Run, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        run("eval", *EVAL, f"output_dir={folder}")
    assert answers(tmp_path / "one") == answers(tmp_path / "two")
    assert "holds a run already" in run("eval", *EVAL, "output_dir=one", status=1).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("checkpoint=nowhere",), "there is no folder"),
        (("checkpoint=.",), "is not a checkpoint of agentswift"),
        (("model.model=own/model", "hub=path"), "hub=path asks no hub"),
        (("model.model=own/model", "hub=huggingface"), "Use a local copy: model.model=/folder"),
        (("data.path=nothing.jsonl",), "nothing.jsonl"),
    ],
)
def test_a_mistake_is_one_message(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run("eval", *EVAL, *words, "output_dir=out", status=1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
