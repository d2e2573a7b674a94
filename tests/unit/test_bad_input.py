"""Rows as they arrive from the world: what `agentswift check` says to each kind of bad one."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentswift.errors import DataError
from agentswift.schema.runs import ShowOutput
from tests.checked import check, good, written


def said(path: Path, capsys: pytest.CaptureFixture[str], layout: str | None = None) -> list[dict[str, Any]]:
    """Return the findings that the command prints for a file; its exit status must agree with them."""
    status = check(path, ShowOutput.jsonl, layout=layout)
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == any(finding["severity"] == "error" for finding in findings)
    return findings


def with_message(index: int, **message: str) -> dict[str, Any]:
    row = good(1)
    row["messages"][index] = message
    return row


def with_call(name: str, **arguments: Any) -> dict[str, Any]:
    return with_message(1, role="tool_call", content=json.dumps({"name": name, "arguments": arguments}))


CALL = "$.turns[0].steps[0]"


@pytest.mark.parametrize(
    ("row", "rule", "path", "message"),
    [
        ({"messages": good(1)["messages"][:1]}, "no-assistant", "$", "no assistant turn: there is nothing to train on"),
        ({"messages": []}, "no-assistant", "$", "no assistant turn: there is nothing to train on"),
        (
            with_message(3, role="asistant", content="晴"),
            "unknown-role",
            "$.messages[3].role",
            "unknown role 'asistant'. Did you mean assistant?",
        ),
        (
            with_call("get_wether"),
            "unknown-tool",
            f"{CALL}.tool",
            "calls 'get_wether', a tool that this row does not declare. Did you mean get_weather?",
        ),
        (
            with_call("get_weather"),
            "missing-argument",
            f"{CALL}.arguments.city",
            "get_weather needs the argument 'city'",
        ),
        (
            with_call("get_weather", city="x", town="y"),
            "unknown-argument",
            f"{CALL}.arguments.town",
            "get_weather takes no argument 'town'. Known: city",
        ),
        (
            with_call("get_weather", city=5),
            "ill-typed-argument",
            f"{CALL}.arguments.city",
            "get_weather: 'city' should be string, is 5",
        ),
        (
            with_message(1, role="tool_call", content='{"name": "get_weather", "arguments": ["北京"]}'),
            "bad-arguments",
            "$.messages[1].content",
            "arguments must be an object, not ['北京']",
        ),
    ],
)
def test_a_bad_row_is_named(
    row: dict[str, Any], rule: str, path: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finding,) = said(written(tmp_path / "rows.jsonl", good(0), row, good(2)), capsys, "messages")
    assert (finding["line"], finding["row"], finding["rule"], finding["path"]) == (2, 1, rule, path)
    assert finding["message"] == message
    assert finding["fix"]


LINE = json.dumps(good(1), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("lines", "rule", "message"),
    [
        ([LINE, b'{"messages": [}'], "unreadable-line", "broken JSON at column 15"),
        ([LINE, LINE[:-4]], "unreadable-line", "broken JSON at column"),
        ([LINE, b'["not", "an object"]'], "not-an-object", "a row must be a JSON object"),
        ([LINE, LINE.replace("晴".encode(), "晴".encode("gbk"))], "invalid-utf8", "is not UTF-8"),
        ([LINE, LINE.replace("晴".encode(), b"\\ud83d")], "invalid-utf8", "half a character"),
        ([LINE, b'{"messages": NaN}'], "unreadable-line", "NaN is not JSON"),
    ],
)
def test_a_broken_line_is_named_by_its_number(
    lines: list[bytes], rule: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\n".join(lines))
    (finding,) = said(file, capsys)
    assert (finding["file"], finding["line"], finding["rule"]) == (str(file), 2, rule)
    assert message in finding["message"]
    assert finding["fix"]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + LINE, LINE + b"\r\n\r\n", b"\n" + LINE])
def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_no_trouble(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    assert said(file, capsys) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.jsonl", b"", "the file is empty"),
        ("rows.jsonl", b"\n \n", "no rows in it"),
        ("rows.json", b"[]", "no rows in it"),
        ("rows.txt", LINE, "unknown ending '.txt'; rows are read from .jsonl"),
    ],
)
def test_a_file_without_rows_ends_the_command(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DataError, match="rows") as caught:
        check(file)
    assert str(file) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*row\.jsonl"):
        check(tmp_path / "row.jsonl")


def test_a_layout_that_nobody_knows_is_answered_with_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"mesages.*Did you mean messages") as caught:
        check(written(tmp_path / "rows.jsonl", good(1)), layout="mesages")
    assert getattr(caught.value, "exit_status", None) == 2
