"""The house rules that a reader relies on: who may import whom, how big a file may grow, what a folder may hold."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "agentswift"
# A module imports from rows above its own, never from below or beside; a folder's own files are one room.
ORDER = [
    {"errors"},
    {"conversation", "schema", "documents", "files", "spool"},
    {"agent_templates"},
    {"formats", "rows", "cards", "models", "redact"},
    {"weights"},
    {"check", "mix", "score", "stats"},
    {"shape"},
    {"corpus"},
    {"selection"},
    {"convert"},
    {"agent"},
    {"report", "runs", "checkpoints", "serve"},
    {"engine"},
    {"compose"},
    {"commands"},
    {"__main__"},
]
# Third parties that one room alone may import.
OWNERS = {
    "hydra": {"compose"},
    "omegaconf": {"compose", "schema"},
    **{name: {"engine"} for name in ("swift", "torch", "transformers", "datasets", "modelscope", "peft")},
}
FILES = sorted(HOUSE.rglob("*.py"))
EVERYWHERE = [*FILES, *sorted((ROOT / "scripts").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]
DRAWERS = {"util", "utils", "common", "core", "base", "manager", "helper", "helpers", "misc", "handler", "process"}


def room(path: Path) -> str:
    """Return the room of a file: its folder's name, or its own."""
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, at its head or inside a function, by full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def tier(name: str) -> int:
    """Return how far down a room stands."""
    return next(number for number, rooms in enumerate(ORDER) if name in rooms)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_imports_point_one_way(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        package, _, inside = name.partition(".")
        there = inside.partition(".")[0]
        if package in OWNERS:
            assert here in OWNERS[package], f"only {', '.join(OWNERS[package])} may import {package}"
        elif package == "agentswift" and there not in (here, "__version__"):
            assert here != "__init__", "the package's root imports nothing of ours"
            assert tier(there) < tier(here), f"{here} may not import {there}"


def test_every_room_has_its_place() -> None:
    rooms = {room(path) for path in FILES} - {"__init__"}
    assert rooms <= {name for names in ORDER for name in names}


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_fits_in_the_head(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert not DRAWERS & set(path.stem.split("_")), "name it after the thing it holds"
    assert not re.search(r"\b(TO" r"DO|FIX" r"ME)\b", text), "do it, or open an issue"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_a_module_says_what_one_finds_in_it(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not tree.body:
        return  # an empty __init__.py
    assert ast.get_docstring(tree), "a module begins with a sentence"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (doc := ast.get_docstring(node)) is not None:
            assert re.search(r"[.:!?\"`)]$", doc.partition("\n\n")[0]), f"{node.name}: begin with a sentence"


def test_conf_and_registry_hold_data_only() -> None:
    for name in ("conf", "registry"):
        kinds = {file.suffix for file in (ROOT / name).rglob("*") if file.is_file() and "__pycache__" not in file.parts}
        assert kinds <= {".yaml", ".py", ".jsonl", ".md"}
        assert [file.name for file in (ROOT / name).rglob("*.py")] == ["__init__.py"]


def test_yaml_names_no_python() -> None:
    for file in (*(ROOT / "conf").rglob("*.yaml"), *(ROOT / "registry").rglob("*.yaml")):
        for event in yaml.parse(file.read_text(encoding="utf-8"), yaml.SafeLoader):
            assert getattr(event, "value", None) not in ("_target_", "_partial_"), f"{file}: names, not imports"
            assert not getattr(event, "tag", None), f"{file}: plain YAML, without tags"


def test_everything_below_the_engine_loads_nothing_heavy() -> None:
    rooms = [name for names in ORDER[: tier("engine")] for name in sorted(names)]
    there = [name for name in rooms if (HOUSE / name).is_dir() or (HOUSE / f"{name}.py").is_file()]
    loading = ", ".join(f"agentswift.{name}" for name in there)
    code = f"import sys, {loading}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {name for name, owners in OWNERS.items() if owners == {"engine"}} | {"hydra"}
    assert not heavy & set(done.stdout.split())
