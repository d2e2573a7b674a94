"""JSON → rows: lines, arrays, {"data": […]} or one object, each decoded alone, so that memory holds one row."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

from agentswift.rows.records import AS_UTF8, MEND, Bad, Record, caught, checked
from agentswift.rows.streams import DAMAGE, cut, lines, text_of

_HEAD = 4096  # characters that tell what a file is
PIECE = 1 << 18  # characters read at once behind them
_WRAPPERS = ("data", "rows", "train", "examples", "instances")  # {"data": [row, …]}: the list holds the rows
_WRAPPER = re.compile(rf'\s*\{{\s*"(?:{"|".join(_WRAPPERS)})"\s*:\s*\[(?=\s*[{{\]])')
_ARRAY = re.compile(r"\s*\[")
_LINES = re.compile(r"\s*\{[^\n]*(?:\}[ \t\r]*\n\s*\S|\n\s*\{)")  # an object ends where its line does, or should have
_SPACE = re.compile(r"[\s,]*")


def read_jsonl(path: Path) -> Iterator[Record]:
    """Yield one row a line; an array under this ending is read as one."""
    line = 0
    try:
        for line, raw in lines(path):
            if not raw.strip():
                continue
            if line == 1 and opens_array(raw):
                yield from read_json(path)
                return
            yield line, caught(lambda raw: _object(_text(raw).strip()), raw)
    except Bad as bad:
        yield line + 1, bad


def opens_array(first: bytes) -> bool:
    """Whether a file whose first line this is holds an array of rows, and not a row a line."""
    return re.match(rb"\s*\[\s*(\{|$)", first) is not None


def read_json(path: Path) -> Iterator[Record]:
    """Yield the rows of an array, of {"data": […]}, of one object, or of JSON lines under this ending."""
    line = 1
    try:
        with text_of(path) as file:
            head = file.read(_HEAD)
            if opening := _ARRAY.match(head) or _WRAPPER.match(head):
                is_wrapped = opening[0].lstrip().startswith("{")
                for line, record in _elements(_Window(file, head, opening.end()), is_wrapped=is_wrapped):
                    yield line, record
                return
            head += file.readline() + file.readline()  # a line may be longer
            if not _LINES.match(head):
                head += file.read()
                if text := head.strip():
                    yield head.count("\n", 0, head.index(text)) + 1, caught(_object, text)
                return
    except DAMAGE as error:
        yield line, cut(error)
        return
    yield from read_jsonl(path)


@dataclass
class _Window:
    """The part of a file's text that is being read: it slides, and is as long as the longest element."""

    file: TextIO
    text: str
    at: int
    line: int = 1
    ended: bool = False

    def __post_init__(self) -> None:
        self.line += self.text.count("\n", 0, self.at)

    def read_on(self) -> None:
        """Drop what was read, and add as much again as is left, so that a long element is decoded a few times only."""
        more = self.file.read(max(PIECE, len(self.text) - self.at))
        self.text, self.at, self.ended = self.text[self.at :] + more, 0, not more

    def skip(self) -> str:
        """Go to the next element or to the end of the array, and return its first character ("" at the file's end)."""
        while True:
            end = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches the empty string too
            self.pass_to(end)
            if end < len(self.text) or self.ended:
                return self.text[end : end + 1]
            self.read_on()

    def pass_to(self, end: int) -> None:
        """Count the lines up to `end`, and stand there."""
        self.line += self.text.count("\n", self.at, end)
        self.at = end

    def decode(self) -> tuple[Any, int]:
        """Return the value that begins here and where it ends. Raises ValueError or RecursionError where none does."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
                if end < len(self.text) or self.ended:  # else it may be half a number
                    return value, end
            except json.JSONDecodeError as error:
                # What is broken at the window's end, or in a string still open, more text may mend.
                if self.ended or not (error.msg.startswith("Unterminated") or error.pos > len(self.text) - 16):
                    raise
            self.read_on()


def _elements(window: _Window, *, is_wrapped: bool) -> Iterator[Record]:
    """Yield the elements of an array and of its wrapper's other lists; after a broken one nothing can be told apart."""
    try:
        in_list = True
        while in_list:
            while window.skip() != "]":
                value, end = window.decode()
                yield window.line, caught(partial(checked, value), window.text[window.at : end])
                window.pass_to(end)
            window.pass_to(window.at + 1)
            in_list = is_wrapped and _is_at_next_list(window)
        if window.skip():
            raise _unread("the rows end here, and the file goes on", "write one array, or a row a line")
    except (ValueError, RecursionError) as error:
        yield window.line, _unread(f"broken JSON: {error}", "mend it: what follows was not read")
    except Bad as bad:
        yield window.line, bad


def _is_at_next_list(window: _Window) -> bool:
    """Go to the wrapper's next list of rows, or behind its end. Raises Bad for a list of rows under no known key."""
    while window.skip() != "}":
        key, end = window.decode()
        window.pass_to(end)
        if window.skip() != ":":
            raise _unread(f"broken JSON: no colon behind {key!r}", "mend it: what follows was not read")
        window.pass_to(window.at + 1)
        if window.skip() == "[" and key in _WRAPPERS:
            window.pass_to(window.at + 1)
            return True
        value, end = window.decode()
        if isinstance(value, list) and any(isinstance(one, dict) for one in value):
            raise _unread(f"a list of objects under {key!r}", f"if they are rows, put them under {_WRAPPERS[0]!r} too")
        window.pass_to(end)
    window.pass_to(window.at + 1)
    return False


def _unread(message: str, fix: str) -> Bad:
    return Bad("unreadable-line", message, fix, rest_unread=True)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line (0x{raw[error.start]:02x})"
        raise Bad("invalid-utf8", f"{where} is not UTF-8", AS_UTF8) from error


def _object(text: str) -> dict[str, Any]:
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" + (f" of the row's line {error.lineno}" if error.lineno > 1 else "")
        raise Bad("unreadable-line", f"broken JSON at {where}: {error.msg}", MEND) from error
    except (ValueError, RecursionError) as error:
        raise Bad("unreadable-line", f"JSON that cannot be used: {error}", MEND) from error
    return checked(value, text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON (RFC 8259); write null or a number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
READERS: dict[str, Callable[[Path], Iterator[Record]]] = {"jsonl": read_jsonl, "json": read_json, "ndjson": read_jsonl}
