"""Repairs: what is mended, what is left alone, and that nothing said is changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.check.copy import mended
from agentswift.check.repair import repaired
from agentswift.errors import DataError
from agentswift.formats.messages import read
from tests.checked import TOOLS, check, good, misnamed, written

KINDS = {"n": "integer", "x": "number", "b": "boolean", "s": "string"}
TYPED = {"name": "book", "parameters": {"properties": {name: {"type": kind} for name, kind in KINDS.items()}}}


def called(arguments: str, name: str = "book") -> dict[str, Any]:
    """Return a row with one call, its arguments as text in a tool_call message."""
    content = f'{{"name": "{name}", "arguments": {arguments}}}'
    said = [{"role": "user", "content": "q"}, {"role": "tool_call", "content": content}]
    return {"tools": [TYPED], "messages": said}


def message(**values: Any) -> dict[str, Any]:
    return {"messages": [values]}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ('{"n": "2"}', {"n": 2}),
        ('{"n": "-2"}', {"n": -2}),
        ('{"x": "2.5"}', {"x": 2.5}),
        ('{"b": "True"}', {"b": True}),
        ('{"s": 3}', {"s": "3"}),
        ('{"s": true}', {"s": "true"}),
        ('{"n": "2", "s": "ok"}', {"n": 2, "s": "ok"}),
    ],
)
def test_an_argument_that_reads_the_same_gets_its_type(given: str, wanted: dict[str, Any]) -> None:
    row, changes = repaired(called(given))
    assert json.loads(row["messages"][1]["content"])["arguments"] == wanted
    assert [change.path for change in changes] == [f"$.messages[1].content.arguments.{next(iter(wanted))}"]


@pytest.mark.parametrize(
    "given",
    [
        '{"n": "007"}',
        '{"n": "two"}',
        '{"x": "1e3"}',
        '{"n": 2.5}',
        '{"b": "maybe"}',
        '{"b": 1}',
        '{"s": [1]}',
        '{"q": "2"}',
    ],
)
def test_an_argument_that_could_mean_something_else_is_left(given: str) -> None:
    assert repaired(called(given)) == (called(given), [])


UNANSWERED = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]


@pytest.mark.parametrize(
    ("row", "path"),
    [
        (message(role="User ", content="q"), "$.messages[0].role"),
        ({"conversations": [{"from": "GPT", "value": "a"}]}, "$.conversations[0].from"),
        (message(role="assistant", content=42), "$.messages[0].content"),
        (message(role="assistant", content="a", loss="False"), "$.messages[0].loss"),
        (message(role="assistant", content="a", train="False"), "$.messages[0].train"),
        ({"tools": "[{'name': 'a'}]", "messages": []}, "$.tools"),
        (message(role="tool_call", content="{'name': 'a', 'arguments': {}}"), "$.messages[0].content"),
        ({"tools": [TYPED, TYPED], "messages": []}, "$.tools[1]"),
        (called("{}", "Book"), "$.messages[1].content.name"),
        ({"messages": UNANSWERED}, "$.messages[2]"),
    ],
)
def test_each_repair_names_its_place_and_mends_for_good(row: dict[str, Any], path: str) -> None:
    done, changes = repaired(row)
    assert [change.path for change in changes] == [path]
    assert repaired(done) == (done, [])


def test_calls_in_openai_s_layout_are_mended_too() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "Book", "arguments": "{'n': '2'}"}}
    row = {"tools": [TYPED], "messages": [UNANSWERED[0], {"role": "assistant", "tool_calls": [call]}]}
    done, changes = repaired(row)
    assert done["messages"][1]["tool_calls"][0]["function"] == {"name": "book", "arguments": '{"n": 2}'}
    assert len(changes) == 3
    assert call["function"] == {"name": "Book", "arguments": "{'n': '2'}"}, "the row given is left as it was"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "2", "True", "User", "[", "{'a': 1}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "name"]), inner),
    max_leaves=6,
)
MESSAGES = st.lists(
    st.dictionaries(st.sampled_from(["role", "from", "content", "loss", "tool_calls"]), VALUES), max_size=4
)


@given(st.dictionaries(st.sampled_from(["messages", "conversations", "tools", "id"]), VALUES | MESSAGES))
@settings(max_examples=80, deadline=None)
def test_any_row_is_mended_once_and_without_a_traceback(row: dict[str, Any]) -> None:
    done, _ = repaired(row)
    assert repaired(done) == (done, [])


def test_a_good_row_is_left_as_it_is() -> None:
    assert repaired(good(1)) == (good(1), [])


def test_what_is_said_is_not_changed() -> None:
    row = {"tools": repr(TOOLS), "messages": [{**m, "role": m["role"].upper()} for m in good(1)["messages"]]}
    assert read(repaired(row)[0]) == read(good(1))


def test_a_copy_is_written_and_the_source_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, copy = tmp_path / "行.jsonl", tmp_path / "mended.jsonl"
    spelled = json.loads(json.dumps(good(3)))
    spelled["messages"][3]["role"] = "Assistant"
    rows = (good(1), good(1), spelled, misnamed(4), {**good(5), "id": "q"}, {**good(6), "id": "q"})
    lines = [json.dumps(row) for row in rows]
    source.write_text("\n".join([*lines[:2], '{"messages": [', *lines[2:]]), encoding="utf-8")
    before = source.read_bytes()
    assert check(source, fix=True, file=str(copy)) == 1
    said = capsys.readouterr()
    assert "3 rows mended" in said.out
    assert f"mended  {source}:2  $: left out: equal to an earlier row" in said.err
    assert f"mended  {source}:4  $.messages[3].role: 'Assistant' → 'assistant'" in said.err
    assert f"mended  {source}:7  $.id: 'q' → 'q-2'" in said.err
    assert "unknown-tool  1×" in said.out
    assert "unreadable-line  1×" in said.out
    assert source.read_bytes() == before
    copied = copy.read_text(encoding="utf-8").splitlines()
    assert copied[:2] == [lines[0], '{"messages": ['], "what needs no repair is copied to the letter"
    assert len(copied) == 6


def test_an_array_is_copied_row_by_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "rows.json"
    source.write_text(json.dumps([good(1), good(1), good(2)]), encoding="utf-8")
    assert check(source, fix=True, file=str(tmp_path / "out.json")) == 0
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == [good(1), good(2)]
    assert "mended" in capsys.readouterr().err


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(("name", "copy"), [("rows.jsonl", "out.jsonl"), ("rows.json", "out.jsonl")])
def test_an_array_under_any_ending_keeps_its_rows(tmp_path: Path, name: str, copy: str, indent: int | None) -> None:
    source, out = tmp_path / name, tmp_path / copy
    rows = [good(1), {**good(2), "note": "a\n{"}, good(3)]
    source.write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    assert check(source, fix=True, file=str(out)) == 0
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == rows


def test_what_cannot_be_read_to_its_end_is_not_copied_without_a_word(tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps([good(1), good(2), good(3)], indent=1).replace('"2?"', '"2?'), encoding="utf-8")
    with pytest.raises(DataError, match=r"rows\.jsonl:\d+: the rest of it cannot be read"):
        check(source, fix=True, file=str(out))
    assert not out.exists()


def test_rows_are_mended_as_a_stream(tmp_path: Path) -> None:
    rows = mended(written(tmp_path / "rows.jsonl", good(1), good(2)))
    assert next(rows).raw == json.dumps(good(1), ensure_ascii=False).encode() + b"\n"
