"""Which parts of a mix are read, and what a file without a card is asked for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentswift.cards import Cards, find_cards
from agentswift.compose import compose_run
from agentswift.corpus import Corpus, gather
from agentswift.engine.cache import cached
from agentswift.engine.choose import choose
from agentswift.engine.encode import Encoded
from agentswift.engine.prepare import Prepared
from agentswift.errors import CardError, DataError
from agentswift.schema.runs import Train
from agentswift.spool import Joined
from agentswift.weights import SpanRow
from tests.checked import defaults, good, written

ANSWER = (SpanRow(field="answer", of="", step=0, turn=0, weight=1.0),)


def two_parts(folder: Path) -> Cards:
    """Return cards of a and b: b's first two rows are a's."""
    written(folder / "a.jsonl", good(0), good(1))
    written(folder / "b.jsonl", *map(good, range(6)))
    written(folder / "cards.yaml")
    (folder / "cards.yaml").write_text(
        "\n---\n".join(f"name: {name}\nformat: messages\npath: {name}.jsonl" for name in "ab"), encoding="utf-8"
    )
    return find_cards([str(folder)])


def mixed(corpus: Corpus, folder: Path, data: Any, split: float = 0.0) -> Prepared:
    """Return the rows chosen, each of three tokens."""
    rows = Joined(corpus.parts.values())
    names = [name for name, part in corpus.parts.items() for _ in part]
    encoded = [Encoded([1, 2, 3], [0] * 3, ANSWER, "") for _ in rows]
    prepared = Prepared(corpus, rows, cached(folder / "k.arrow", lambda: encoded), names)
    choose(prepared, data, 10, split, 3)
    return prepared


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"parts": {"a": 1.0, "b": 1.0}}, {"a": 2, "b": 4}),
        ({"parts": {"a": 0.0, "b": 1.0}}, {"b": 6}),
        ({"parts": {"a": 0.0, "b": 1.0}, "caps": {"a": 3}}, {"b": 6}),
        ({"parts": {"a": 1.0, "b": 1.0}, "rows": {"a": 0}}, {"b": 6}),
        ({"parts": {"a": 0.0, "b": 1.0}, "rows": {"a": 1}}, {"a": 2, "b": 4}),
        ({"parts": {"a": 0.0, "b": 1.0}, "ratios": {"a": 0.5}}, {"a": 2, "b": 4}),
    ],
)
def test_a_part_that_gives_no_row_is_neither_read_nor_held_out(
    tmp_path: Path, changes: Mapping[str, Any], kept: dict[str, int]
) -> None:
    cards, data = two_parts(tmp_path), replace(defaults(), **changes)
    corpus = gather(data, cards, lambda card: Path(card.path))
    assert {name: len(rows) for name, rows in corpus.parts.items()} == kept
    prepared = mixed(corpus, tmp_path, data, split=0.2)
    assert [line.dataset for line in prepared.account] == [*kept]
    assert {prepared.datasets[row] for row in prepared.val} == {*kept}


def test_a_mix_of_no_share_comes_to_no_row_and_a_name_there_is_not_is_answered(tmp_path: Path) -> None:
    cards = two_parts(tmp_path)
    with pytest.raises(DataError, match="the mix comes to no row: every share is 0"):
        gather(replace(defaults(), parts={"a": 0.0}), cards, lambda card: Path(card.path))
    with pytest.raises(CardError, match="no dataset 'aa'"):
        gather(replace(defaults(), parts={"aa": 0.0, "b": 1.0}), cards, lambda card: Path(card.path))


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ([], 6),
        (["data.by=rows", "data.size=5"], 5),
        (["data.by=tokens", "data.size=9"], 3),
        (["data.rows.b=2"], 2),
        (["data.rows={b: 14}"], 14),
        (["data.caps.b=4"], 4),
        (["data=agentfabric"], 6),  # its counts are of its own parts
    ],
)
def test_a_file_gives_as_many_rows_as_are_asked(tmp_path: Path, words: list[str], rows: int) -> None:
    two_parts(tmp_path)
    data = compose_run("train", Train, [*words, f"data.path={tmp_path / 'b.jsonl'}"]).data
    corpus = gather(data, Cards(), lambda card: Path(card.path))
    assert len(mixed(corpus, tmp_path, data).train) == rows
