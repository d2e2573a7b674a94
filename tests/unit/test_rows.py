"""rows.py: every kind of file, every kind of damage, and lines that people can find again."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from agentswift.errors import DataError
from agentswift.rows import Finding, Ledger, Row, read_rows


def written(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def told(path: Path) -> list[tuple[int, object]]:
    """Return (line, values or rule) of each record, checking that rows are numbered from 0 without a gap."""
    records = list(read_rows(path))
    assert [record.row for record in records] == list(range(len(records)))
    return [(r.line, r.values if isinstance(r, Row) else r.rule) for r in records]


A, B = {"a": "天气"}, {"b": [1]}
TWO = f"{json.dumps(A, ensure_ascii=False)}\n{json.dumps(B)}\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.jsonl", TWO, [(1, A), (2, B)]),
        ("x.jsonl", b"\xef\xbb\xbf" + TWO.encode(), [(1, A), (2, B)]),
        ("x.jsonl", TWO.replace("\n", "\r\n"), [(1, A), (2, B)]),
        ("x.jsonl", "\n" + TWO.replace("\n", "\n\n").rstrip(), [(2, A), (4, B)]),
        ("x.jsonl", '[\n {"a": "天气"},\n {"b": [1]}\n]', [(2, A), (3, B)]),
        ("x.json", TWO, [(1, A), (2, B)]),
        ("x.json", '[\n {"a": "天气"},\n {\n  "b": [1]\n }\n]\n', [(2, A), (3, B)]),
        ("x.json", b'\xef\xbb\xbf[{"b": [1]}]', [(1, B)]),
        ("x.json", '{"data": [\n{"b": [1]}]}', [(2, B)]),
        ("x.json", '\n{\n "b": [1]\n}\n', [(2, B)]),
        ("x.json", '{"messages": [{"role": "user"}]}', [(1, {"messages": [{"role": "user"}]})]),
        ("x.csv", "a,b\n天气,1\n", [(2, {"a": "天气", "b": "1"})]),
        ("x.csv", b'\xef\xbb\xbfa\r\n"two\r\nlines"\r\nz\r\n', [(2, {"a": "two\r\nlines"}), (4, {"a": "z"})]),
        ("x.jsonl.gz", gzip.compress(TWO.encode(), mtime=0), [(1, A), (2, B)]),
        ("x.csv.gz", gzip.compress(b"a\n1\n", mtime=0), [(2, {"a": "1"})]),
    ],
)
def test_rows_are_read_with_their_lines(
    tmp_path: Path, name: str, content: bytes | str, expected: list[tuple[int, object]]
) -> None:
    assert told(written(tmp_path, name, content)) == expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.jsonl", '{"a": 1\n{"b": [1]}\n', [(1, "unreadable-line"), (2, B)]),
        ("x.jsonl", b'{"a": "\xc4\xe3"}\n{"b": [1]}\n', [(1, "invalid-utf8"), (2, B)]),
        ("x.jsonl", '[1, 2]\n"text"\n7\nnull\n{"b": [1]}', [*[(n, "not-an-object") for n in (1, 2, 3, 4)], (5, B)]),
        ("x.jsonl", '{"a": NaN}\n{"b": [1]}', [(1, "unreadable-line"), (2, B)]),
        ("x.jsonl", '{"a": "\\ud83d"}\n{"a": "\\ud83d\\ude00"}', [(1, "invalid-utf8"), (2, {"a": "😀"})]),
        ("x.jsonl", "[" * 100_000 + '\n{"b": [1]}', [(1, "unreadable-line"), (2, B)]),
        ("x.json", '[{"b": [1]},\n 3,\n {"a": }, {"b": 2}]', [(1, B), (2, "not-an-object"), (3, "unreadable-line")]),
        ("x.json", b'[{"b": [1]},\n {"a": "\xc4\xe3"},\n {"b": [1]}]', [(1, B), (2, "invalid-utf8"), (3, B)]),
        ("x.json", '{"a": 1\n{"b": [1]}\n', [(1, "unreadable-line"), (2, B)]),
        ("x.json", '{"a": 1', [(1, "unreadable-line")]),
        ("x.csv", "a,b\n1\n1,2,3\n1,2\n", [(2, "unreadable-line"), (3, "unreadable-line"), (4, {"a": "1", "b": "2"})]),
        ("x.csv", b"a\n\xc4\xe3\nz\n", [(2, "invalid-utf8"), (3, {"a": "z"})]),
    ],
)
def test_a_bad_row_is_a_finding_and_reading_goes_on(
    tmp_path: Path, name: str, content: bytes | str, expected: list[tuple[int, object]]
) -> None:
    assert told(written(tmp_path, name, content)) == expected


def test_a_cut_archive_ends_in_a_finding(tmp_path: Path) -> None:
    *_, last = read_rows(written(tmp_path, "x.jsonl.gz", gzip.compress(TWO.encode() * 9, mtime=0)[:-12]))
    assert isinstance(last, Finding)
    assert (last.rule, last.fix) == ("unreadable-line", "fetch it again")


def test_a_finding_says_where_and_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path, "行.jsonl", '{"b": [1]}\n{"a": "x}\n')
    _, finding = read_rows(path)
    assert isinstance(finding, Finding)
    assert finding.json() == {
        "file": str(path),
        "line": 2,
        "row": 1,
        "path": "$",
        "rule": "unreadable-line",
        "severity": "error",
        "message": "broken JSON at column 7: Unterminated string starting at",
        "fix": "mend or remove the row",
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", "", "the file is empty"),
        ("x.jsonl", "\n \n", "no rows in it"),
        ("x.json", "[]", "no rows in it"),
        ("x.csv", "a,b\n", "no rows in it"),
        ("x.xlsx", "a", r"unknown ending '\.xlsx'; rows are read from \.jsonl, \.json"),
        ("x.csv", "a,b,a,\n1,2,3,\n", r"the header has 'a' more than once\. Rename these columns"),
        ("x.parquet", "a", "not a whole parquet file"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_says_so(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(DataError, match=message):
        list(read_rows(path))


def test_a_missing_file_is_answered_at_once_with_its_neighbours(tmp_path: Path) -> None:
    written(tmp_path, "train.jsonl", TWO)
    with pytest.raises(DataError, match=r"trian\.jsonl: no such file\. Did you mean train\.jsonl\?"):
        read_rows(tmp_path / "trian.jsonl")
    with pytest.raises(DataError, match="a folder, not a file"):
        read_rows(tmp_path)


def test_zst_and_parquet_are_read(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    assert told(written(tmp_path, "x.jsonl.zst", zstandard.compress(TWO.encode()))) == [(1, A), (2, B)]
    parquet.write_table(pyarrow.Table.from_pylist([A, A]), tmp_path / "x.parquet")
    assert told(tmp_path / "x.parquet") == [(0, A), (0, A)]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "x.jsonl", (json.dumps({"text": "x" * 1000}) + "\n") * 8000)
    tracemalloc.start()
    assert sum(1 for _ in read_rows(path)) == 8000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000  # bytes; the file has 8 million


def test_a_ledger_accounts_for_every_row_once() -> None:
    assert Ledger("x", read=6, kept=1, refused=2, duplicates=1, over_length=2).balanced
    assert not Ledger("x", read=2, kept=1).balanced
