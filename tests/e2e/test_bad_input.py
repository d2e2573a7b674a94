"""Mistakes, typed into the real command: each is answered with its place and what to do, never with a traceback."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from agentswift.engine.embedded import tiny
from tests.checked import good, misnamed, written
from tests.checkpoint import signed
from tests.e2e.conftest import TINY, Run

pytestmark = pytest.mark.e2e
CARD = "name: my-tools\nformat: messages\npath: rows.jsonl\n"


def answer(run: Run, *words: str, status: int = 2, **env: str) -> str:
    """Return what the command says on stderr; exit status as given, no traceback, nothing on stdout."""
    done = run(*words, status=status, **env)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("agentswift")
    return done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("trian", ["no command 'trian'. Did you mean train?"]),
        ("train model=lama3", ["no model 'lama3'. Did you mean llama3"]),
        ("train data=quickstat", ["no dataset 'quickstat'. Did you mean quickstart"]),
        ("check data=ms-bensh", ["no dataset 'ms-bensh'. Did you mean ms-bench"]),
        (
            "train learnign_rate=1 sft_type=lora lora_target_modules=ALL tuner.lora_rnak=8",
            [
                "no key 'learnign_rate'. Did you mean learning_rate?",
                "tuner=lora|qlora|dora|full",
                "tuner.target_modules=[all-linear]",
                "no key 'tuner.lora_rnak'. Did you mean tuner.lora_rank",
            ],
        ),
        ("train extra.neftune_noise_alpa=5", ["ms-swift has no such argument. Did you mean neftune_noise_alpha"]),
        ("train --learning_rate 1e-4", ["keys are written without dashes: learning_rate=1e-4"]),
        ("train max_steps=many", ["max_steps=many", "could not be converted to Integer"]),
        ("show rows=few", ["rows=few: a number of rows, or all"]),
        ("list what=dataset", ["dataset", "datasets"]),
        ("export", ["checkpoint"]),
        ("eval batch_size=0", ["batch_size"]),
    ],
)
def test_a_typo_is_answered_with_what_was_meant(words: str, said: list[str], run: Run) -> None:
    told = answer(run, *words.split())
    for part in said:
        assert part in told


def edited(number: int, index: int, **message: str) -> dict[str, Any]:
    """Return a good row, one of its messages another."""
    row = good(number)
    row["messages"][index] = message
    return row


def calling(number: int, **arguments: Any) -> dict[str, Any]:
    call = {"name": "get_weather", "arguments": arguments}
    return edited(number, 1, role="tool_call", content=json.dumps(call))


# What is wrong with a line: its bytes, severity, rule, message. An error refuses the row, a warning leaves it in.
BAD: list[tuple[bytes, str, str, str]] = [
    (b'{"messages": [', "error", "unreadable-line", "broken JSON at column"),
    (b'["not", "an object"]', "error", "not-an-object", "a row must be a JSON object"),
    ("晴".encode("gbk").join([b'{"messages": "', b'"}']), "error", "invalid-utf8", "is not UTF-8"),
    *(
        (json.dumps(row, ensure_ascii=False).encode(), severity, rule, message)
        for row, severity, rule, message in [
            ({"messages": good(90)["messages"][:1]}, "error", "no-assistant", "no assistant turn"),
            (edited(91, 3, role="asistant", content="x"), "error", "unknown-role", "Did you mean assistant?"),
            (misnamed(92), "error", "unknown-tool", "calls 'get_wether', a tool that this row does not declare"),
            (calling(93), "error", "missing-argument", "get_weather needs the argument 'city'"),
            (calling(94, city=5), "warning", "ill-typed-argument", "get_weather: 'city' should be string, is 5"),
            (calling(95, city="x", town="y"), "warning", "unknown-argument", "get_weather takes no argument 'town'"),
        ]
    ),
]  # fmt: skip


def test_every_bad_row_is_named_by_file_line_rule_and_remedy(run: Run, tmp_path: Path) -> None:
    """A byte order mark, Windows line ends and blank lines are no mistakes."""
    fine = json.dumps(good(1), ensure_ascii=False).encode()
    lines = [b"\xef\xbb\xbf" + fine, b"", *(line for line, *_ in BAD), b""]
    (tmp_path / "rows.jsonl").write_bytes(b"\r\n".join(lines))
    done = run("check", "path=rows.jsonl", "format=messages", "output=jsonl", status=1)
    assert "Traceback" not in done.stderr
    assert "7 of 10 rows are refused; warnings: 2" in done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f["line"] for f in found] == list(range(3, 3 + len(BAD)))
    for finding, (_, severity, rule, message) in zip(found, BAD, strict=True):
        assert (Path(finding["file"]).name, finding["severity"], finding["rule"]) == ("rows.jsonl", severity, rule)
        assert message in finding["message"]
        assert finding["fix"]
    shown = run("check", "path=rows.jsonl", "format=messages", status=1).stdout
    for line, (*_, message) in enumerate(BAD, 3):
        assert f"rows.jsonl:{line}  $" in shown
        assert message in shown
    assert shown.count("      fix: ") == len(BAD)
    told = answer(run, "train", *TINY, "data.path=rows.jsonl", "data.format=messages", "dry_run=true", status=1)
    assert "rows.jsonl:3 $: broken JSON at column" in told
    assert "7 rows refused" in told
    assert "data.max_refused=7" in told


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.jsonl", b"", "rows.jsonl: the file is empty"),
        ("rows.jsonl", b"\r\n \r\n", "no rows in it"),
        ("rows.txt", b"{}", "unknown ending '.txt'"),
        ("other.jsonl", b"{}", "no file"),
    ],
)
def test_a_file_without_rows_ends_every_command_that_reads_it(
    name: str, content: bytes, said: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    path = "rows.jsonl" if name == "other.jsonl" else name
    assert said in answer(run, "check", f"path={path}", status=1)
    assert said in answer(run, "train", *TINY, f"data.path={path}", status=1)


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ({"a.yaml": CARD + "licence: MIT\n"}, ["a.yaml:4", "'licence'", "Did you mean license?"]),
        ({"a.yaml": CARD, "b.yaml": "\n" + CARD}, ["b.yaml:2: 'my-tools' is already registered at", "a.yaml:1"]),
        ({"a.yaml": CARD.replace("my-tools", "quickstart")}, ["a.yaml:1: 'quickstart' is already registered at"]),
        ({"a.yaml": CARD.replace("my-tools", "../up")}, ["a.yaml:1", "'../up' cannot name a dataset"]),
        ({"a.yaml": CARD.replace("messages", "os:systm")}, ["a.yaml:1: format 'os:systm' cannot be imported"]),
        ({"a.yaml": "name: [my-tools\n"}, ["a.yaml"]),
    ],
)  # fmt: skip
def test_a_wrong_card_is_named_by_file_and_line(
    cards: dict[str, str], said: list[str], run: Run, tmp_path: Path
) -> None:
    written(tmp_path / "rows.jsonl", good(0))
    (tmp_path / "cards").mkdir()
    written(tmp_path / "cards" / "rows.jsonl", good(0))
    for name, text in cards.items():
        (tmp_path / "cards" / name).write_text(text, encoding="utf-8")
    told = answer(run, "check", "registry=[cards]", "data=my-tools")
    for part in said:
        assert part in told


def test_a_reader_of_ones_own_that_fails_refuses_its_rows(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cards").mkdir()
    written(tmp_path / "cards" / "rows.jsonl", good(0))
    for reader, said in (
        ("json:loads", "json:loads failed: TypeError: "),
        ("builtins:len", "returned int, not a Conv"),
    ):
        (tmp_path / "cards" / "a.yaml").write_text(CARD.replace("messages", reader), encoding="utf-8")
        done = run("check", "registry=[cards]", "data=my-tools", status=1)
        assert "Traceback" not in done.stderr
        assert "error  bad-row" in done.stdout
        assert said in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("train", *TINY, "data.path=rows.jsonl", "split=0", "output_dir=/proc/agentswift/out"),
        ("train", *TINY, "data.path=rows.jsonl", "split=0", "output_dir=rows.jsonl/out"),
        ("eval", "model=tiny", "data.path=rows.jsonl", "output_dir=rows.jsonl/out"),
        ("show", "model=tiny", "path=rows.jsonl", "output=html", "file=rows.jsonl/page.html"),
        ("show", "model=tiny", "path=rows.jsonl", "output=html", "output_dir=/proc/agentswift/out"),
        ("register", "name=mine", "path=rows.jsonl", "registry=[/proc/agentswift]"),
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)
def test_a_folder_that_cannot_be_written_is_named(words: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    written(tmp_path / "rows.jsonl", good(0), good(1))
    done = run(*words, status=1)
    assert "Traceback" not in done.stderr
    assert words[-1].partition("=")[2].strip("[]") in done.stderr
    assert done.stderr.startswith(f"agentswift {words[0]}: ") or f"\nagentswift {words[0]}: " in done.stderr


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A whole model signed as a merged checkpoint, one of whose files was changed afterwards."""
    folder = signed(tmp_path / "run" / "checkpoint-1")
    with (folder / "model.safetensors").open("ab") as weights:
        weights.write(b"x")
    return folder


@pytest.mark.parametrize("command", ["export", "eval"])
def test_what_is_no_checkpoint_is_said_so(command: str, run: Run, tmp_path: Path, damaged: Path) -> None:
    rows = ("data.path=rows.jsonl",) if command == "eval" else ()
    written(tmp_path / "rows.jsonl", good(0))
    (tmp_path / "empty").mkdir()
    for given, said in (
        ("empty", "empty is not a checkpoint of agentswift"),
        (str(tiny()), "is not a checkpoint of agentswift"),
        ("rows.jsonl", "rows.jsonl is a file, not the folder of a checkpoint"),
        ("emtpy", "no folder emtpy. Did you mean empty?"),
        ("run", "No checkpoint in it is whole"),
    ):
        assert said in answer(run, command, f"checkpoint={given}", *rows, status=1)


NOBODY = {"HF_HUB_OFFLINE": "0", **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")}
NOBODY |= dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost")


@pytest.mark.parametrize("env", [{}, NOBODY], ids=["offline", "no network"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "model.model=Nobody/no-model"), ["model Nobody/no-model: ModelScope", "model.model=/folder"]),
        (("train", "model.model=Nobody/no-model", "hub=huggingface"), ["model Nobody/no-model: Hugging Face"]),
        (("show", "model=llama3"), ["model LLM-Research/Meta-Llama-3-8B-Instruct: ", "model.model=/folder"]),
        (("check", "data=ms-bench"), ["dataset ms-bench (iic/ms_bench): ModelScope", "data.path=FILE"]),
        (("train", "experiment=agentfabric_qwen7b"), ["cannot be reached", "Use a local copy"]),
    ],
)  # fmt: skip
def test_a_hub_out_of_reach_is_one_clear_line_within_10_seconds(
    words: tuple[str, ...], said: list[str], env: dict[str, str], run: Run, tmp_path: Path
) -> None:
    written(tmp_path / "rows.jsonl", good(0), good(1))
    data = () if any("data=" in w or "experiment=" in w for w in words) else ("data.path=rows.jsonl",)
    began = time.monotonic()
    told = answer(run, *words, *data, status=1, **env)
    assert time.monotonic() - began < 10
    assert len(told.splitlines()) == 1
    for part in said:
        assert part in told
