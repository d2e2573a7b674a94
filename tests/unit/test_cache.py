"""The encoded cache: what goes in comes out, once, whole."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from agentswift.engine.cache import Encodings, cached
from agentswift.engine.encode import Encoded
from agentswift.weights import SpanRow

ACTION = SpanRow(field="action", of="", step=0, turn=0, weight=0.5)
LABEL = SpanRow(field="label", of="action", step=-1, turn=3, weight=1.0)
ROWS = [
    Encoded([5, 6, 7], [0, 1, 1], (ACTION, LABEL), "abc"),
    Encoded([9], [0], (LABEL,), "d"),
]


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    cache = cached(tmp_path / "new" / "k.arrow", lambda: ROWS)
    assert cache.lengths.tolist() == [3, 1]
    for i, row in enumerate(ROWS):
        assert cache.input_ids(i).tolist() == row.input_ids
        assert cache.span_ids(i).tolist() == row.span_ids
        assert tuple(cache.spans(i)) == row.spans


def test_more_rows_than_a_record_batch_keep_their_order(tmp_path: Path) -> None:
    many = [Encoded([i, i], [0, 0], (ACTION,), "") for i in range(2500)]
    cache = cached(tmp_path / "k.arrow", lambda: many)
    assert [int(cache.input_ids(i)[0]) for i in (0, 999, 1000, 2499)] == [0, 999, 1000, 2499]


def test_what_is_mapped_is_not_copied_into_memory(tmp_path: Path) -> None:
    cached(file := tmp_path / "k.arrow", lambda: [Encoded([1] * 500, [0] * 500, (ACTION,), "")] * 2500)
    before = pa.total_allocated_bytes()
    cache = Encodings(file)
    assert cache.input_ids(2499).tolist() == [1] * 500
    assert pa.total_allocated_bytes() - before < file.stat().st_size / 50


def test_a_second_reader_encodes_nothing(tmp_path: Path) -> None:
    cached(tmp_path / "k.arrow", lambda: ROWS)
    assert len(cached(tmp_path / "k.arrow", lambda: pytest.fail("encoded twice"))) == 2


def test_a_failure_leaves_no_file_behind(tmp_path: Path) -> None:
    def broken() -> Iterator[Encoded]:
        yield ROWS[0]
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        cached(tmp_path / "k.arrow", broken)
    assert [f.suffix for f in tmp_path.iterdir()] == [".lock"]
    assert len(cached(tmp_path / "k.arrow", lambda: ROWS)) == 2


def test_no_rows_is_an_empty_cache(tmp_path: Path) -> None:
    assert len(cached(tmp_path / "k.arrow", list)) == 0
