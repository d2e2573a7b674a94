"""Files of bytes or of text, plain or compressed, read a piece at a time."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

from agentswift.rows.records import Bad

BOM = b"\xef\xbb\xbf"
DAMAGE = (EOFError, OSError, zlib.error)  # what reading a cut or damaged archive raises


def opened(path: Path) -> IO[bytes]:
    """Return the file's bytes, out of their .gz or .zst if they are in one."""
    if path.suffix.lower() == ".gz":
        return io.BufferedReader(gzip.GzipFile(path))
    if path.suffix.lower() == ".zst":
        import pyarrow  # the package zstandard ends a cut archive without a word, and stops behind the first frame

        return io.BufferedReader(pyarrow.input_stream(path, compression="zstd"))
    return path.open("rb")


def text_of(path: Path) -> TextIO:
    """Return the file's text, line ends and bytes that are no UTF-8 kept (as surrogates), its byte order mark not."""
    return io.TextIOWrapper(opened(path), "utf-8-sig", errors="surrogateescape", newline="")


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line, bytes) of a file, its byte order mark taken off. A cut archive raises Bad after its last line."""
    try:
        with opened(path) as file:
            for number, line in enumerate(file, 1):
                yield number, line.removeprefix(BOM) if number == 1 else line
    except DAMAGE as error:
        raise cut(error) from error


def cut(error: Exception) -> Bad:
    """Return what is said of a file that ends too early."""
    return Bad("unreadable-line", f"the file is cut or damaged here: {error}", "fetch it again", rest_unread=True)
