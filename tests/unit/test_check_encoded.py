"""Rules over encoded rows and over a whole data set; and what a page of findings holds."""

from pathlib import Path

import pytest

from agentswift.check.encoded import Losses, faulty_encoding
from agentswift.check.ids import Ids
from agentswift.compose import compose_run
from agentswift.conversation import Source
from agentswift.errors import UsageError
from agentswift.schema.runs import Check, ShowOutput
from tests.checked import check, data_of, good, misnamed, written


@pytest.mark.parametrize(
    ("fields", "weights", "rules"),
    [
        (["user", "answer"], [0, 1], []),
        (["user", "answer"], [0, 0], ["all-masked"]),
        (["answer", "observation", "observation"], [1, 0.5, 0], ["trained-observation"]),
        (["user", "answer", "answer", "answer"], [0, 1, 1, 2], ["over-length"]),
        (["observation"] * 4, [0, 0, 0, 0], ["all-masked", "over-length"]),
    ],
)
def test_encoded_rows_are_checked(fields: list[str], weights: list[float], rules: list[str]) -> None:
    assert [hit.rule for hit in faulty_encoding(fields, weights, 3, "flat")] == rules


def test_what_is_lost_to_max_length_is_said_in_tokens_and_weight() -> None:
    (hit,) = faulty_encoding(["user", "answer", "answer", "answer"], [0, 1, 1, 2], 3, "flat")
    assert hit.values == {"tokens": 4, "most": 3, "over": 1, "share": 0.5}
    losses = Losses(3)
    assert str(losses) == "no row of 0 is over max_length=3; the longest has 0 tokens"
    for weights in ([0, 1], [0, 1], [0, 1, 1, 2, 2]):
        losses.add(weights)
    assert str(losses) == (
        "1 of 3 rows are over max_length=3: 5 of 9 tokens and 75.0 % of the weight are left out with "
        "truncation_strategy=delete; 99 % of the rows have at most 2 tokens, the longest 5"
    )


def test_an_id_is_told_of_when_it_comes_again_in_the_same_dataset() -> None:
    ids = Ids()
    seen = [("a", "q1", 1), ("b", "q1", 1), ("a", "", 2), ("a", "", 3), ("a", "q1", 4)]
    found = [ids.see(Source(dataset=d, id=i, line=line, row=line - 1)) for d, i, line in seen]
    assert [len(f) for f in found] == [0, 0, 0, 0, 1]
    assert found[-1][0].message == "the id 'q1' is row 0 (line 1)'s too"


def test_the_last_lines_say_what_was_not_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(written(tmp_path / "rows.jsonl", good(1)), also=["personal-data"])
    (said,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not checked: ")]
    assert "lengths, masks and weights (model=NAME)" in said
    assert "mixed-languages (also=[personal-data,mixed-languages])" in said
    assert "near duplicates (data.dedup=near)" in said


def test_a_page_of_findings_holds_no_markup_of_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = misnamed(1)
    row["messages"][1]["content"] = '{"name": "<script>alert(1)</script>", "arguments": {}}'
    page = tmp_path / "check.html"
    assert check(written(tmp_path / "rows.jsonl", row, good(2)), ShowOutput.html, file=str(page)) == 1
    text = page.read_text(encoding="utf-8")
    assert '<a href="#unknown-tool">' in text
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "1 of 2 rows are refused" in text
    assert str(page) in capsys.readouterr().out


def test_a_share_of_refused_rows_lets_check_end_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "rows.jsonl", *map(good, range(9)), misnamed(9))
    assert check(file) == 1
    assert check(file, data=data_of(file, max_refused="10%")) == 0
    assert "1 of 10 rows are refused, which data.max_refused=10% lets go" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["also=[personal-dat]"], "also=personal-dat: no rule by option. Did you mean personal-data?"),
        (["fix=true"], "fix=true mends one file into another: path=ROWS.jsonl file=MENDED.jsonl"),
        (["fix=true", "path=a.jsonl", "file=./a.jsonl"], "file=./a.jsonl is the file that is mended"),
    ],
)
def test_what_check_cannot_do_is_said_before_anything_is_read(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        compose_run("check", Check, words)
    assert said in str(raised.value)
