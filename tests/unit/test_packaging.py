"""setup.cfg against the tree: what is shipped is what there is."""

from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def setup_cfg() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_folder_of_python_is_a_package_listed(setup_cfg: ConfigParser) -> None:
    found = {file.parent.relative_to(ROOT) for file in (ROOT / "agentswift").rglob("*.py")}
    listed = setup_cfg["options"]["packages"].split()
    assert len(set(listed)) == len(listed)
    assert {".".join(folder.parts) for folder in found} | {"agentswift.conf", "agentswift.registry"} == set(listed)
    assert all((ROOT / folder / "__init__.py").is_file() for folder in found)


def test_mapped_folders_hold_data_only(setup_cfg: ConfigParser) -> None:
    for name in ("conf", "registry"):
        assert f"agentswift.{name} = {name}" in setup_cfg["options"]["package_dir"]
        assert [file.name for file in (ROOT / name).rglob("*.py")] == ["__init__.py"]
        assert (ROOT / name / "__init__.py").read_text() == ""
        assert not (ROOT / "agentswift" / f"{name}.py").exists()


def test_every_data_file_is_shipped(setup_cfg: ConfigParser) -> None:
    for package, patterns in setup_cfg["options.package_data"].items():
        folder = ROOT / package.removeprefix("agentswift.") if package.endswith(("conf", "registry")) else None
        if folder is None:
            continue
        shipped = {file for pattern in patterns.split(",") for file in folder.glob(pattern.strip())}
        there = {file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")}
        assert there - shipped == set()


def test_the_console_script_is_the_module(setup_cfg: ConfigParser) -> None:
    assert "agentswift = agentswift.__main__:main" in setup_cfg["options.entry_points"]["console_scripts"]
