"""The rows of each epoch as ms-swift's dataloader wants them: drawn anew, packed anew, the same again on resume.

The sampler's numbers name epoch and place, so nothing has to be told, or remembered, which epoch it is.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from swift.dataloader.shard import BatchSamplerShard
from torch.utils.data import Dataset

from agentswift.engine.batch import Rows
from agentswift.engine.cache import Encodings
from agentswift.engine.job import Origins
from agentswift.engine.packing import packed
from agentswift.mix import Mix
from agentswift.mix.chance import seeded
from agentswift.schema.groups import Order


class EpochRows(Dataset):  # type: ignore[type-arg]
    """The rows of every epoch of a mix: number epoch × len + place."""

    def __init__(self, encodings: Encodings, mix: Mix, origins: Origins | None = None) -> None:
        self.encodings, self.mix = encodings, mix
        self.draw: Callable[[int], Rows] = lambda number: Rows(encodings, mix.epoch(number), origins)
        self._epoch = lru_cache(maxsize=2)(lambda number: self.draw(number))

    def __len__(self) -> int:
        return sum(self.mix.counts.values())

    def __getitem__(self, index: int | str) -> Any:
        """Return a row by number, or a column of the first epoch's."""
        if isinstance(index, str):
            return self._epoch(0)[index]
        epoch, place = divmod(index, len(self))
        return self._epoch(epoch)[place]

    def lengths(self, epoch: int) -> list[int]:
        """Return the tokens of each row of an epoch, in order."""
        return self._epoch(epoch).lengths


class EpochPacks(Dataset):  # type: ignore[type-arg]
    """The rows of every epoch packed into sequences; every epoch has as many, those that need fewer get less full ones.

    `epochs`: how many there will be. No row is lost or seen twice for the sake of an even number.
    """

    def __init__(self, template: Any, rows: EpochRows, max_length: int, epochs: int) -> None:
        template.packing = template.padding_free = True  # as ms-swift's PackingDataset tells it
        self.rows, self.max_length = rows, max_length
        self._count = 0
        self._count = max(len(self.packs(epoch)) for epoch in range(epochs))
        self._packs = lru_cache(maxsize=2)(self.packs)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> list[Any]:
        """Return the rows of a sequence."""
        epoch, place = divmod(index, self._count)
        return [self.rows[epoch * len(self.rows) + row] for row in self._packs(epoch)[place]]

    def lengths(self, epoch: int) -> list[int]:
        """Return the tokens of each sequence of an epoch, in order."""
        tokens = self.rows.lengths(epoch)
        return [sum(tokens[row] for row in pack) for pack in self._packs(epoch)]

    def packs(self, epoch: int) -> list[list[int]]:
        """Return the places of the rows in each sequence of an epoch."""
        shuffled = self.rows.mix.order == Order.shuffled.value
        packs = packed(self.rows.lengths(epoch), self.max_length, in_order=not shuffled)
        packs.sort(key=len, reverse=True)
        while 0 < len(packs) < self._count and len(packs[0]) > 1:
            packs += [packs[0][::2], packs.pop(0)[1::2]]
            packs.sort(key=len, reverse=True)
        if shuffled:
            seeded(self.rows.mix.seed, epoch, "packs").shuffle(packs)
        else:
            packs.sort()
        return packs


class EpochSampler(BatchSamplerShard):  # type: ignore[misc]
    """ms-swift's sampler over the current epoch's order, which the mix has made: it shuffles nothing itself."""

    def __init__(self, rows: EpochRows | EpochPacks, total: int, batch_size: int, **settings: Any) -> None:
        settings["shuffle"] = bool(settings.get("group_by_length"))  # which needs it, and shuffles within the epoch
        super().__init__(total, batch_size, **settings)
        self.rows = rows

    def __iter__(self) -> Iterator[list[int]]:
        epoch = self.curr_seed - self.base_seed
        if self.group_by_length:
            self.lengths = self.rows.lengths(epoch)
        for batch in super().__iter__():
            yield [epoch * len(self.rows) + place for place in batch]
