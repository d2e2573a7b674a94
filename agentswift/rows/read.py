"""Files and folders → rows, each with its line.

Every kind is streamed: memory does not grow with the file. A row that cannot be read is a Finding, and reading goes on;
only a file of which nothing can be read raises DataError.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from agentswift.errors import DataError, did_you_mean
from agentswift.rows import json_text, tables
from agentswift.rows.ledger import Finding, Row
from agentswift.rows.records import Bad, Record

_READERS = {**json_text.READERS, **tables.READERS}
_BINARY = ("parquet", "arrow", "feather")  # these compress within
_ENDINGS = f"{', '.join(f'.{e}' for e in _READERS)}, those of text also with .gz or .zst behind them"
_OF_DATASETS = ("state.json", "dataset_info.json", "dataset_dict.json")  # what save_to_disk writes about the data


def read_rows(path: Path) -> Iterator[Row | Finding]:
    """Return the rows of a file in order, unreadable ones as Findings (unreadable-line, invalid-utf8, not-an-object).

    Raises DataError at once for a file that is missing, empty or of unknown ending, while reading for one with no rows.
    """
    return _numbered(path, _reader(path))


def data_files(path: Path) -> list[Path]:
    """Return the files of rows in a folder and those below it, by name; a file is its own. Raises DataError for none.

    In a folder of Hugging Face datasets' save_to_disk these are the files that its state names, in that order.
    """
    if not path.is_dir():
        return [path]
    if files := _data_files(path):
        return files
    raise DataError(f"{path}: no data file in this folder ({_ENDINGS})")


def _data_files(folder: Path) -> list[Path]:
    files = _files_of_state(folder / "state.json")
    if files:
        return files
    for path in sorted(p for p in folder.iterdir() if not p.name.startswith(".")):
        if path.is_dir():
            files += _data_files(path)
        elif path.name not in _OF_DATASETS and _is_data(path):
            files.append(path)
    return files


def _files_of_state(state: Path) -> list[Path]:
    """Return the files that a state.json of datasets lists; none where it is no such file."""
    try:
        listed = json.loads(state.read_text(encoding="utf-8"))["_data_files"]
        return [state.parent / Path(file["filename"]).name for file in listed]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _is_data(path: Path) -> bool:
    ending, packed = _ending(path)
    return ending in _READERS and not (packed and ending in _BINARY)


def _ending(path: Path) -> tuple[str, bool]:
    """Return the ending that says what a file holds, and whether the file is packed."""
    bare = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return bare.rpartition(".")[2], bare != path.name.lower()


def _numbered(path: Path, reader: Callable[[Path], Iterator[Record]]) -> Iterator[Row | Finding]:
    row = -1
    for row, (line, record) in enumerate(reader(path)):
        if isinstance(record, Bad):
            place, said = (str(path), line, row, "$"), str(record)
            yield Finding(*place, record.rule, "error", said, record.fix, rest_unread=record.rest_unread)
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
    ending, packed = _ending(path)
    if ending not in _READERS:
        raise DataError(
            f"{path}: unknown ending {path.suffix!r}; rows are read from {_ENDINGS}. Rename or convert the file"
        )
    if packed and ending in _BINARY:
        raise DataError(f"{path}: .{ending} is read as it is, not packed: unpack it (gzip -d, zstd -d)")
    return _READERS[ending]
