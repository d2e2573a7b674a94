"""Every epoch's rows reach the trainer: drawn anew, none lost by packing, the same again on resume, shared by ranks."""

import inspect
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agentswift.engine.cache import Encodings, cached
from agentswift.engine.encode import Encoded
from agentswift.mix import Mix
from agentswift.weights import SpanRow
from tests.swift_template import swift_template

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from accelerate.data_loader import SkipBatchSampler
    from swift.dataloader.shard import BatchSamplerShard, DataLoaderShard
    from swift.trainers import mixin

    from agentswift.engine.epochs import EpochPacks, EpochRows, EpochSampler

ANSWER = (SpanRow(field="answer", of="", step=0, turn=0, weight=1.0),)
POOL = {"a": list(range(20)), "b": list(range(20, 30))}
MIX = Mix(POOL, {"a": 8, "b": 15}, seed=3)  # a part is sampled, the other repeated
RANKS = 2


@pytest.fixture
def encodings(tmp_path: Path) -> Encodings:
    """Rows of 2 to 9 tokens; the first token is the row's number."""
    return cached(tmp_path / "k.arrow", lambda: [Encoded([n] + [99] * (1 + n % 8), [0] * (2 + n % 8), ANSWER, "")
                                                 for n in range(30)])  # fmt: skip


def numbers(rows: list[Any]) -> list[int]:
    return [row["input_ids"][0] for row in rows]


def drawn(dataset: Any, epoch: int, skip: int = 0, **settings: Any) -> list[list[int]]:
    """Return the batches of an epoch, as ms-swift's dataloader fetches them; `skip` of them were trained before."""
    settings = {"batch_size": 4, "shuffle": True, "drop_last": False, "data_seed": 42, **settings}
    sampler: Any = EpochSampler(dataset, len(dataset), **settings)
    loader = DataLoaderShard(dataset, batch_sampler=SkipBatchSampler(sampler, skip) if skip else sampler,
                             collate_fn=lambda batch: batch)  # fmt: skip
    loader.set_epoch(epoch)
    return [numbers([r for item in b for r in (item if isinstance(item, list) else [item])]) for b in loader]


def test_each_epoch_is_the_mixs_own(encodings: Encodings) -> None:
    rows = EpochRows(encodings, MIX)
    for epoch in range(3):
        assert [n for batch in drawn(rows, epoch) for n in batch] == MIX.epoch(epoch)
    assert len({tuple(MIX.epoch(epoch)) for epoch in range(3)}) == 3
    assert [Counter(map(lambda n: n < 20, MIX.epoch(epoch))) for epoch in range(3)] == [{True: 8, False: 15}] * 3


def test_a_run_resumed_in_an_epoch_goes_on_in_its_order(encodings: Encodings) -> None:
    rows = EpochRows(encodings, MIX)
    assert drawn(rows, 2, skip=2) == drawn(rows, 2)[2:]


def test_ranks_share_an_epoch(encodings: Encodings, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = EpochRows(encodings, MIX)
    monkeypatch.setattr(BatchSamplerShard, "world_size", RANKS)
    ranks = []
    for rank in range(RANKS):
        monkeypatch.setattr(BatchSamplerShard, "rank", rank)
        ranks.append([n for batch in drawn(rows, 1) for n in batch])
    together = [n for pair in zip(*ranks, strict=True) for n in pair]
    assert together == MIX.epoch(1)[: len(MIX.epoch(1)) // RANKS * RANKS]


@pytest.mark.parametrize("order", ["shuffled", "interleaved"])
def test_packs_hold_each_row_of_each_epoch_once_and_every_epoch_has_as_many(encodings: Encodings, order: str) -> None:
    mix = Mix(POOL, {"a": 8, "b": 15}, seed=3, order=order)
    packs = EpochPacks(swift_template(packing=True), EpochRows(encodings, mix), max_length=12, epochs=4)
    for epoch in range(4):
        seen = drawn(packs, epoch, batch_size=1)
        assert len(seen) == len(packs)
        assert sorted(n for pack in seen for n in pack) == sorted(mix.epoch(epoch))
        assert max(packs.lengths(epoch)) <= 12
        assert drawn(packs, epoch, batch_size=1) == seen


def test_rows_of_like_length_stand_together_where_asked(encodings: Encodings) -> None:
    rows = EpochRows(encodings, MIX)
    settings = {"group_by_length": True, "lengths": rows["lengths"]}
    seen = drawn(rows, 2, **settings)
    assert sorted(n for batch in seen for n in batch) == sorted(MIX.epoch(2))
    assert seen[0][0] % 8 == max(n % 8 for n in MIX.epoch(2))  # the longest comes first


def test_swift_makes_its_sampler_by_a_name_that_can_be_changed_and_hands_it_what_ours_takes() -> None:
    source = inspect.getsource(mixin.DataLoaderMixin.get_train_dataloader)
    assert "BatchSamplerShard(\n                    len(train_dataset), batch_size=" in source
    assert {"shuffle", "drop_last", "data_seed", "tp_size", "group_by_length", "lengths"} <= set(
        inspect.signature(BatchSamplerShard).parameters
    )
    assert "self.curr_seed = self.base_seed + epoch" in inspect.getsource(BatchSamplerShard.set_epoch)
