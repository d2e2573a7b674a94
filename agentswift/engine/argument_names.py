"""The names of ms-swift's training arguments, read from its source as syntax trees: importing it takes seconds."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from agentswift.engine.swift_facts import cache_folder
from agentswift.errors import EngineError
from agentswift.files import write_text


@cache
def argument_names() -> frozenset[str]:
    """Return the name of every argument of ms-swift's SftArguments, its bases' and transformers' included."""
    file = cache_folder() / f"swift-arguments-{version('ms-swift')}-{version('transformers')}.json"
    if file.exists():
        return frozenset(json.loads(file.read_text(encoding="utf-8")))
    names = frozenset(_fields("swift.arguments.sft_args", "SftArguments"))
    write_text(file, json.dumps(sorted(names)))
    return names


def _fields(module: str, name: str) -> Iterator[str]:
    """Yield the dataclass fields of a class and of its bases, wherever those are imported from."""
    where = _definition(module, name)
    if where is None:
        return
    module, node = where
    for base in node.bases:
        if isinstance(base, ast.Name):
            yield from _fields(module, base.id)
    if any("dataclass" in ast.unparse(d) for d in node.decorator_list):
        lines = [line for line in node.body if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)]
        yield from (ast.unparse(line.target) for line in lines if "ClassVar" not in ast.unparse(line.annotation))


def _definition(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    """Return a class's module and syntax tree, following imports; None for what is of neither library."""
    if module.split(".")[0] not in ("swift", "transformers"):
        return None
    is_package, tree = _tree(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _definition(_absolute(module, is_package, node), alias.name)
    return None


def _absolute(module: str, is_package: bool, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, node.module] if node.module else parts)


@cache
def _tree(module: str) -> tuple[bool, ast.Module]:
    """Return whether a module is a package, and its syntax tree; only the top package is looked up, none imported."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(f"{top} is not installed here: run `make setup`, or `pip install ms-swift`")
    path = Path(next(iter(spec.submodule_search_locations)), *rest)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        raise EngineError(f"{module} is not where this agentswift looks for it; install ms-swift>=4.5,<5")
    return path.is_dir(), ast.parse(file.read_bytes())
