"""The wheel and the sdist as people get them: what they hold, and that the wheel runs far from any checkout."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest

from tests.checked import good, written

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
Command = Callable[..., str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build an sdist, the wheel out of that sdist, and a wheel straight from the tree into direct/; no network."""
    source, out = tmp_path_factory.mktemp("tree") / "agentswift", tmp_path_factory.mktemp("dist")
    leave = ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "runs", "shared", "tests")
    copytree(ROOT, source, ignore=leave)
    for words in (["--outdir", str(out)], ["--wheel", "--outdir", str(out / "direct")]):
        command = [sys.executable, "-m", "build", "--no-isolation", *words, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return out


def shipped() -> set[str]:
    """Return what a wheel should hold of the tree, by the name it has inside."""
    kinds = {".py", ".jinja", ".typed", ".yaml", ".jsonl", ".md"}
    folders = {"agentswift": ROOT / "agentswift", **{f"agentswift/{n}": ROOT / n for n in ("conf", "registry")}}
    files = [(inside, folder, f) for inside, folder in folders.items() for f in folder.rglob("*") if f.is_file()]
    return {
        f"{inside}/{file.relative_to(folder).as_posix()}"
        for inside, folder, file in files
        if file.suffix in kinds or file.name == "py.typed"
    }


def test_the_wheel_holds_the_tree_and_nothing_else(built: Path) -> None:
    (wheel,), (direct,) = built.glob("*.whl"), (built / "direct").glob("*.whl")
    names = set(ZipFile(wheel).namelist())
    own = {name for name in names if ".dist-info/" not in name}
    assert own == shipped()
    assert "agentswift/py.typed" in own
    assert "agentswift/registry/data/quickstart/train.jsonl" in own
    assert {name.split("/")[0] for name in names - own} == {"agentswift-0.1.0.dist-info"}
    assert any(name.endswith("/LICENSE") for name in names)
    assert set(ZipFile(direct).namelist()) == names


def test_the_sdist_holds_what_the_wheel_is_built_from(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
    folders = {f"agentswift/{name}/": f"{name}/" for name in ("conf", "registry")}
    for name in shipped():
        inside = next((new + name.removeprefix(old) for old, new in folders.items() if name.startswith(old)), name)
        assert inside in names
    assert {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= names


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Install the wheel in a new environment, where this one lends its other packages; return how to run a word there.

    A .pth line leads to those packages, as .pth files behind it, an editable install's among them, are not read.
    """
    home, away = tmp_path_factory.mktemp("venv"), tmp_path_factory.mktemp("away")
    venv.create(home, with_pip=False, symlinks=True)
    python, (wheel,) = home / "bin" / "python", built.glob("*.whl")
    words = ["--python", str(python), "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)), encoding="utf-8")
    written(away / "rows.jsonl", good(0), good(1))
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env |= {"HF_HUB_OFFLINE": "1", "XDG_CONFIG_HOME": str(away / "nobody")}

    def command(word: str, *words: str) -> str:
        done = subprocess.run(
            [home / "bin" / word, *words], cwd=away, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return command


def test_the_wheel_itself_is_run(installed: Command) -> None:
    where = installed(
        "python", "-c", "import agentswift, agentswift.conf as c; print(agentswift.__file__, *c.__path__)"
    )
    assert str(ROOT) not in where
    assert where.count("site-packages/agentswift") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "usage: agentswift COMMAND"),
        ("list what=datasets", "quickstart"),
        ("list what=experiments", "llama3_chinese_agent"),
        ("train --cfg job experiment=quickstart", "learning_rate"),
        ("check data=quickstart", "no row of 670 is refused"),
        ("show path=rows.jsonl model=tiny rows=1", "get_weather"),
        ("show path=rows.jsonl model=tiny output=html file=page.html", "page.html"),
    ],
)
def test_it_works_outside_the_checkout(words: str, said: str, installed: Command) -> None:
    assert said in installed("agentswift", *words.split())


def test_so_does_the_module(installed: Command) -> None:
    assert installed("python", "-m", "agentswift", "--version") == "agentswift 0.1.0\n"
