"""README against the house: its commands compose, its targets, options, folders and links are there."""

import re
import shlex
import sys
from configparser import ConfigParser
from dataclasses import replace
from importlib import import_module
from itertools import chain
from pathlib import Path

import pytest

from agentswift.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]
READMES = sorted(ROOT.glob("README*.md"))
PAGES = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]
GROUPS = sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name not in ("hydra",))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code(page: Path) -> list[str]:
    """Return what stands in fences, line by line (a line that ends with a backslash goes on), and between backticks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text(page), flags=re.MULTILINE | re.DOTALL)
    lines = chain.from_iterable(block.replace("\\\n", " ").splitlines() for block in fenced)
    return [line.strip() for line in (*lines, *re.findall(r"`([^`]+)`", prose))]


def commands() -> list[str]:
    """Return each command line of the pages, but those with a COMMAND to fill in."""
    lines = {line for page in PAGES for line in code(page) if re.match(r"agentswift (?![A-Z])\S", line)}
    return sorted(lines)


@pytest.mark.parametrize("line", commands())
def test_a_command_composes(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, name, *words = shlex.split(line.replace("data=NAME", "data=quickstart"), comments=True)
    assert name in COMMANDS
    if not words:
        return  # a command named in passing; some need a key to compose
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    monkeypatch.setattr(sys, "argv", ["agentswift", *words])
    command = import_module(f"agentswift.commands.{name}").main
    with pytest.raises(SystemExit) as end:
        replace(command, task=lambda run: 0)()
    assert end.value.code == 0


def test_the_main_commands_are_shown() -> None:
    shown = {line.split()[1] for line in commands()}
    assert set(COMMANDS) <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_make_targets_and_links_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {match[1] for line in code(page) if (match := re.match(r"make ([a-z]+)", line))}
    assert named <= targets
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text(page))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", READMES, ids=lambda p: p.name)
def test_a_readme_is_short_and_its_table_of_choices_is_conf(page: Path) -> None:
    assert len(text(page).splitlines()) <= 150
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|`]*)", text(page), re.MULTILINE))
    assert set(rows) <= set(GROUPS)
    for group, listed in rows.items():
        options = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
        named = {name for part in re.split("[,;]", listed) if re.fullmatch(r"[a-z0-9_]+", name := part.strip())}
        assert named <= options, group


def test_the_folder_of_a_run_is_drawn_as_it_is() -> None:
    drawn = text(ROOT / "README.md")
    for name in (
        "run.yaml",
        "run.json",
        "checkpoint-*/",
        "agentswift.json",
        "report.html",
        "logging.jsonl",
        "engine.log",
    ):
        assert name in drawn


def test_the_licence_is_one() -> None:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    assert parser["metadata"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert all("Apache-2.0" in text(page) for page in READMES)
    assert (parser["options"]["python_requires"], "3.10" in text(ROOT / "README.md")) == (">=3.10", True)
