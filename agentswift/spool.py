"""Conversations kept on disk while a run is prepared: any number of them in the memory of one."""

import os
import pickle
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from tempfile import TemporaryFile
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")
_BUFFER = 1 << 20  # bytes written together


class Spool(Sequence[Item], Generic[Item]):
    """A list that lies in a temporary file without a name: nobody else can write what is unpickled from it.

    It is gone with this object, or with the process however that ends. TMPDIR says where it lies.
    """

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._file = TemporaryFile(buffering=_BUFFER, prefix="agentswift-")  # noqa: SIM115  # held as long as this is
        weakref.finalize(self, self._file.close)
        self._ends = array("Q", [0])
        for item in items:
            self.append(item)

    def append(self, item: Item) -> None:
        """Put one more behind the others."""
        self._ends.append(self._ends[-1] + self._file.write(pickle.dumps(item, pickle.HIGHEST_PROTOCOL)))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = range(len(self))[index]  # negative ones too; IndexError for one that there is not
        start, end = self._ends[at], self._ends[at + 1]
        self._file.flush()
        item: Item = pickle.loads(os.pread(self._file.fileno(), end - start, start))
        return item


class Joined(Sequence[Item], Generic[Item]):
    """Several sequences as one, without a copy."""

    def __init__(self, parts: Iterable[Sequence[Item]]) -> None:
        self._parts = [part for part in parts if part]
        self._starts = [0, *accumulate(map(len, self._parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[Item]:
        for part in self._parts:
            yield from part

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        part = bisect_right(self._starts, at) - 1
        return self._parts[part][at - self._starts[part]]
