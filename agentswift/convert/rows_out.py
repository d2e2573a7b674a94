"""Rows → a file, one at a time: jsonl or json, gz or zst around it; its name appears when it is whole."""

import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import IO, Any

from agentswift.errors import OutputError, UsageError
from agentswift.rows import Finding

ENDINGS = (".jsonl", ".json")


class RowsOut:
    """A file of rows. Nothing is there until the block ends well; memory does not grow with the rows."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self.is_array = _ending(path) == ".json"
        self.rows = 0
        if path.is_dir() or (path.exists() and not overwrite):
            way = "Name a file in it: file=FOLDER/rows.jsonl" if path.is_dir() else "overwrite=true writes it anew"
            raise OutputError(f"{path} is there already. {way}")
        self._part = path.with_name(f".{path.name[:100]}.{token_hex(4)}.part")
        self._files: list[IO[bytes]] = []  # the file, and the archive around it

    def __enter__(self) -> "RowsOut":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._files.append(self._part.open("xb"))
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}.") from error
        self._files.append(_packed(self.path, self._files[0]))
        return self

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        # Half a character, which UTF-8 cannot hold, becomes its escape, which JSON can.
        self.copy(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace"))

    def copy(self, line: bytes) -> None:
        """Add a row as it is written elsewhere, whatever it is; into an array, only what is JSON."""
        between = ("[\n" if not self.rows else ",\n") if self.is_array else ""
        try:
            self._files[-1].write(between.encode() + line.rstrip(b"\r\n") + (b"" if self.is_array else b"\n"))
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}.") from error
        self.rows += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as failed:
            raise OutputError(f"cannot write {self.path}: {failed.strerror or failed}.") from failed
        finally:
            for file in reversed(self._files):
                file.close()
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self.is_array:
            self._files[-1].write(b"\n]\n" if self.rows else b"[]\n")
        if self._files[-1] is not self._files[0]:
            self._files[-1].close()
        self._files[0].flush()
        os.fsync(self._files[0].fileno())
        self._part.replace(self.path)


def _ending(path: Path) -> str:
    ending = Path(path.name.lower().removesuffix(".gz").removesuffix(".zst")).suffix
    if ending not in ENDINGS:
        raise UsageError(
            f"file={path}: rows are written to {' or '.join(ENDINGS)}, each also with .gz or .zst behind it"
        )
    return ending


def _packed(path: Path, file: IO[bytes]) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return gzip.GzipFile("", "wb", fileobj=file, mtime=0)  # type: ignore[return-value]  # the same rows, the same file
    if path.suffix.lower() == ".zst":
        try:
            import zstandard
        except ImportError as error:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise OutputError(f"{path}: writing .zst needs one more package: pip install zstandard") from error
        return zstandard.ZstdCompressor().stream_writer(file, closefd=False)
    return file


class LeftOut:
    """The findings of rows left out, as OUT.refused.jsonl beside OUT; there only when a row was."""

    def __init__(self, out: Path, *, overwrite: bool = False) -> None:
        self.path = out.with_name(f"{out.name.split('.json', 1)[0]}.refused.jsonl")
        self._rows = RowsOut(self.path, overwrite=overwrite)
        self._opened = False

    def __enter__(self) -> "LeftOut":
        return self

    def __call__(self, finding: Finding) -> None:
        """Add a finding."""
        if not self._opened:
            self._rows.__enter__()
            self._opened = True
        self._rows.write(finding.json())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._opened:
            self._rows.__exit__(kind, error, at)
        elif kind is None:
            self.path.unlink(missing_ok=True)  # an earlier conversion's
