"""The command word: what answers it, how fast, and what it loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import agentswift.commands
from agentswift import __version__
from agentswift.__main__ import COMMANDS
from agentswift.errors import did_you_mean

HEAVY = {"torch", "swift", "transformers", "datasets", "modelscope", "peft", "rich", "jinja2", "pyarrow", "jsonschema"}
MODULES = [name for name in COMMANDS if (Path(agentswift.commands.__path__[0]) / f"{name}.py").is_file()]


def agentswift_(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m agentswift` as a shell would."""
    command = [sys.executable, "-m", "agentswift", *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, encoding="utf-8")


def loaded(*words: str) -> set[str]:
    """Return the top-level modules that `agentswift words` loads."""
    code = (
        "import sys, runpy\nsys.argv[0] = 'agentswift'\n"
        "try: runpy.run_module('agentswift', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "finally: print('\\n' + ' '.join({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_alone_it_prints_its_usage(words: tuple[str, ...]) -> None:
    done = agentswift_(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"  {name:10}{about}" in done.stdout for name, about in COMMANDS.items())


def test_the_usage_loads_next_to_nothing() -> None:
    assert not loaded() & (HEAVY | {"hydra", "omegaconf", "yaml", "difflib", "dataclasses"})


def test_a_wrong_command_is_answered_with_the_nearest() -> None:
    done = agentswift_("trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "agentswift: no command 'trian'. Did you mean train?\n"
    assert did_you_mean("zzz", COMMANDS, otherwise="Commands: ") in agentswift_("zzz").stderr


def test_it_says_its_version() -> None:
    assert agentswift_("--version").stdout == f"agentswift {__version__}\n"


def test_a_shell_completes_commands_groups_options_and_cards() -> None:
    def complete(line: str) -> list[str]:
        return agentswift_("-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line))).stdout.split()

    assert complete("agentswift re") == ["register"]
    assert complete("agentswift train tuner=l") == ["tuner=lora"]
    assert "data=ms-bench" in complete("agentswift train data=ms-b")


def test_where_it_is_not_installed_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "agentswift").symlink_to(Path(agentswift.commands.__path__[0]).parent)
    code = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        "sys.path_hooks = [hook for hook in sys.path_hooks if 'editable' not in repr(hook)]\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "sys.argv = ['agentswift', 'train']; from agentswift.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("agentswift is not installed here: run `pip install -e .`")


@pytest.mark.parametrize("name", MODULES)
def test_help_and_composing_load_nothing_heavy(name: str) -> None:
    assert not loaded(name, "--help") & HEAVY
    assert not loaded(name, "--cfg", "job") & HEAVY


@pytest.mark.parametrize("name", MODULES)
def test_help_lists_groups_keys_and_examples(name: str) -> None:
    said = agentswift_(name, "--help").stdout
    assert said.startswith(f"agentswift {name}: ")
    assert said.count(f"\n  agentswift {name}") >= 2 or name == "list"
    assert "Keys:" in said
