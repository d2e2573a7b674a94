"""YAML documents that state facts: read fast, checked against a dataclass, every error with its file and line."""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from agentswift.errors import CardError, did_you_mean

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class Document:
    """One document of a file: its values by field, and the line (from 1) that each field stands on."""

    file: Path
    line: int
    values: dict[str, Any]
    lines: dict[str, int]

    def at(self, field: str = "") -> str:
        """Return "file:line" of `field`, or of the document where it does not have it."""
        return f"{self.file}:{self.lines.get(field, self.line)}"


def read_documents(folder: Path) -> Iterator[Document]:
    """Yield the documents of a folder's *.yaml and *.yml files, by name; folders inside it are not entered.

    Raises CardError for a folder that cannot be read, and for whatever is not a mapping in YAML's safe subset.
    """
    try:
        files = sorted(f for f in folder.iterdir() if f.suffix in {".yaml", ".yml"})
    except OSError as error:
        raise CardError(f"{folder}: cannot be read as a registry folder: {error.strerror}") from error
    for file in files:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise CardError(f"{file}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise CardError(f"{file}: not UTF-8 (byte {error.start}). Save it as UTF-8") from error
        yield from _documents(file, text)


def packaged_folder() -> Path:
    """Return the registry shipped with agentswift. Raises CardError where agentswift is not installed."""
    spec = find_spec("agentswift.registry")
    if spec is None or not spec.submodule_search_locations:
        raise CardError("agentswift is not installed here, its registry is not found: run `pip install -e .`")
    return Path(next(iter(spec.submodule_search_locations)))


def shaped(document: Document, shape: type[Shape], **given: Any) -> Shape:
    """Return the document as a `shape`, a dataclass whose fields are str, int (≥ 0) or tuple[str, ...].

    `given` are the fields that a document may not set. Raises CardError for an unknown, missing or ill-typed field.
    """
    known = {f.name: f for f in fields(shape) if f.name not in given}  # type: ignore[arg-type]
    for name in document.values:
        if name not in known:
            raise CardError(f"{document.at(name)}: no field {name!r}.{did_you_mean(name, known, otherwise='Fields: ')}")
    for name, field in known.items():
        if name not in document.values and field.default is MISSING:
            raise CardError(f"{document.at()}: the field {name!r} is missing")
    values = {name: _typed(document, name, value, known[name].type) for name, value in document.values.items()}
    return shape(**values, **given)


def _typed(document: Document, name: str, value: Any, kind: Any) -> Any:
    if kind is str and isinstance(value, str):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if kind not in (str, int) and isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(value)
    wanted = {str: "text (in quotes, if YAML takes it for something else)", int: "a whole number, 0 or more"}
    raise CardError(f"{document.at(name)}: {name} must be {wanted.get(kind, 'a list of words')}, not {value!r}")


def _documents(file: Path, text: str) -> Iterator[Document]:
    import yaml

    # The C loader is ten times as fast; a PyYAML built without libyaml has just the other.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if not isinstance(node, yaml.ScalarNode) or node.value:  # an empty document is no error
                yield _document(file, node, loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CardError(f"{file}:{line}: not YAML that can be read: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CardError(f"{file}:1: not YAML that can be read: {str(error).splitlines()[0]}") from error
    finally:
        loader.dispose()


def _document(file: Path, node: Any, loader: Any) -> Document:
    import yaml

    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise CardError(f"{file}:{line}: a document here is fields with values, as in `name: my-tools`")
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, at = str(key.value), key.start_mark.line + 1
        if name in values:
            raise CardError(f"{file}:{at}: {name!r} stands here twice (first on line {lines[name]})")
        values[name], lines[name] = loader.construct_object(value, deep=True), at
    return Document(file, line, values, lines)
