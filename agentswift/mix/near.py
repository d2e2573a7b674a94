"""Rows that nearly are a row already seen: found by MinHash, then measured exactly, so that none is named in error."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from agentswift.conversation import Conversation
from agentswift.mix.words import runs, said, words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Shingles = npt.NDArray[np.uint32]

_RUN = 5  # words a shingle; what a row says is compared as the set of its shingles
_PERMUTATIONS = 128


class Near(NamedTuple):
    """`row` says nearly what the earlier `of` says: `similarity` of the two is the share of shingles in common."""

    row: int
    of: int
    similarity: float


class NearRows:
    """The rows kept so far, numbered from 0, some 7 kB a row of 240 words; a new one is compared with all of them."""

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHash, MinHashLSH  # 0.7 s, most of it scipy

        self.threshold = threshold
        self._blank = MinHash(num_perm=_PERMUTATIONS, hashfunc=int)  # shingles are hashes already
        # To miss one is worse than to look at one too many: those are measured anyway.
        self._index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS, weights=(0.02, 0.98))
        self._kept: list[Shingles] = []

    def add(self, conversation: Conversation) -> tuple[int, float] | None:
        """Return the kept row most like `conversation`, and how like; None: there is none, and it is kept itself."""
        shingles = _shingles(conversation)
        sketch = self._blank.copy()
        sketch.update_batch(shingles.tolist())
        like = [(_similarity(shingles, self._kept[i]), -i) for i in self._index.query(sketch)] if len(shingles) else []
        similarity, found = max(like, default=(0.0, 0))
        if similarity >= self.threshold:
            return -found, similarity
        if len(shingles):
            self._index.insert(len(self._kept), sketch, check_duplication=False)
        self._kept.append(shingles)
        return None


def near_duplicates(conversations: Iterable[Conversation], threshold: float = 0.8) -> list[Near]:
    """Return each conversation that is at least `threshold` like an earlier one which is not itself in the list.

    Likeness is the Jaccard similarity of sets of five words in a row, of all that is said and called; tools and system
    do not count. Numbers are places in `conversations`. MinHash may miss a pair close to the threshold.
    """
    rows, places, found = NearRows(threshold), list[int](), list[Near]()
    for number, conversation in enumerate(conversations):
        if (like := rows.add(conversation)) is None:
            places.append(number)
        else:
            found.append(Near(number, places[like[0]], like[1]))
    return found


def _shingles(conversation: Conversation) -> "Shingles":
    import numpy as np

    text = words("\n".join(said(conversation)))
    return np.unique(
        np.array([crc32(" ".join(run).encode("utf-8", "surrogatepass")) for run in runs(text, _RUN)], dtype=np.uint32)
    )


def _similarity(one: "Shingles", other: "Shingles") -> float:
    import numpy as np

    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
