"""Encoded conversations on disk: ids and spans, memory-mapped, written once a (data, template, tokenizer); no weights.

One Arrow file a key, in the user's cache folder. It is written under another name, put on disk and renamed, so what
carries the final name is whole; a lock keeps two processes from encoding the same thing twice. A file that is cut off
all the same, or of another layout, is made anew; damage inside one is not looked for: that would read all of it.
"""

import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from itertools import accumulate, islice
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from agentswift.conversation import FIELDS, Field
from agentswift.engine.encode import Encoded
from agentswift.errors import OutputError
from agentswift.weights import PARTS, SpanRow

Ints = npt.NDArray[np.int32]

SCHEMA = pa.schema(
    {
        "input_ids": pa.list_(pa.int32()),
        "span_ids": pa.list_(pa.int32()),
        "field": pa.list_(pa.int32()),  # the span table, a column each: index into FIELDS
        "of": pa.list_(pa.int32()),  # index into FIELDS, -1: none
        "turn": pa.list_(pa.int32()),
        "step": pa.list_(pa.int32()),
        "weight": pa.list_(pa.float32()),
        "part": pa.list_(pa.int8()),  # index into PARTS
        "length": pa.int32(),  # tokens
    }
)
_BATCH = 1000  # rows an Arrow record batch


class Encodings:
    """The encoded rows of one cache file, mapped and not read: any number of processes share its pages.

    Raises OSError where there is none, ValueError for one that is cut off, or of another layout.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        mapped = pa.ipc.open_file(pa.memory_map(str(file)))
        if not mapped.schema.equals(SCHEMA):
            raise ValueError("its columns are others")
        # Batch by batch: put together, they would be a copy in the memory of every process.
        batches = [mapped.get_batch(i) for i in range(mapped.num_record_batches)]
        self.lengths: Ints = np.concatenate([np.zeros(0, np.int32), *(_plain(b["length"]) for b in batches)])
        self._starts = [0, *accumulate(len(batch) for batch in batches)]
        self._columns = [{name: _flat(b[name]) for name in SCHEMA.names if name != "length"} for b in batches]
        if any(
            len(c[name][1]) != b["length"].sum().as_py()
            for c, b in zip(self._columns, batches, strict=True)
            for name in ("input_ids", "span_ids")
        ):
            raise ValueError("its lengths are not those of its rows")

    def __len__(self) -> int:
        return len(self.lengths)

    def input_ids(self, row: int) -> Ints:
        """Token ids of `row`, shape [length]."""
        ids: Ints = self._slice("input_ids", row)
        return ids

    def span_ids(self, row: int) -> Ints:
        """For each token of `row` the index of its span in `spans(row)`, shape [length]."""
        ids: Ints = self._slice("span_ids", row)
        return ids

    def spans(self, row: int, some: slice = slice(None)) -> list[SpanRow]:
        """The span table of `row`, or some of it."""
        names = ("field", "of", "turn", "step", "weight", "part")
        return [
            SpanRow(
                field=FIELDS[field],
                of=FIELDS[of] if of >= 0 else "",
                turn=int(turn),
                step=int(step),
                weight=float(weight),
                part=PARTS[part],
            )
            for field, of, turn, step, weight, part in zip(*(self._slice(n, row)[some] for n in names), strict=True)
        ]

    def window(self, row: int) -> tuple[int, int]:
        """Return which tokens of the conversation's text `row` has: all of them, where it is not cut."""
        return 0, int(self.lengths[row])

    def _slice(self, name: str, row: int) -> Any:
        at = range(len(self))[row]
        batch = bisect_right(self._starts, at) - 1
        offsets, values = self._columns[batch][name]
        at -= self._starts[batch]
        return values[offsets[at] : offsets[at + 1]]


def _flat(column: pa.ListArray) -> tuple[Ints, npt.NDArray[Any]]:
    """Return the row offsets and the values of a list column, as views of the mapped file."""
    return _plain(column.offsets), _plain(column.values)


def _plain(column: pa.Array) -> npt.NDArray[Any]:
    """Return a view of a column of numbers; pyarrow's own to_numpy imports pandas, which takes 0.4 s."""
    dtype = column.type.to_pandas_dtype()
    numbers = np.frombuffer(column.buffers()[1], dtype) if len(column) else np.zeros(0, dtype)
    return numbers[column.offset : column.offset + len(column)]


def cached(file: Path, encode: Callable[[], Iterable[Encoded]]) -> Encodings:
    """Return the rows in `file`, encoding and writing them first where it is not there, or is damaged.

    Raises OutputError where they cannot be written.
    """
    if (whole := _whole(file)) is not None:
        return whole
    with _told(file):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock(file) as alone:
        if (whole := _whole(file)) is not None:
            return whole  # another process has written it meanwhile
        if file.exists():
            print(f"{file} is damaged, or of another version: encoding anew", file=sys.stderr, flush=True)
        if alone:
            for left in file.parent.glob(f"{file.stem}.*.part"):  # of a process that was killed
                left.unlink(missing_ok=True)
        _write(file, encode())
    return Encodings(file)


def _whole(file: Path) -> Encodings | None:
    try:
        return Encodings(file)
    except (OSError, ValueError):
        return None


def _write(file: Path, rows: Iterable[Encoded]) -> None:
    part = file.with_suffix(f".{token_hex(4)}.part")
    batches = _batches(rows)
    try:
        with _told(file), part.open("xb") as out:
            with pa.ipc.new_file(out, SCHEMA) as writer:
                while (batch := next(batches, None)) is not None:
                    writer.write_batch(batch)
            out.flush()
            os.fsync(out.fileno())  # on disk before its name appears
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def _batches(rows: Iterable[Encoded]) -> Iterator[pa.RecordBatch]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        yield pa.RecordBatch.from_pylist([_record(row) for row in batch], schema=SCHEMA)


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{file.parent}: the encoded rows cannot be kept there ({error.strerror or error}). "
            "Make room, or name another folder: AGENTSWIFT_CACHE"
        ) from error


def _record(row: Encoded) -> dict[str, Any]:
    return {
        "input_ids": row.input_ids,
        "span_ids": row.span_ids,
        "field": [_NUMBER[s.field] for s in row.spans],
        "of": [_NUMBER.get(s.of, -1) for s in row.spans],
        "turn": [s.turn for s in row.spans],
        "step": [s.step for s in row.spans],
        "weight": [s.weight for s in row.spans],
        "part": [PARTS.index(s.part) for s in row.spans],
        "length": len(row.input_ids),
    }


_NUMBER: dict[str, int] = {name: i for i, name in enumerate[Field](FIELDS)}


@contextmanager
def _lock(file: Path) -> Iterator[bool]:
    """Wait until no other process holds the lock of `file`, then hold it; yields whether it is held.

    On a file system without locks two processes may do the same work; each writes a file of its own, and the last wins.
    """
    with _told(file):
        handle = file.with_suffix(".lock").open("w")
    with handle:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process that encodes the same rows ({file})", file=sys.stderr, flush=True)
            flock(handle, LOCK_EX)  # released when the process ends, however it ends
        except OSError:
            yield False
            return
        yield True
