"""Tables → rows: csv, parquet, and Arrow's own files (feather, the data-*.arrow of Hugging Face datasets).

A column of Arrow holds one type for all rows: an object gets every key that any row's object has, null where its own
row had none. Declared tools suffer most: each gets the parameters of all others (ms-swift #10125). So a null under a
key is taken for padding here, all the way down, and is dropped, as is an object of nothing but padding; nulls in lists
stay, and so does what stands as JSON text in a string. Rows from JSON keep every null that they have.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from agentswift.errors import DataError
from agentswift.rows.records import MEND, Bad, Record, caught, refuse_escaped
from agentswift.rows.streams import DAMAGE, cut, text_of

BATCH = 256  # rows turned into Python at once


def read_csv(path: Path) -> Iterator[Record]:
    """Yield a row a record, every cell as text."""
    csv.field_size_limit(2**31 - 1)  # the default, 128 KiB, is less than one long trajectory
    with text_of(path) as file:
        yield from _csv_records(path, file)


def _csv_records(path: Path, file: TextIO) -> Iterator[Record]:
    reader = csv.DictReader(file)
    while True:
        line = max(reader.line_num, 1) + 1  # the header is line 1, read together with the first row
        try:
            if not reader.line_num:
                _refuse_repeated(path, reader.fieldnames or ())
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Bad("unreadable-line", f"broken CSV: {error}", MEND)
            continue
        except DAMAGE as error:
            yield line, cut(error)
            return
        yield line, caught(_cells, values)


def _refuse_repeated(path: Path, names: Sequence[str]) -> None:
    """Raise DataError for a header with a name twice: of two such columns only the last would be read."""
    if twice := sorted({name for name in names if name.strip() and names.count(name) > 1}):
        raise DataError(f"{path}: the header has {', '.join(map(repr, twice))} more than once. Rename these columns")


def _cells(values: dict[str, Any]) -> dict[str, Any]:
    if None in (*values, *values.values()):
        raise Bad("unreadable-line", "more or fewer cells than the header has names", "quote cells that hold commas")
    for cell in values.values():
        refuse_escaped(cell)
    return values


def read_parquet(path: Path) -> Iterator[Record]:
    """Yield the rows of a parquet file, a batch in memory at a time."""
    from pyarrow import parquet

    return _batches(path, "parquet", lambda: parquet.ParquetFile(path).iter_batches(batch_size=BATCH))


def read_arrow(path: Path) -> Iterator[Record]:
    """Yield the rows of an Arrow file (feather) or stream (what Hugging Face datasets writes), mapped, not loaded."""
    import pyarrow
    from pyarrow import ipc

    def batches() -> Iterator[Any]:
        with pyarrow.memory_map(str(path)) as file:
            if file.read(6) == b"ARROW1":
                reader = ipc.open_file(file)
                yield from (reader.get_batch(i) for i in range(reader.num_record_batches))
            else:
                file.seek(0)
                yield from ipc.open_stream(file)

    return _batches(path, "Arrow", batches)


def _batches(path: Path, kind: str, batches: Callable[[], Iterable[Any]]) -> Iterator[Record]:
    import pyarrow

    try:
        for batch in batches():
            for start in range(0, batch.num_rows, BATCH):
                for values in batch.slice(start, BATCH).to_pylist():
                    yield 0, caught(plain, values)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a whole {kind} file: {error}. Fetch it again") from error


def _is_padding(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(map(_is_padding, value.values()))
    return value is None or value != value  # NaN: how pandas writes a missing number


def plain(value: Any) -> Any:
    """Return a value of Arrow's as JSON has it, without the nulls that pad it. Raises Bad for bytes of no text."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if not _is_padding(inner)}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):  # a map: its keys are the row's own, so no null in it is padding
            return {str(plain(key)): plain(inner) for key, inner in value}
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        said = f"byte {error.start + 1} of a binary value (0x{value[error.start]:02x}) is not UTF-8"
        raise Bad("invalid-utf8", said, "store text as UTF-8, and leave other columns out") from error


READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    "csv": read_csv,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "feather": read_arrow,
}
