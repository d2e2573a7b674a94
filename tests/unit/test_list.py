"""`agentswift list`: one line a choice, and one JSON a choice for programs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agentswift.commands.list import KINDS, main
from agentswift.errors import UsageError
from agentswift.schema.runs import List, Output


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No card of whoever runs the tests is read."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def listed(capsys: pytest.CaptureFixture[str], what: str, output: Output, registry: list[str]) -> list[str]:
    main.task(List(what=what, output=output, registry=registry))
    return capsys.readouterr().out.splitlines()


def test_every_kind_has_a_heading_and_a_line_a_choice(capsys: pytest.CaptureFixture[str]) -> None:
    lines = listed(capsys, "all", Output.text, [])
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert [heading.split(" (")[0].replace(" ", "_") for heading in headings] == list(KINDS)
    for name in ("ms-agent", "coig-cqia-ruozhiba", "smollm2", "react_zh", "sharegpt", "quickstart"):
        assert any(line.startswith(f"  {name} ") for line in lines), name


@pytest.mark.parametrize("what", KINDS)
def test_no_choice_is_without_a_word_about_it(capsys: pytest.CaptureFixture[str], what: str) -> None:
    rows = [json.loads(line) for line in listed(capsys, what, Output.jsonl, [])]
    assert rows
    assert [row["name"] for row in rows if not row["about"]] == []
    assert {row["what"] for row in rows} == {what}


def test_a_dataset_is_listed_with_its_facts_and_ones_own_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nformat: react\npath: a.jsonl\nabout: 天气\n", encoding="utf-8")
    rows = {row["name"]: row for row in map(json.loads, listed(capsys, "datasets", Output.jsonl, [str(tmp_path)]))}
    assert rows["ms-agent"]["modelscope"] == "iic/ms_agent"
    assert rows["mine"]["about"] == "天气"
    assert rows["mine"]["source"] == f"{tmp_path}/mine.yaml:1"


def test_a_wrong_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"what=dataset: .* Did you mean datasets"):
        main.task(List(what="dataset", output=Output.text, registry=[]))


def test_options_of_the_config_dir_are_listed(tmp_path: Path) -> None:
    (tmp_path / "loss_scale").mkdir()
    (tmp_path / "loss_scale" / "mine.yaml").write_text("# My own weights.\nname: mine\nfields: {}\n", encoding="utf-8")
    words = ["list", "what=loss_scales", "--config-dir", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "agentswift", *words], capture_output=True, text=True, check=True)
    assert re.search(r"^  mine +My own weights\.$", done.stdout, re.MULTILINE), done.stdout + done.stderr
