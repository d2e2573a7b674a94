"""Rows in pieces: arrays and archives read as a stream, folders, Arrow's files and what Arrow adds to their rows."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from agentswift.errors import DataError
from agentswift.formats import FORMATS
from agentswift.rows import Finding, Row, data_files, json_text, read_rows

ROWS: list[dict[str, Any]] = [{"a": '天气 ] } , \\" {'}, {"b": [1, {"c": "\n"}]}, {}, {"d": "x" * 90}, {"e": -1.5e3}]


def values(path: Path) -> list[object]:
    return [row.values if isinstance(row, Row) else row.rule for row in read_rows(path)]


def zst(content: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("piece", [1, 2, 7, 30, 1 << 18])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2, ensure_ascii=False),
        json.dumps({"data": ROWS}, ensure_ascii=False),
        "\ufeff" + json.dumps(ROWS).replace("}, {", "}\r\n,\r\n{"),
        "\n".join(json.dumps(row) for row in ROWS),
    ],
)
def test_rows_do_not_depend_on_where_a_file_is_cut_into_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, text: str
) -> None:
    monkeypatch.setattr(json_text, "PIECE", piece)
    (tmp_path / "x.json").write_bytes(text.encode())
    assert values(tmp_path / "x.json") == ROWS


@pytest.mark.parametrize("piece", [1, 5, 1 << 18])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"b": 1},\n {"a": }, {"b": 2}]', [(1, {"b": 1}), (2, "unreadable-line")]),
        ('[{"b": 1},\n {"a": "x', [(1, {"b": 1}), (2, "unreadable-line")]),
        ('[{"b": 1}', [(1, {"b": 1}), (1, "unreadable-line")]),
        ('[{"b": 1},\n 12, tru]', [(1, {"b": 1}), (2, "not-an-object"), (2, "unreadable-line")]),
    ],
)
def test_a_broken_array_is_a_finding_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, text: str, expected: list[tuple[int, object]]
) -> None:
    monkeypatch.setattr(json_text, "PIECE", piece)
    (tmp_path / "x.json").write_text(text)
    told = [(r.line, r.values if isinstance(r, Row) else r.rule) for r in read_rows(tmp_path / "x.json")]
    assert told == expected


@pytest.mark.parametrize("piece", [1, 5, 1 << 18])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"b": 1}]\n[{"b": 2},{"b": 3}]', [(1, {"b": 1}), (2, "unreadable-line")]),
        ('[{"b": 1}] x', [(1, {"b": 1}), (1, "unreadable-line")]),
        ('{"data": [{"b": 1}]}\n{"data": [{"b": 2}]}', [(1, {"b": 1}), (2, "unreadable-line")]),
        ('{"data": [{"b": 1}], "tests": [{"b": 2}]}', [(1, {"b": 1}), (1, "unreadable-line")]),
        ('{"data": [{"b": 1}]', [(1, {"b": 1}), (1, "unreadable-line")]),
        ('{"data": [{"b": 1}], "x" 3}', [(1, {"b": 1}), (1, "unreadable-line")]),
        ('{"data": [{"b": 1}],\n"v": 12, "train": [{"b": 2},\n{"b": 3}], "x": {"y": [1]}}\n', [(1, 1), (2, 2), (3, 3)]),
    ],
)
def test_what_stands_behind_an_array_is_rows_or_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, text: str, expected: list[tuple[int, object]]
) -> None:
    monkeypatch.setattr(json_text, "PIECE", piece)
    (tmp_path / "x.json").write_text(text)
    found = list(read_rows(tmp_path / "x.json"))
    told = [(r.line, r.values if isinstance(r, Row) else r.rule) for r in found]
    assert told == [(line, {"b": row} if isinstance(row, int) else row) for line, row in expected]
    assert [r.rest_unread for r in found if isinstance(r, Finding)] == [True] * (len(expected) == 2)


def test_memory_does_not_grow_with_an_array(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"text": "x" * 1000}] * 8000))
    tracemalloc.start()
    assert sum(1 for _ in read_rows(path)) == 8000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000  # bytes; the file has 8 million, a window 262,144 characters


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv"])
@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_every_text_is_read_packed(tmp_path: Path, name: str, pack: Any) -> None:
    content = {"x.jsonl": b'{"a": "1"}\n', "x.json": b'[{"a": "1"}]', "x.csv": b"a\n1\n"}[name]
    path = tmp_path / f"{name}.{'gz' if pack is gzip.compress else 'zst'}"
    path.write_bytes(pack(content))
    assert values(path) == [{"a": "1"}]


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_archives_of_several_parts_are_read_to_their_end(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / f"x.jsonl.{'gz' if pack is gzip.compress else 'zst'}"
    path.write_bytes(pack(b'{"a": 1}\n') + pack(b'{"a": 2}\n'))
    assert values(path) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("name", ["x.jsonl.zst", "x.json.zst", "x.csv.zst", "x.json.gz"])
def test_a_cut_archive_of_any_kind_ends_in_a_finding(tmp_path: Path, name: str) -> None:
    content = {"jsonl": b'{"a": 1}\n' * 99, "json": b'[{"a": 1}' + b',{"a": 1}' * 99 + b"]", "csv": b"a\n" + b"1\n" * 9}
    pack = zst if name.endswith(".zst") else gzip.compress
    (tmp_path / name).write_bytes(pack(content[name.split(".")[1]])[:-6])
    *_, last = read_rows(tmp_path / name)
    assert isinstance(last, Finding)
    assert (last.rule, last.rest_unread) == ("unreadable-line", True)


TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"city": {"type": "string", "default": None}}}},
    {"name": "g", "parameters": {"type": "object", "properties": {"day": {"type": "string", "default": "now"}}}},
]
CALLED = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"city": "北京"}}}]}
AGENT_ROWS = [
    {"tools": TOOLS, "messages": [{"role": "user", "content": "q"}, CALLED]},
    {
        "tools": TOOLS[1:],
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "tool_calls": [{"function": {"name": "g", "arguments": {"day": "明天"}}}]},
        ],
    },
]


def arrow_file(folder: Path, kind: str, rows: list[dict[str, Any]]) -> Path:
    table, path = pyarrow.Table.from_pylist(rows), folder / f"x.{kind.partition(' ')[0]}"
    if kind == "parquet":
        parquet.write_table(table, path)
    elif kind == "feather":
        feather.write_feather(table, path)
    else:
        new = ipc.new_file if kind == "arrow file" else ipc.new_stream
        with pyarrow.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
            writer.write_table(table)
    return path


@pytest.mark.parametrize("kind", ["parquet", "feather", "arrow file", "arrow stream"])
def test_what_arrow_pads_tools_and_calls_with_never_reaches_them(tmp_path: Path, kind: str) -> None:
    rows = values(arrow_file(tmp_path, kind, AGENT_ROWS))
    read = [FORMATS["messages"].read(row) for row in rows if isinstance(row, dict)]
    assert [[(t.name, dict(t.parameters["properties"])) for t in c.tools] for c in read] == [
        [("f", {"city": {"type": "string"}}), ("g", {"day": {"type": "string", "default": "now"}})],
        [("g", {"day": {"type": "string", "default": "now"}})],
    ]
    assert [c.steps()[0].arguments for c in read] == [{"city": "北京"}, {"day": "明天"}]


def test_a_null_default_in_json_is_kept(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps(AGENT_ROWS[0]))
    (row,) = values(tmp_path / "x.jsonl")
    assert isinstance(row, dict)
    assert FORMATS["messages"].read(row).tools[0].parameters["properties"]["city"]["default"] is None


def test_columns_that_json_has_not_become_text_and_numbers(tmp_path: Path) -> None:
    from datetime import date
    from decimal import Decimal

    table = {"a": [date(2024, 5, 1)], "b": [Decimal("1.5")], "c": [b"x"], "d": [float("nan")], "e": [[None, 1]]}
    parquet.write_table(pyarrow.table(table), tmp_path / "x.parquet")
    assert values(tmp_path / "x.parquet") == [{"a": "2024-05-01", "b": 1.5, "c": "x", "e": [None, 1]}]


def test_bytes_that_are_no_text_are_a_finding_as_in_json(tmp_path: Path) -> None:
    table = pyarrow.table({"a": [b"x", "你".encode("gb18030"), None], "b": [["x"], ["y"], ["z"]]})
    parquet.write_table(table, tmp_path / "x.parquet")
    assert values(tmp_path / "x.parquet") == [{"a": "x", "b": ["x"]}, "invalid-utf8", {"b": ["z"]}]


def test_a_map_is_an_object_with_the_nulls_it_has(tmp_path: Path) -> None:
    kind = pyarrow.map_(pyarrow.string(), pyarrow.struct([("n", pyarrow.int64()), ("m", pyarrow.int64())]))
    column = pyarrow.array([[("k", {"n": 1, "m": None}), ("l", None)], None], kind)
    parquet.write_table(pyarrow.table({"a": column, "b": [1, 2]}), tmp_path / "x.parquet")
    assert values(tmp_path / "x.parquet") == [{"a": {"k": {"n": 1}, "l": None}, "b": 1}, {"b": 2}]


def test_a_cut_arrow_file_says_so(tmp_path: Path) -> None:
    path = arrow_file(tmp_path, "arrow file", AGENT_ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="not a whole Arrow file"):
        values(path)


def names(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in data_files(folder)]


def test_a_folder_is_its_data_files_by_name(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.json.gz", "a/y.v2.parquet", "README.md", ".cache/x.json", "c.parquet.gz", "n.ndjson"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    assert names(tmp_path) == ["a/y.v2.parquet", "a/z.json.gz", "b.jsonl", "n.ndjson"]
    assert data_files(tmp_path / "b.jsonl") == [tmp_path / "b.jsonl"]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="no data file in this folder"):
        data_files(tmp_path / "none")
    with pytest.raises(DataError, match="is read as it is, not packed"):
        read_rows(tmp_path / "c.parquet.gz")


def test_a_folder_of_hugging_face_datasets_is_what_its_state_names(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder = tmp_path / split
        folder.mkdir()
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
        (folder / "dataset_info.json").write_text("{}")
        arrow_file(folder, "arrow stream", AGENT_ROWS).rename(folder / "data-00000-of-00001.arrow")
        (folder / "cache-1.arrow").write_bytes(b"")
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert names(tmp_path) == ["test/data-00000-of-00001.arrow", "train/data-00000-of-00001.arrow"]
    assert len(values(data_files(tmp_path)[0])) == 2


inner = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=5)
rows_of_text = st.lists(
    st.dictionaries(st.text(max_size=3), inner | st.lists(inner, max_size=3), max_size=3), min_size=1
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_of_text, st.sampled_from([None, 1]), st.booleans(), st.integers(1, 40))
def test_any_array_is_read_as_json_reads_it(
    tmp_path: Path, rows: list[dict[str, Any]], indent: int | None, escaped: bool, piece: int
) -> None:
    (tmp_path / "x.json").write_text(json.dumps(rows, indent=indent, ensure_ascii=escaped), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "PIECE", piece)
        assert values(tmp_path / "x.json") == rows
