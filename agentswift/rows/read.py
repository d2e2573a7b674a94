"""Bytes → rows, each with its line: jsonl, json, csv, parquet, and gz or zst around them.

jsonl and csv are streamed: memory does not grow with the file. A row that cannot be read is a Finding, and reading
goes on; only a file of which nothing can be read raises DataError.
"""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn, TextIO

from agentswift.errors import DataError, did_you_mean
from agentswift.rows.ledger import Finding, Row

BOM = b"\xef\xbb\xbf"
_WRAPPERS = ("data", "rows", "train", "examples", "instances")  # {"data": [row, …]}: the list holds the rows
_MEND = "mend or remove the row"
_AS_UTF8 = "save the file as UTF-8 (from a Chinese Windows: iconv -f gb18030 -t utf-8)"


class _Bad(Exception):
    """A record that is no row: the finding's rule, message and fix."""

    def __init__(self, rule: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.rule, self.fix = rule, fix


Record = tuple[int, dict[str, Any] | _Bad]  # line, and the row's values or why there are none


def read_rows(path: Path) -> Iterator[Row | Finding]:
    """Return the rows of a file in order, unreadable ones as Findings (unreadable-line, invalid-utf8, not-an-object).

    Raises DataError at once for a file that is missing, empty or of unknown ending, while reading for one with no rows.
    """
    return _numbered(path, _reader(path))


def _numbered(path: Path, reader: Callable[[Path], Iterator[Record]]) -> Iterator[Row | Finding]:
    row = -1
    for row, (line, record) in enumerate(reader(path)):
        if isinstance(record, _Bad):
            yield Finding(str(path), line, row, "$", record.rule, "error", str(record), record.fix)
        else:
            yield Row(record, line, row)
    if row < 0:
        raise DataError(f"{path}: no rows in it. Is it the right file, and was its download finished?")


def _reader(path: Path) -> Callable[[Path], Iterator[Record]]:
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        kind = "a folder, not a file" if path.is_dir() else "no such file"
        raise DataError(f"{path}: {kind}.{did_you_mean(path.name, siblings, otherwise='In its folder: ')}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty. Was its download finished?")
    ending = path.name.lower().removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    if ending not in _READERS:
        raise DataError(
            f"{path}: unknown ending {path.suffix!r}; rows are read from "
            f"{', '.join(f'.{e}' for e in _READERS)}, each also with .gz or .zst behind it. Rename or convert the file"
        )
    return _READERS[ending]


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return io.BufferedReader(gzip.GzipFile(path))
    if path.suffix.lower() == ".zst":
        try:
            import zstandard
        except ImportError as error:
            raise DataError(f"{path}: reading .zst needs one more package: pip install zstandard") from error
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True))
    return path.open("rb")


def _damage() -> tuple[type[Exception], ...]:
    """Return what reading a cut or damaged archive raises."""
    zstandard = sys.modules.get("zstandard")
    return (EOFError, OSError, zlib.error, *([zstandard.ZstdError] if zstandard else []))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line, bytes) of a file, its byte order mark taken off. A cut archive raises _Bad after its last line."""
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                yield number, line.removeprefix(BOM) if number == 1 else line
    except _damage() as error:
        raise _Bad("unreadable-line", f"the file is cut or damaged here: {error}", "fetch it again") from error


def _read_jsonl(path: Path) -> Iterator[Record]:
    line = 0
    try:
        for line, raw in _lines(path):
            if not raw.strip():
                continue
            if line == 1 and re.match(rb"\s*\[\s*(\{|$)", raw):  # an array under a wrong ending
                yield from _read_json(path)
                return
            yield line, _caught(lambda raw: _object(_text(raw).strip()), raw)
    except _Bad as bad:
        yield line + 1, bad


def _caught(read: Callable[[Any], dict[str, Any]], raw: Any) -> dict[str, Any] | _Bad:
    try:
        return read(raw)
    except _Bad as bad:
        return bad


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line (0x{raw[error.start]:02x})"
        raise _Bad("invalid-utf8", f"{where} is not UTF-8", _AS_UTF8) from error


def _object(text: str) -> dict[str, Any]:
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" + (f" of the row's line {error.lineno}" if error.lineno > 1 else "")
        raise _Bad("unreadable-line", f"broken JSON at {where}: {error.msg}", _MEND) from error
    except (ValueError, RecursionError) as error:
        raise _Bad("unreadable-line", f"JSON that cannot be used: {error}", _MEND) from error
    return _checked(value, text)


def _checked(value: Any, text: str) -> dict[str, Any]:
    _refuse_escaped(text)
    if not isinstance(value, dict):
        raise _Bad("not-an-object", f"a row must be a JSON object, not {text[:40]}", "write it as {…}")
    if _SURROGATE.search(text) and re.search("[\ud800-\udfff]", json.dumps(value, ensure_ascii=False)):
        raise _Bad("invalid-utf8", "half a character (a lone surrogate such as \\ud83d) in a string", "remove it")
    return value


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # an escape that may be one; pairs of them are whole characters


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON (RFC 8259); write null or a number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _read_json(path: Path) -> Iterator[Record]:
    """Yield the rows of an array, of {"data": […]}, of one object, or of JSON lines under this ending."""
    try:
        text = b"".join(raw for _, raw in _lines(path)).decode(errors="surrogateescape")
    except _Bad as bad:
        yield 1, bad
        return
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] == "[":
        yield from _elements(text, start + 1)
    elif wrapper := _WRAPPER.match(text):
        yield from _elements(text, wrapper.end())
    elif re.match(r"\{[^\n]*\}[ \t\r]*\n\s*\S", text[start:]) or re.match(r"\{[^\n]*\n\s*\{", text[start:]):
        yield from _read_jsonl(path)
    elif text.strip():
        yield text.count("\n", 0, start) + 1, _caught(_object, text[start:].rstrip())


_WRAPPER = re.compile(rf'\s*\{{\s*"(?:{"|".join(_WRAPPERS)})"\s*:\s*\[(?=\s*[{{\]])')


def _refuse_escaped(text: str) -> None:
    """Refuse text in which `surrogateescape` left bytes that are no UTF-8."""
    if not text.isascii() and (stray := re.search("[\udc80-\udcff]", text)):
        raise _Bad("invalid-utf8", f"a byte (0x{ord(stray[0]) - 0xDC00:02x}) is not UTF-8", _AS_UTF8)


def _elements(text: str, at: int) -> Iterator[Record]:
    """Yield the elements of the array that opens before `at`; after a broken one nothing can be told apart."""
    line, counted = 1, 0
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string too
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield line, _Bad("unreadable-line", f"broken JSON: {error}", "mend it: what follows was not read")
            return
        yield line, _caught(partial(_checked, value), text[at:end])
        at = end


_SPACE = re.compile(r"[\s,]*")


def _read_csv(path: Path) -> Iterator[Record]:
    csv.field_size_limit(2**31 - 1)  # the default, 128 KiB, is less than one long trajectory
    with io.TextIOWrapper(_open(path), "utf-8-sig", errors="surrogateescape", newline="") as file:
        yield from _csv_records(file)


def _csv_records(file: TextIO) -> Iterator[Record]:
    reader = csv.DictReader(file)
    while True:
        line = max(reader.line_num, 1) + 1  # the header is line 1, read together with the first row
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _Bad("unreadable-line", f"broken CSV: {error}", _MEND)
            continue
        except _damage() as error:
            yield line, _Bad("unreadable-line", f"the file is cut or damaged here: {error}", "fetch it again")
            return
        yield line, _caught(_cells, values)


def _cells(values: dict[str, Any]) -> dict[str, Any]:
    if None in (*values, *values.values()):
        raise _Bad("unreadable-line", "more or fewer cells than the header has names", "quote cells that hold commas")
    for cell in values.values():
        _refuse_escaped(cell)
    return values


def _read_parquet(path: Path) -> Iterator[Record]:
    import pyarrow
    from pyarrow import parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=256):
            yield from ((0, values) for values in batch.to_pylist())
    except pyarrow.ArrowException as error:
        raise DataError(f"{path}: not a whole parquet file: {error}. Fetch it again") from error


_READERS = {"jsonl": _read_jsonl, "json": _read_json, "csv": _read_csv, "parquet": _read_parquet}
