"""Plots lie within their frame and add up; the page of a mix believes nothing of the data; a pager may be left."""

import html
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Step, Turn
from agentswift.report.curve import HEIGHT, WIDTH
from agentswift.report.plots import STRIP, histogram, strip
from agentswift.report.stats_page import write_stats_page
from agentswift.report.stats_tables import fields, records, tables
from agentswift.rows import Ledger
from agentswift.stats import Holding, Tally
from agentswift.weights import Budget, Scale, Share, SpanRow

EVIL = "<script>alert('1')</script>"


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=200), st.integers(1, 10**6))
@settings(max_examples=60)
def test_a_histogram_counts_every_value_within_its_frame(values: list[int], limit: int) -> None:
    found = histogram(values, limit)
    assert found
    assert sum(int(bar.said.split(": ")[1].replace(",", "")) for bar in found.bars) == len(values)
    for bar in found.bars:
        assert float(bar.x) >= 0
        assert float(bar.x) + float(bar.width) <= WIDTH
        assert float(bar.y) >= 0
        assert float(bar.y) + float(bar.height) <= HEIGHT
    assert all(0 <= float(x) <= WIDTH for x, _ in found.x_ticks)


def test_no_value_has_no_histogram() -> None:
    assert histogram([], 10) is None


def test_a_strip_is_as_wide_as_the_whole() -> None:
    bars = strip([("user", 1), ("marker", 0), ("answer", 3)])
    assert [(bar.name, float(bar.x), float(bar.width)) for bar in bars] == [
        ("user", 0, STRIP / 4),
        ("answer", STRIP / 4, STRIP * 3 / 4),
    ]
    assert bars[1].said == "answer 75.0 %"
    assert strip([("user", 0)]) == []


def holding(*names: str) -> Holding:
    steps = (Step(kind="call", tool=EVIL, arguments={"n": 1}), Step(kind="answer", text="ok"))
    tallies, budget = {}, Budget(Scale({}))
    for name in names:
        tallies[name] = Tally()
        tallies[name].add(Conversation(turns=(Turn(user="你好", steps=steps),)))
        budget.add(name, [0, 1, 1, 1], [SpanRow("user", "", 0, 0, 1.0), SpanRow("answer", "", 1, 0, 1.0)])
    ledgers = {name: Ledger(name, read=2, kept=1, refused=1) for name in names}
    return Holding(ledgers, tallies, {name: [4] for name in names}, budget)


def test_tables_tell_datasets_apart_and_together() -> None:
    found = {table.title: table for table in tables(holding("a", "b"), most=5, max_length=3)}
    assert found["rows"].rows == [
        ["a", "2", "1", "1", "0", "1", "1", "0", "1", "1", "0"],
        ["b", "2", "1", "1", "0", "1", "1", "0", "1", "1", "0"],
        ["all", "4", "2", "2", "0", "2", "2", "0", "1", "2", "0"],
    ]
    assert found["tokens a row"].rows[-1] == ["all", "8", "4", "4", "4", "4", "4", "4", "2"]
    assert found["tools"].rows == [[EVIL, "2", "100.0 %", "n integer"]]
    assert found["tokens and weight by field, all datasets"].rows == [
        ["user", "2", "25.0 %", "0", "0.0", "0.0 %"],
        ["answer", "6", "75.0 %", "6", "6.0", "100.0 %"],
    ]
    assert all(len(row) == len(table.columns) for table in found.values() for row in table.rows)


def test_without_a_tokenizer_there_are_no_lengths_and_shares() -> None:
    whole = holding("a")
    counted = Holding(whole.ledgers, whole.tallies)
    assert [table.title for table in tables(counted, 5, 10)] == ["rows", "tools", "argument types"]
    (record,) = records(counted, 10)
    assert (record["lengths"], record["called"]) == (None, {EVIL: 1})
    assert [r["what"] for r in records(whole, 10)] == ["dataset", "field", "field"]


def test_a_share_of_nothing_is_a_dash() -> None:
    assert fields([Share("", "user", 0, 0, 0.0, 0.0)]).rows == [["user", "0", "–", "0", "0.0", "0.0 %"]]


@pytest.mark.parametrize("held", [holding(EVIL, "b"), Holding({}, {})])
def test_the_page_of_a_mix_believes_nothing(held: Holding, tmp_path: Path) -> None:
    write_stats_page(tmp_path / "s.html", held, EVIL, most=5, max_length=4)
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert html.escape(EVIL).replace("&#x27;", "&#39;") in page
    assert " style=" not in page


def on_a_terminal(pager: str, code: str) -> str:
    """Return what a terminal shows of `code`, run with this PAGER."""
    main, child = pty.openpty()
    env = {**os.environ, "PAGER": pager, "TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", code], stdin=child, stdout=child, stderr=child, env=env) as process:
        os.close(child)
        shown = b""
        try:
            while chunk := os.read(main, 4096):
                shown += chunk
        except OSError:  # Linux's end of a terminal
            pass
        os.close(main)
        assert process.wait() == 0
    return shown.decode()


WRITE = (
    "from agentswift.report.pager import paged\nwith paged() as out:\n  for i in range({}): print('row', i, file=out)"
)


@pytest.mark.parametrize(("pager", "lines"), [("", 3), ("cat", 3), ("head -n 2", 2), ("no-such-pager", 3)])
def test_a_pager_is_written_to_where_there_is_one(pager: str, lines: int) -> None:
    assert on_a_terminal(pager, WRITE.format(3)).split("\r\n")[:-1] == [f"row {i}" for i in range(lines)]


def test_whoever_leaves_the_pager_early_has_seen_enough() -> None:
    assert on_a_terminal("head -n 1", WRITE.format(10**6)) == "row 0\r\n"


def test_what_is_piped_is_not_paged(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from agentswift.report.pager import paged

    monkeypatch.setenv("PAGER", "false")
    with paged() as out:
        print("row", file=out)
    assert capsys.readouterr().out == "row\n"
