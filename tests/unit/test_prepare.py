"""What is asked of a model before anything of it is read; the cache's key; the entry that other nodes run."""

import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.compose import compose_run
from agentswift.conversation import Conversation, Source, Step, Turn
from agentswift.corpus import split_aside
from agentswift.engine.cut import mapped
from agentswift.engine.embedded import tiny
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.job import Job
from agentswift.engine.prepare import fingerprint, gathered, spoken
from agentswift.engine.swift_facts import cache_folder
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.errors import ModelError
from agentswift.runs import run_yaml
from agentswift.schema.groups import Hub, Model, Template, Thinking
from agentswift.schema.runs import Train
from agentswift.schema.written import read_train
from tests.checked import data_of, good, written


def test_code_of_a_hub_model_runs_only_at_a_pinned_revision() -> None:
    model = Model(
        model="somebody/some-model",
        model_type=None,
        template=None,
        torch_dtype=None,
        attn_impl=None,
        revision=None,
        trust_remote_code=True,
    )
    with pytest.raises(ModelError, match=r"pin what runs with model\.revision=COMMIT"):
        spoken(model, Template(agent_template="hermes"), Hub.path)


def node(folder: Path, run_yaml: Path, status: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run the entry on a node whose cache folder is `folder`: it has the models, and no encoded row."""
    folder.mkdir(exist_ok=True)
    for kept in cache_folder().iterdir():
        if kept.name != "encoded" and not (folder / kept.name).exists():
            (folder / kept.name).symlink_to(kept)
    words = [sys.executable, "-W", "ignore", "-m", "agentswift.engine.prepare", str(run_yaml)]
    env = {**os.environ, "AGENTSWIFT_CACHE": str(folder)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


def run_of(folder: Path, *words: str) -> Path:
    """Write the run.yaml of a training on FOLDER/rows.jsonl, as `train` does."""
    data = written(folder / "rows.jsonl", *map(good, range(5)))
    run = compose_run("train", Train, ["model=tiny", f"data.path={data}", *words])
    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / "run.yaml").write_text(run_yaml(asdict(run)), encoding="utf-8")
    assert read_train(folder / "run" / "run.yaml") == run
    return folder / "run" / "run.yaml"


def job(cache: str, cut: dict[str, str]) -> Job:
    return Job(arguments=[], cache=cache, truncation=cut, mix={}, epochs=1, val=[], scale={}, datasets=[], stretches=[],
               packing=False, padding_free=None, max_length=60, loss_backend="auto", manifest={})  # fmt: skip


def test_every_node_comes_to_the_same_rows_with_a_cache_of_its_own_or_a_shared_one(tmp_path: Path) -> None:
    file = run_of(tmp_path, "truncation_strategy=split", "max_length=60")
    first = Path(node(tmp_path / "one", file).stdout.strip())
    assert first.parent == tmp_path / "one" / "encoded"
    job(str(first), {"strategy": "split", "fewer_turns": ""}).write(file.parent)
    before = first.stat().st_mtime_ns
    assert Path(node(tmp_path / "one", file).stdout.strip()) == first  # another node, the same folder
    assert first.stat().st_mtime_ns == before
    second = Path(node(tmp_path / "two", file).stdout.strip())
    assert second == tmp_path / "two" / "encoded" / first.name
    assert second.read_bytes() == first.read_bytes()


def test_a_rank_maps_what_its_own_node_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Path(node(tmp_path / "one", run_of(tmp_path)).stdout.strip())
    monkeypatch.setenv("AGENTSWIFT_CACHE", str(tmp_path / "one"))
    rows = mapped(f"/on/the/parents/disk/{there.name}", {}, 60)
    assert rows.file == there
    assert len(rows) == 5


def test_a_node_that_reads_other_rows_is_refused(tmp_path: Path) -> None:
    file = run_of(tmp_path)
    job("/cache/encoded/0123.arrow", {}).write(file.parent)
    said = node(tmp_path / "one", file, status=1).stderr
    assert "this node encodes other rows than the run was started with" in said
    assert "Traceback" not in said


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("lerning_rate: 1\n", encoding="utf-8")
    assert "is no run of train" in node(tmp_path / "one", tmp_path / "run.yaml", status=2).stderr


def encoder(template: str, thinking: Thinking = Thinking.keep) -> Encoder:
    tokenizer = load_tokenizer(tiny())
    return Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template(template), thinking.value)


def test_the_key_is_of_all_that_decides_on_ids_and_of_nothing_else() -> None:
    turn = Turn(user="hi", steps=(Step(kind="answer", text="ho"),))
    keys = [
        fingerprint([Conversation(turns=(turn,))], encoder("react_en")),
        fingerprint([Conversation(turns=(turn,))], encoder("hermes")),
        fingerprint([Conversation(turns=(turn,))], encoder("react_en", Thinking.drop)),
        fingerprint([Conversation(turns=(turn, turn))], encoder("react_en")),
        fingerprint([Conversation(turns=(turn,), system="")], encoder("react_en")),
        fingerprint([Conversation(turns=(replace(turn, steps=(replace(turn.steps[0], weight=2.0),)),))],
                    encoder("react_en")),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    elsewhere = Conversation(turns=(turn,), source=Source(dataset="other", line=7))
    assert fingerprint([elsewhere], encoder("react_en")) == keys[0]


def test_the_points_of_a_sweep_read_their_data_once_and_count_what_they_leave_out_apart(tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", *map(good, range(5)))
    first = gathered(data_of(file), [], Hub.path)
    again = gathered(data_of(file), [], Hub.path)
    assert again.parts["rows"] is first.parts["rows"]
    first.ledgers["rows"].kept -= 1
    first.findings.append(split_aside(Source()))
    assert again.ledgers["rows"].kept == gathered(data_of(file), [], Hub.path).ledgers["rows"].kept == 5
    assert not gathered(data_of(file), [], Hub.path).findings
    assert len(gathered(data_of(file, last_turn_only=True), [], Hub.path).parts["rows"]) == 5
    written(file, *map(good, range(7)))
    assert len(gathered(data_of(file), [], Hub.path).parts["rows"]) == 7
