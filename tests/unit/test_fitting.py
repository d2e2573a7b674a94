"""What is trained of a run's rows hangs on their length, the split, and the weights at both ends of a schedule."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.corpus import Corpus
from agentswift.engine.cache import cached
from agentswift.engine.choose import choose
from agentswift.engine.cut import CutEncodings
from agentswift.engine.encode import Encoded
from agentswift.engine.fitting import untrained
from agentswift.engine.prepare import Prepared
from agentswift.errors import DataError
from agentswift.rows import Ledger
from agentswift.schema.groups import SplitBy, Truncation
from agentswift.weights import Scale, SpanRow
from tests.checked import defaults

USER, TEXT, STOP = (SpanRow(name, "", 0, 0, 1.0) for name in ("user", "text", "end_of_turn"))
SILENT = {"fields": {"text": 0.0}, "end_of_turn": 0.0}
LOUD = {"fields": {"text": 1.0}, "end_of_turn": 0.0}


def prepared(folder: Path, *rows: Encoded, calls: str = "") -> Prepared:
    """Rows of one dataset as `prepare` gives them; each calls the tool named by its letter of `calls`."""
    steps = [(Step(kind="call", tool=tool),) for tool in calls] or [(Step(kind="text", text="hi"),)] * len(rows)
    talks = [Conversation(turns=(Turn(user=f"{n}", steps=of),)) for n, of in enumerate(steps)]
    corpus = Corpus({"a": talks}, {"a": Ledger("a", read=len(rows), kept=len(rows))})
    return Prepared(corpus, talks, cached(folder / "k.arrow", lambda: rows), ["a"] * len(rows))


def row(tokens: int, spans: tuple[SpanRow, ...] = (USER, TEXT)) -> Encoded:
    """A row of as many tokens, all of its last span but the first two."""
    return Encoded([7] * tokens, [0, 0, *[len(spans) - 1] * (tokens - 2)], spans, "")


@pytest.mark.parametrize(("first", "last"), [(SILENT, LOUD), (LOUD, SILENT), ({"fields": {"text": 1e-4}}, {})])
def test_what_is_trained_at_either_end_of_a_schedule_is_kept(
    tmp_path: Path, first: dict[str, Any], last: dict[str, Any]
) -> None:
    found = prepared(tmp_path, row(4), row(9))
    found.encodings = CutEncodings(found.encodings, Truncation.right, 4, None)
    choose(found, defaults(), 4, 0.0, 1, scale=Scale({**first, "schedule": {"to": last}}))
    assert sorted(found.train) == [0, 1]
    assert found.corpus.ledgers["a"] == Ledger("a", read=2, kept=2, cut=1)


def test_a_row_that_weighs_nothing_is_set_aside_and_named(tmp_path: Path) -> None:
    found = prepared(tmp_path, row(4), row(5, (USER, SpanRow("text", "", 0, 0, 0.0))), row(3, (TEXT, USER)))
    choose(found, defaults(), 9, 0.0, 1)
    assert sorted(found.train) == [0, 2]
    assert found.corpus.ledgers["a"] == Ledger("a", read=3, kept=2, set_aside=1)
    assert [finding.rule for finding in found.corpus.findings] == ["set-aside"]
    assert untrained([found.corpus.ledgers["a"]])[0].startswith("a: 1 of 3 rows set aside")


@pytest.mark.parametrize(
    ("most", "strategy", "scale", "said"),
    [
        (9, None, SILENT, "no row of 2 is left to train: 2 in which loss scale flat weighs 0 all that is written"),
        (3, None, {}, "no row of 2 is left to train: 2 longer than max_length=3 (the shortest has 4 tokens)$"),
        (1, "split", {}, "the shortest has 4 tokens), and truncation_strategy=split leaves nothing that is trained"),
        (4, None, SILENT, "1 longer than max_length=4 (the shortest has 6 tokens); 1 in which loss scale flat"),
    ],
)
def test_nothing_left_says_why(tmp_path: Path, most: int, strategy: str | None, scale: Any, said: str) -> None:
    found = prepared(tmp_path, row(4), row(6))
    if strategy:
        found.encodings = CutEncodings(found.encodings, Truncation(strategy), most, None)
        found.datasets = ["a"] * len(found.encodings)
        found.conversations = [found.conversations[int(of)] for of in found.encodings.rows]
    with pytest.raises(DataError) as error:
        choose(found, defaults(), most, 0.0, 1, scale=Scale(scale))
    assert said in f"{error.value}$"


def test_a_row_that_the_split_sets_aside_is_not_counted_as_cut(tmp_path: Path) -> None:
    found = prepared(tmp_path, *[row(9)] * 4, calls="abab")
    both = (Tool(name="a"), Tool(name="b"))  # declared by a row of each side: one of them is set aside
    found.corpus.parts["a"] = [
        replace(talk, tools=both if at < 2 else ()) for at, talk in enumerate(found.conversations)
    ]
    found.encodings = CutEncodings(found.encodings, Truncation.right, 4, None)
    choose(found, defaults(), 4, 0.5, 1, SplitBy.tool)
    assert found.corpus.ledgers["a"] == Ledger("a", read=4, kept=3, set_aside=1, cut=3)
    assert len(found.train) == 1
