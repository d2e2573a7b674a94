"""Conversations kept on disk while a run is prepared: any number of them in the memory of one."""

import os
import pickle
import weakref
from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from tempfile import TemporaryFile
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")
_BUFFER = 1 << 20  # bytes written together


class _Listed(Sequence[Item], Generic[Item]):
    """Indexing by number and slice over what `_at` returns."""

    @abstractmethod
    def _at(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        places = range(len(self))[index]  # negative ones too; IndexError for one that there is not
        return self._at(places) if isinstance(places, int) else [self._at(place) for place in places]


class Spool(_Listed[Item]):
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

    def _at(self, index: int) -> Item:
        start, end = self._ends[index], self._ends[index + 1]
        self._file.flush()
        item: Item = pickle.loads(os.pread(self._file.fileno(), end - start, start))
        return item


class Joined(_Listed[Item]):
    """Several sequences as one, without a copy."""

    def __init__(self, parts: Iterable[Sequence[Item]]) -> None:
        self._parts = [part for part in parts if part]
        self._starts = [0, *accumulate(map(len, self._parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[Item]:
        for part in self._parts:
            yield from part

    def _at(self, index: int) -> Item:
        part = bisect_right(self._starts, index) - 1
        return self._parts[part][index - self._starts[part]]
