"""Rows that are not used: counted in the ledger, and each named in left_out.jsonl."""

import json
from pathlib import Path

import pytest

from agentswift.cards import find_cards
from agentswift.corpus import Corpus, enforce, gather, write_left_out
from agentswift.engine.cache import cached
from agentswift.engine.choose import choose
from agentswift.engine.encode import Encoded
from agentswift.engine.prepare import Prepared
from agentswift.errors import DataError
from agentswift.rows import Ledger
from agentswift.weights import SpanRow
from tests.checked import data_of, good, misnamed, written

ANSWER = (SpanRow(field="answer", of="", step=0, turn=0, weight=1.0),)


def gathered(file: Path) -> Corpus:
    return gather(data_of(file), find_cards([]), lambda card: Path(card.path))


def left_out(corpus: Corpus, file: Path) -> list[tuple[str, int]]:
    write_left_out(file, corpus.findings)
    return [(one["rule"], one["line"]) for one in map(json.loads, file.read_text(encoding="utf-8").splitlines())]


def test_a_refused_row_and_a_duplicate_are_counted_and_named(tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", good(0), misnamed(1), good(0), good(2))
    corpus = gathered(file)
    assert corpus.ledgers == {"rows": Ledger("rows", read=4, kept=2, refused=1, duplicates=1)}
    assert [c.source.line for c in corpus.parts["rows"]] == [1, 4]
    assert f"the same conversation as {file}:1 (row 0)" in corpus.findings[-1].message
    assert left_out(corpus, tmp_path / "left_out.jsonl") == [
        ("unknown-tool", 2),
        ("duplicate", 3),
    ]
    with pytest.raises(DataError, match=r"1 rows refused.*\n.*unknown-tool: first .*rows\.jsonl:2"):
        enforce(corpus, "0")


@pytest.mark.parametrize(
    ("max_refused", "goes_on"),
    [("0", False), ("1", False), ("2", True), ("-1", True), ("19.9%", False), ("20%", True), ("99.5%", True)],
)
def test_rows_may_be_refused_by_number_or_by_share(tmp_path: Path, max_refused: str, goes_on: bool) -> None:
    corpus = gathered(written(tmp_path / "rows.jsonl", *map(good, range(8)), misnamed(8), misnamed(9)))
    if not goes_on:
        with pytest.raises(DataError, match=f"2 rows refused, and data.max_refused={max_refused}"):
            enforce(corpus, max_refused)
        return
    assert enforce(corpus, max_refused).startswith("2 of 10 rows (20 %) refused and left out; data.max_refused=")


@pytest.mark.parametrize("max_refused", ["1", "99%"])
def test_the_unread_rest_of_a_file_is_more_than_any_number_of_rows(tmp_path: Path, max_refused: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([good(1), good(2), good(3)], indent=1).replace('"2?"', '"2?'), encoding="utf-8")
    corpus = gathered(file)
    assert corpus.ledgers["rows"] == Ledger("rows", read=2, kept=1, refused=1)
    with pytest.raises(
        DataError, match=r"(?s)1 rows refused; the rest of .*rows\.json:\d+ was not read, and .*max_refused=-1"
    ):
        enforce(corpus, max_refused)
    assert enforce(corpus, "-1").endswith("was not read")


def test_answers_to_avoid_are_told_of_once_a_dataset(tmp_path: Path) -> None:
    rows = [{**good(n), "rejected_response": "x"} for n in range(3)]
    corpus = gathered(written(tmp_path / "rows.jsonl", good(9), *rows))
    assert [(f.rule, f.severity, f.path, f.line) for f in corpus.findings] == [
        ("unread-column", "info", "$.rejected_response", 2)
    ]
    assert corpus.ledgers["rows"] == Ledger("rows", read=4, kept=4)


def test_of_no_refused_row_nothing_is_said(tmp_path: Path) -> None:
    assert enforce(gathered(written(tmp_path / "rows.jsonl", good(0))), "0.5%") == ""


def test_nothing_is_written_where_every_row_is_used(tmp_path: Path) -> None:
    write_left_out(tmp_path / "left_out.jsonl", gathered(written(tmp_path / "rows.jsonl", good(0))).findings)
    assert not (tmp_path / "left_out.jsonl").exists()


def test_a_row_longer_than_the_run_allows_is_counted_and_named(tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", good(0), good(1), good(2))
    corpus = gathered(file)
    conversations = corpus.parts["rows"]
    rows = [Encoded([1] * n, [0] * n, ANSWER, "") for n in (3, 9, 5)]
    encodings = cached(tmp_path / "k.arrow", lambda: rows)
    prepared = Prepared(corpus, conversations, encodings, ["rows"] * 3)
    choose(prepared, data_of(file), max_length=5, share_held_out=0.0, seed=1)
    assert sorted(prepared.train) == [0, 2]
    ledger = corpus.ledgers["rows"]
    assert (ledger.kept, ledger.over_length, ledger.balanced) == (2, 1, True)
    assert left_out(corpus, tmp_path / "left_out.jsonl") == [("over-length", 2)]
    assert corpus.findings[-1].message == "9 tokens, max_length=5: left out"
