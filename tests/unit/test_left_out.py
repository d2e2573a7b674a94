"""Rows that nothing is wrong with and that are left out all the same: counted, and each named with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentswift.cards import Card, find_cards
from agentswift.corpus import Corpus, gather, write_left_out
from agentswift.errors import CardError, DataError
from agentswift.rows import Ledger
from agentswift.schema.groups import Dedup
from tests.checked import GOOD, data_of, good, written

LONG = (
    "Please look up the weather in Beijing for tomorrow morning and tell me whether I should take an umbrella with me"
)
LONG_ZH = "请帮我查一下明天早上北京的天气怎么样，并告诉我出门要不要带上雨伞，谢谢你啦"


def asking(text: str) -> dict[str, Any]:
    return {**GOOD, "messages": [{"role": "user", "content": text}, *GOOD["messages"][1:]]}


def gathered(file: Path, **changes: Any) -> Corpus:
    return gather(data_of(file, **changes), find_cards([]), lambda card: Path(card.path))


def named(corpus: Corpus, file: Path) -> list[tuple[str, int]]:
    write_left_out(file, corpus.findings)
    return [(one["rule"], one["line"]) for one in map(json.loads, file.read_text(encoding="utf-8").splitlines())]


def test_a_near_duplicate_is_counted_and_named_with_the_row_it_is_like(tmp_path: Path) -> None:
    rows = [asking(LONG), asking(LONG_ZH), asking(LONG), asking(LONG.replace("umbrella", "hat")), good(4)]
    corpus = gathered(written(tmp_path / "rows.jsonl", *rows), dedup=Dedup.near, near=0.6)
    ledger = corpus.ledgers["rows"]
    assert ledger == Ledger("rows", read=5, kept=3, duplicates=1, near_duplicates=1)
    assert ledger.balanced
    assert named(corpus, tmp_path / "left_out.jsonl") == [("duplicate", 3), ("near-duplicate", 4)]
    assert f"% the same as {tmp_path}/rows.jsonl:1 (row 0)" in corpus.findings[-1].message


def test_near_duplicates_stay_unless_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", asking(LONG), asking(LONG), asking(LONG + "!"))
    assert gathered(file).ledgers["rows"] == Ledger("rows", read=3, kept=2, duplicates=1)
    assert gathered(file, dedup=Dedup.none).ledgers["rows"] == Ledger("rows", read=3, kept=3)


@pytest.mark.parametrize(
    "evaluation",
    [
        [asking(LONG), asking(LONG_ZH)],  # a layout of ours
        [{"id": 1, "prompt_text": [LONG], "gold": "yes"}, {"nested": {"q": LONG_ZH}}],  # and one of nobody's
    ],
)
def test_a_row_that_holds_an_evaluation_question_is_named_with_the_place_of_both(
    tmp_path: Path, evaluation: list[dict[str, Any]]
) -> None:
    against = written(tmp_path / "held.jsonl", *evaluation)
    file = written(tmp_path / "rows.jsonl", good(0), asking(LONG), asking("然后" + LONG_ZH), asking("下雨吗？"))
    corpus = gathered(file, decontaminate=[str(against)])
    assert corpus.ledgers["rows"] == Ledger("rows", read=4, kept=2, contaminated=2)
    assert named(corpus, tmp_path / "left_out.jsonl") == [("contaminated", 2), ("contaminated", 3)]
    assert f"asks what is asked at {against}:1 (row 0) (exact)" in corpus.findings[0].message
    assert f"holds words in a row of {against}:2 (row 1) (13-gram)" in corpus.findings[1].message


def test_a_card_can_be_the_evaluation_set(tmp_path: Path) -> None:
    held, file = written(tmp_path / "held.jsonl", asking(LONG)), written(tmp_path / "rows.jsonl", good(0), asking(LONG))
    cards = find_cards([])
    cards["held-out"] = Card(name="held-out", format="messages", path=str(held))
    corpus = gather(data_of(file, decontaminate=["held-out"]), cards, lambda card: Path(card.path))
    assert corpus.ledgers["rows"].contaminated == 1


def test_an_evaluation_set_there_is_not_and_one_without_rows_are_answered(tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", good(0))
    with pytest.raises(CardError, match="quickstart-unseen"):
        gathered(file, decontaminate=["quickstart-unsen"])
    (tmp_path / "broken.jsonl").write_text("{\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.decontaminate: no rows in .*broken\.jsonl"):
        gathered(file, decontaminate=[str(tmp_path / "broken.jsonl")])


def test_a_row_of_which_nothing_would_be_trained_is_set_aside(tmp_path: Path) -> None:
    failed = {**GOOD, "messages": [*GOOD["messages"][:2], {"role": "tool", "content": "Error: no such city"}]}
    corpus = gathered(written(tmp_path / "rows.jsonl", good(0), failed), mask_failed_calls=True)
    assert corpus.ledgers["rows"] == Ledger("rows", read=2, kept=1, set_aside=1)
    assert named(corpus, tmp_path / "left_out.jsonl") == [("set-aside", 2)]


def test_made_rows_are_counted_apart(tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", *map(good, range(20)))
    corpus = gathered(file, negatives={"tools_renamed": 0.25, "argument_missing": 0.5})
    ledger = corpus.ledgers["rows"]
    assert ledger == Ledger("rows", read=20, kept=20, made=ledger.made)
    assert ledger.balanced
    assert len(corpus.parts["rows"]) == 20 + ledger.made
