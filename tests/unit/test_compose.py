"""A command from its words to its exit status, on the real conf/ and the real shapes, with tasks of the test's own."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentswift.compose import command, compose_run
from agentswift.errors import DataError, UsageError
from agentswift.schema.runs import Check, Eval, Register, Show, Train

Runner = Callable[..., int]
SHAPES: dict[str, type[Any]] = {"train": Train, "show": Show, "check": Check, "eval": Eval, "register": Register}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, with no registry of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, name: str, words: list[str], task: Callable[..., int | None]) -> int:
    """Run `task` as the command `name` and return the exit status."""
    monkeypatch.setattr(sys, "argv", ["agentswift", *words])
    with pytest.raises(SystemExit) as end:
        command(name, SHAPES[name])(task)()
    assert isinstance(end.value.code, int)
    return end.value.code


def mistake(name: str, *words: str) -> str:
    """Return what is answered to `words`."""
    with pytest.raises(UsageError) as error:
        compose_run(name, SHAPES[name], words)
    return str(error.value)


def test_a_task_gets_a_plain_run_and_gives_its_status(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    runs: list[Train] = []
    status = run(monkeypatch, "train", ["seed=7", "data.path=x"], lambda r: runs.append(r))
    assert status == 0
    assert type(runs[0]) is Train
    assert (runs[0].seed, runs[0].model.model) == (7, "smollm2")
    assert Path(runs[0].output_dir).parent == elsewhere / "runs" / "train"
    assert run(monkeypatch, "check", [], lambda r: 1) == 1
    assert list(elsewhere.iterdir()) == []  # Hydra has left nothing, the run's folder neither


def test_an_error_is_printed_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def task(run: Check) -> int:
        raise DataError("rows.jsonl: no rows")

    assert run(monkeypatch, "check", [], task) == 1
    assert capsys.readouterr().err == "agentswift check: rows.jsonl: no rows\n"
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", ["agentswift"])
    with pytest.raises(DataError):
        command("check", Check)(task)()


def test_a_wrong_composition_ends_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "train", ["model=lama3"], lambda r: 0) == 2
    assert capsys.readouterr().err == "agentswift train: no model 'lama3'. Did you mean llama3, llama3_1?\n"


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def task(run: Check) -> int:
        raise KeyboardInterrupt

    assert run(monkeypatch, "check", [], task) == 130


def test_a_sweep_goes_on_after_a_failing_point(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    folders: list[str] = []

    def task(run: Train) -> None:
        folders.append(run.output_dir)
        if run.seed == 1:
            raise DataError("too few rows")

    assert run(monkeypatch, "train", ["-m", "seed=1,2", "data=ms-bench,agentmix"], task) == 1
    assert len(set(folders)) == 4
    assert [Path(folder).name for folder in folders] == ["0", "1", "2", "3"]
    said = capsys.readouterr().err.splitlines()
    assert said[:3] == [
        "agentswift train: point 0: seed=1 data=ms-bench",
        "agentswift train: too few rows",
        "agentswift train: point 1: seed=1 data=agentmix",
    ]


def test_a_sweep_of_check_leaves_nothing_here(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    (elsewhere / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere / "tmp"))
    assert run(monkeypatch, "check", ["-m", "data=ms-bench,alpaca-en"], lambda r: 0) == 0
    assert os.listdir(elsewhere) == ["tmp"]


def test_flags_may_stand_anywhere(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    (elsewhere / "my" / "data").mkdir(parents=True)
    (elsewhere / "my" / "data" / "mymix.yaml").write_text("defaults: [card]\nparts: {alpaca-en: 0.5}\n")
    runs: list[Train] = []
    assert run(monkeypatch, "train", ["data=mymix", "--config-dir", "my", "seed=3"], lambda r: runs.append(r)) == 0
    assert (runs[0].data.parts, runs[0].seed) == ({"alpaca-en": 0.5}, 3)


def test_help_and_cfg_start_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def task(run: Train) -> int:
        raise AssertionError("the task was started")

    for words in (["--help"], ["-h", "data=ms-bench"], ["--cfg", "job", "model=llama3"]):
        assert run(monkeypatch, "train", words, task) == 0
        assert "Meta-Llama-3" in (said := capsys.readouterr().out) or "data.parts={" in said


@pytest.mark.parametrize(
    "value",
    [
        "/数据/行.jsonl",
        "a b.jsonl",
        "a#b.jsonl",
        "a(1).jsonl",
        "k=v.jsonl",
        "a,b.jsonl",
        "a>b.jsonl",
        " x",
        "it's",
        'say "hi".jsonl',
        "back\\slash\\",
        "[a]",
        "{b: 1}",
        "5",
        "true",
        "~/x",
        "你好，世界：（一）",
    ],
)
def test_text_comes_through_exactly(value: str) -> None:
    assert compose_run("check", Check, [f"path={value}"]).data.path == value
    assert compose_run("train", Train, [f"output_dir={value}"]).output_dir == value


def test_what_is_no_plain_text_keeps_its_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "/数据")
    assert compose_run("check", Check, ["path=null"]).path is None
    assert compose_run("check", Check, ["path='a, b'"]).path == "a, b"
    assert compose_run("check", Check, ["path=${oc.env:HERE}/行.jsonl"]).path == "/数据/行.jsonl"
    assert compose_run("show", Show, ["model=llama3", "rows=5"]).rows == "5"
    assert compose_run("train", Train, ["registry=[]", "tuner.target_modules=[q_proj,v_proj]"]).registry == []
    assert compose_run("train", Train, ["data.model_name=[小智,Xiao Zhi]"]).data.model_name == ["小智", "Xiao Zhi"]
    assert compose_run("train", Train, ["data.model_name=小智"]).data.model_name == ["小智"]


def test_in_a_sweep_a_comma_separates_unless_it_is_in_a_files_name(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path
) -> None:
    paths: list[str | None] = []
    run(monkeypatch, "check", ["-m", "path=行 1.jsonl,b(2).jsonl"], lambda r: paths.append(r.path))
    assert paths == ["行 1.jsonl", "b(2).jsonl"]
    (elsewhere / "a,b.jsonl").write_text("")
    run(monkeypatch, "check", ["-m", "path=a,b.jsonl", "most=1,2"], lambda r: paths.append(r.path))
    assert paths[2:] == ["a,b.jsonl", "a,b.jsonl"]


def test_a_card_is_an_option_of_data(elsewhere: Path) -> None:
    assert compose_run("train", Train, ["data=ms-bench"]).data.parts == {"ms-bench": 1.0}
    folder = elsewhere / "cards"
    folder.mkdir()
    (folder / "mine.yaml").write_text("name: my-tools.v1\nformat: messages\npath: rows.jsonl\n")
    words = [f"registry=[{folder}]", "data=my-tools.v1"]
    assert compose_run("train", Train, words).data.parts == {"my-tools.v1": 1.0}
    (folder / "mine.yaml").write_text("name: agentmix\nformat: messages\npath: rows.jsonl\n")
    both = mistake("train", words[0])
    assert "mine.yaml:1: the card 'agentmix' is also an option" in both
    assert "data/agentmix.yaml" in both


def test_a_users_own_config_may_name_the_registry(elsewhere: Path) -> None:
    (elsewhere / "cards").mkdir()
    (elsewhere / "cards" / "mine.yaml").write_text("name: my-tools\nformat: messages\npath: rows.jsonl\n")
    (elsewhere / "conf").mkdir()
    config = "defaults: [train, {override data: my-tools}, _self_]\nregistry: [cards]\n"
    (elsewhere / "conf" / "my_train.yaml").write_text(config)
    words = ["--config-dir", "conf", "--config-name", "my_train"]
    assert compose_run("train", Train, words).data.parts == {"my-tools": 1.0}


def test_a_file_takes_the_place_of_the_parts() -> None:
    for name in ("show", "check"):
        data = compose_run(name, SHAPES[name], ["path=rows.jsonl", "format=messages"]).data
        assert (data.path, data.format, data.parts, data.rows) == ("rows.jsonl", "messages", {}, {})
    data = compose_run("train", Train, ["data=agentfabric", "data.path=rows.jsonl"]).data
    assert (data.path, data.parts, data.rows) == ("rows.jsonl", {}, {})


def test_names_below_a_table_need_no_plus() -> None:
    words = ["data.parts.alpaca-en=0.5", "loss_scale.fields.thought=0", "extra.neftune_noise_alpha=5"]
    made = compose_run("train", Train, words)
    assert made.data.parts == {"quickstart": 1.0, "alpaca-en": 0.5}
    assert (made.loss_scale.fields, made.extra) == ({"thought": 0.0}, {"neftune_noise_alpha": 5})


def test_lesser_commands_take_trains_experiments() -> None:
    shown = compose_run("show", Show, ["experiment=llama3_chinese_agent", "loss_scale=flat"])
    assert (shown.model.model, shown.max_length) == ("LLM-Research/Meta-Llama-3-8B-Instruct", 2048)
    assert (shown.template.agent_template, shown.loss_scale.name) == ("agentfabric_zh", "flat")
    assert compose_run("check", Check, ["experiment=agentfabric_qwen7b"]).data.ratios["ms-bench"] == 2.0


def test_options_may_set_what_lies_outside_their_group() -> None:
    full = compose_run("train", Train, ["tuner=full", "compute=flash"])
    assert (full.learning_rate, full.model.attn_impl, full.compute.use_cpu) == (1e-5, "flash_attn", False)
    assert compose_run("train", Train, ["tuner=full", "learning_rate=2e-5"]).learning_rate == 2e-5


@pytest.mark.parametrize("name", ["HF_TOKEN", "WANDB_API_KEY", "my_secret", "DB_PASSWORD"])
def test_no_secret_gets_into_a_config(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "hunter2")
    said = mistake("train", f"output_dir=${{oc.env:{name}}}")
    assert "looks like a secret" in said
    assert "hunter2" not in said


def test_all_that_does_not_go_together_is_said_at_once() -> None:
    words = ["split=2", "max_length=0", "data.parts.quickstart=-1", "loss_scale.fields.acton=2", "tuner.quant_bits=4"]
    said = mistake("train", *words)
    for part in (
        "split=2.0",
        "max_length=0",
        "data.parts.quickstart=-1",
        "Did you mean action?",
        "tuner=qlora sets both",
    ):
        assert part in said
    assert "max_length=0" in mistake("show", "max_length=0")
    assert "needs a GPU" in mistake("train", "tuner=qlora", "compute=cpu")
    assert "needs tuner.tuner_type=lora" in mistake("train", "tuner=qlora", "tuner.tuner_type=full")
    assert "goes with data.path" in mistake("check", "format=messages")
    assert mistake("register", "path=x").startswith("name is not given: name=VALUE")
