"""Which rows are drawn: by tool, finding and text; and what is said when there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentswift.conversation import Conversation, Source, Step, Turn
from agentswift.corpus import Corpus
from agentswift.errors import UsageError
from agentswift.rows import Finding, Severity
from agentswift.selection import Selection, up_to
from tests.checked import data_of


def row(number: int, user: str, *steps: Step) -> Conversation:
    return Conversation(turns=(Turn(user=user, steps=steps),), source=Source(file="f", row=number))


def call(tool: str, **arguments: object) -> Step:
    return Step(kind="call", tool=tool, arguments=arguments)


ROWS = [
    row(0, "Weather in Paris?", call("amap_weather", city="Paris")),
    row(1, "你好", Step(kind="text", text="您好，STRASSE")),
    row(2, "both", call("amap_weather", city="北京"), call("clock")),
]


def finding(number: int, rule: str, severity: Severity = "warning") -> Finding:
    return Finding("f", 0, number, "$", rule, severity, "", "")


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Selection(), [0, 1, 2]),
        (Selection(tool="amap_weather"), [0, 2]),
        (Selection(tool="clock"), [2]),
        (Selection(grep="paris"), [0]),
        (Selection(grep="straße"), [1]),
        (Selection(grep='"city": "北'), [2]),
        (Selection(rule="unknown-argument"), [1, 2]),
        (Selection(tool="amap_weather", rule="unknown-argument"), [2]),
        (Selection(tool="clock", grep="paris"), []),
    ],
)
def test_a_row_is_all_that_is_asked_of_it(wanted: Selection, rows: list[int]) -> None:
    said = [finding(2, "unknown-argument"), finding(1, "unknown-argument"), finding(0, "placeholder-left")]
    assert [c.source.row for c in wanted.of(ROWS, said)] == rows
    assert wanted.read == 3


def test_findings_may_come_while_rows_are_read() -> None:
    said: list[Finding] = []

    def read() -> Iterator[Conversation]:
        for conversation in ROWS:
            if conversation.source.row != 1:
                said.append(finding(conversation.source.row, "unknown-argument"))
            yield conversation

    assert [c.source.row for c in Selection(rule="unknown-argument").of(read(), said)] == [0, 2]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Selection(tool="amap_wether"), "no row with tool=amap_wether among 3 kept (0 refused). Did you mean amap_w"),
        (Selection(rule="placeholder-lef"), "Did you mean placeholder-left?"),
        (Selection(rule="unknown-tool"), " 1 rows are refused by it, so none of them is trained on"),
        (Selection(tool="clock", grep="x"), "no row with tool=clock and grep=x among 3 kept (0 refused)."),
    ],
)
def test_a_miss_says_what_there_is(wanted: Selection, message: str) -> None:
    corpus = Corpus(findings=[finding(7, "unknown-tool", "error")])
    assert not [*wanted.of(ROWS, [])]
    assert message in str(wanted.miss(corpus))


def test_a_dataset_is_a_part_of_the_mix_and_read_after_those_before_it(tmp_path: Path) -> None:
    alone = data_of(tmp_path / "天气.jsonl")
    assert up_to(alone, "天气") is alone
    with pytest.raises(UsageError, match=r"dataset=x: not a part of the mix\. Parts: 天气"):
        up_to(alone, "x")
    alone.path, alone.parts, alone.rows = None, {"none": 0.0, "a": 0.5, "b": 1.0, "c": 1.0}, {"a": 3, "b": 4}
    found = up_to(alone, "b")
    assert found.names == ["a", "b"]
    assert (found.parts, found.rows) == ({"a": 0.5, "b": 1.0}, {"a": 3, "b": 4})
    with pytest.raises(UsageError, match="dataset=none: not a part of the mix"):
        up_to(alone, "none")
