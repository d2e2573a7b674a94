"""Rows longer than max_length: what each strategy keeps, whose weights they have, and that each cut is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentswift.agent_templates import find_agent_template
from agentswift.cards import Cards
from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.corpus import gather, write_left_out
from agentswift.engine.cache import cached
from agentswift.engine.choose import choose
from agentswift.engine.cut import CutEncodings, mapped, pieces, told, truncate, windows, with_fewer_turns
from agentswift.engine.draw import Drawing, draw
from agentswift.engine.embedded import tiny
from agentswift.engine.encode import Encoded, Encoder, load_chat
from agentswift.engine.prepare import Prepared
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.errors import EngineError
from agentswift.report.tokens import head
from agentswift.rows import Ledger
from agentswift.schema.groups import Truncation
from agentswift.weights import Scale, SpanRow
from tests.checked import data_of, good, written

ASKED = SpanRow(field="user", of="", step=-1, turn=0, weight=1.0)
ANSWER = SpanRow(field="answer", of="", step=0, turn=0, weight=1.0)
CUTTING = (Truncation.left, Truncation.right, Truncation.split)


@given(st.integers(0, 50), st.sampled_from(list(Truncation)), st.integers(1, 20))
def test_windows_keep_what_their_strategy_says(length: int, strategy: Truncation, most: int) -> None:
    kept = [token for start, end in windows(length, strategy, most) for token in range(length)[start:end]]
    if length <= most or strategy not in CUTTING or strategy is Truncation.split:
        assert kept == list(range(length))
    else:
        assert kept == list(range(length))[slice(-most, None) if strategy is Truncation.left else slice(most)]
    assert strategy not in CUTTING or all(0 <= end - start <= most for start, end in windows(length, strategy, most))


def rows(folder: Path) -> list[Encoded]:
    """Rows of 3, 7 and 5 tokens, whose ids say row and place; the answer begins after the third token."""
    return [
        Encoded([10 * row + at for at in range(n)], [int(at > 2) for at in range(n)], (ASKED, ANSWER), "")
        for row, n in ((1, 3), (2, 7), (3, 5))
    ]


@pytest.mark.parametrize(
    ("strategy", "ids", "firsts"),
    [
        (Truncation.left, [[10, 11, 12], [23, 24, 25, 26], [31, 32, 33, 34]], [0, 1, 2, 3]),
        (Truncation.right, [[10, 11, 12], [20, 21, 22, 23], [30, 31, 32, 33]], [0, 1, 2, 3]),
        (Truncation.split, [[10, 11, 12], [20, 21, 22, 23], [24, 25, 26], [30, 31, 32, 33], [34]], [0, 1, 3, 5]),
    ],
)
def test_ids_and_spans_are_cut_alike_and_nothing_is_encoded_again(
    tmp_path: Path, strategy: Truncation, ids: list[list[int]], firsts: list[int]
) -> None:
    whole = cached(tmp_path / "k.arrow", lambda: rows(tmp_path))
    cut = CutEncodings(whole, strategy, 4, None)
    assert [cut.input_ids(i).tolist() for i in range(len(cut))] == ids
    assert [cut.span_ids(i).tolist() for i in range(len(cut))] == [[int(t % 10 > 2) for t in row] for row in ids]
    assert cut.lengths.tolist() == [len(row) for row in ids]
    assert cut.firsts.tolist() == firsts
    assert cut.spans(1) == [ASKED, ANSWER]
    again = mapped(str(whole.file), told(cut), 4)
    assert [again.input_ids(i).tolist() for i in range(len(again))] == ids
    assert [f.name for f in tmp_path.glob("*.arrow")] == ["k.arrow"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    tokenizer = load_tokenizer(tiny())
    return Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template("react_en"))


def talk(turns: int, words: int = 20) -> Conversation:
    """A conversation that calls a tool and answers, again and again; the fourth turn goes on without the user."""
    return Conversation(
        system="Be kind.",
        tools=(Tool(name="look_up", description="Looks a word up."),),
        turns=tuple(
            Turn(
                user=None if number == 3 else f"question {number} " + "why " * words,
                steps=(
                    Step(kind="thought", text="I look it up."),
                    Step(kind="call", tool="look_up", arguments={"word": str(number)}),
                    Step(kind="observation", text="found " * words),
                    Step(kind="answer", text=f"It is {number}."),
                ),
            )
            for number in range(turns)
        ),
    )


def length(encoder: Encoder, conversation: Conversation) -> int:
    return len(next(encoder.encode([conversation])).input_ids)


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_turns_go_whole_and_as_few_as_it_takes(encoder: Encoder, kept: int) -> None:
    whole = talk(6)
    short = replace(whole, turns=whole.turns[-kept:])
    most = length(encoder, short) + 5
    assert with_fewer_turns(whole, encoder, most) == short
    ((written, encoded, window),) = pieces(whole, encoder, Truncation.turns, most)
    assert written == short
    assert window == (0, len(encoded.input_ids))
    assert "Be kind." in encoded.text
    assert "Looks a word up." in encoded.text
    assert 1 + max(span.turn for span in encoded.spans) == kept


def test_no_conversation_begins_where_the_user_says_nothing(encoder: Encoder) -> None:
    whole = talk(6)
    most = length(encoder, replace(whole, turns=whole.turns[3:]))
    cut = with_fewer_turns(whole, encoder, most)
    assert cut is not None
    assert cut.turns == whole.turns[4:]


def test_a_last_turn_that_is_too_long_by_itself_is_not_cut(encoder: Encoder) -> None:
    assert with_fewer_turns(talk(3), encoder, length(encoder, talk(1)) - 1) is None
    assert with_fewer_turns(talk(1), encoder, 10) is None
    ((written, encoded, _),) = pieces(talk(1), encoder, Truncation.turns, 10)
    assert (written, encoded) == (talk(1), next(encoder.encode([talk(1)])))


def prepared(folder: Path, encoder: Encoder, *talks: Conversation) -> Prepared:
    """Rows prepared as `train` does it, their ledger as if they had been read from a file."""
    corpus = gather(data_of(written(folder / "rows.jsonl", good(0))), Cards(), lambda card: Path(card.path))
    corpus.parts["rows"] = list(talks)
    corpus.ledgers["rows"] = Ledger("rows", read=len(talks), kept=len(talks))
    encodings = cached(folder / "k.arrow", lambda: encoder.encode(talks))
    return Prepared(corpus, list(talks), encodings, ["rows"] * len(talks), fingerprint="k")


def test_a_run_trains_cut_turns_from_a_cache_of_their_own_and_names_each_cut(tmp_path: Path, encoder: Encoder) -> None:
    talks = [talk(1), talk(6), talk(2, words=300), talk(5)]
    most = length(encoder, talk(3))
    found = prepared(tmp_path, encoder, *talks)
    before = found.encodings.lengths.tolist()
    truncate(found, encoder, Truncation.turns, most)
    choose(found, data_of(tmp_path / "rows.jsonl"), most, 0.0, 1)
    assert sorted(found.train) == [0, 1, 3]
    assert found.corpus.ledgers["rows"] == Ledger("rows", read=4, kept=3, over_length=1, cut=2)
    for row in (1, 3):
        assert found.conversations[row] == with_fewer_turns(talks[row], encoder, most)
        (drawn,) = draw(found, encoder, Scale({}), [row])
        assert drawn.input_ids == next(encoder.encode([found.conversations[row]])).input_ids
        assert drawn.text == next(encoder.encode([found.conversations[row]])).text
    write_left_out(tmp_path / "left_out.jsonl", found.corpus.findings)
    said = [json.loads(line) for line in (tmp_path / "left_out.jsonl").read_text(encoding="utf-8").splitlines()]
    after = found.encodings.lengths.tolist()
    assert [(line["rule"], line["message"]) for line in said] == [
        ("cut", f"truncation_strategy=turns: {before[1]} tokens cut to {after[1]}"),
        ("over-length", f"{before[2]} tokens, max_length={most}: left out (truncation_strategy=turns: its last turn "
         "alone is too long, or what is left is not trained)"),
        ("cut", f"truncation_strategy=turns: {before[3]} tokens cut to {after[3]}"),
    ]  # fmt: skip
    again = mapped(str(found.encodings.file), told(found.encodings), most)
    assert [again.input_ids(i).tolist() for i in found.train] == [
        found.encodings.input_ids(i).tolist() for i in found.train
    ]
    encoded_again = prepared(tmp_path, encoder, *talks)
    truncate(encoded_again, encoder, Truncation.turns, most, lambda *_: pytest.fail("encoded twice"))
    assert encoded_again.encodings.lengths.tolist() == after


@pytest.mark.parametrize("strategy", CUTTING)
def test_what_is_drawn_of_a_cut_row_is_that_part_of_the_whole_row(
    tmp_path: Path, encoder: Encoder, strategy: Truncation
) -> None:
    found = prepared(tmp_path, encoder, talk(4))
    (whole,) = draw(found, encoder, Scale({}), [0])
    most = len(whole.tokens) // 2
    truncate(found, encoder, strategy, most)
    choose(found, data_of(tmp_path / "rows.jsonl"), most, 0.0, 1)
    drawn = list(draw(found, encoder, Scale({}), range(len(found.encodings))))
    at = {Truncation.left: len(whole.tokens) - most, Truncation.right: 0, Truncation.split: 0}[strategy]
    for row in drawn:
        end = at + len(row.tokens)
        assert (row.tokens, row.input_ids, row.fields) == (
            whole.tokens[at:end],
            whole.input_ids[at:end],
            whole.fields[at:end],
        )
        assert row.weights == [0.0, *whole.weights[at + 1 : end]]  # no token comes before the first
        assert row.labels == [i if w else -100 for i, w in zip(row.input_ids, row.weights, strict=True)]
        at = end
    assert found.datasets == ["rows"] * len(found.encodings)
    assert found.corpus.ledgers["rows"].cut == 1


def test_a_row_is_left_out_where_all_that_is_trained_is_cut_away(tmp_path: Path, encoder: Encoder) -> None:
    found = prepared(tmp_path, encoder, talk(1, words=200), talk(1, words=1))
    most = length(encoder, talk(1, words=1)) - 1  # of the long one, system, tools and a piece of the question
    truncate(found, encoder, Truncation.right, most + 1)
    choose(found, data_of(tmp_path / "rows.jsonl"), most + 1, 0.0, 1)
    assert found.train == [1]
    assert found.corpus.ledgers["rows"] == Ledger("rows", read=2, kept=1, over_length=1)
    assert "leaves nothing that is trained" in found.corpus.findings[-1].message


def test_pieces_of_which_nothing_is_trained_are_left_out_and_held_out_rows_are_cut_too(
    tmp_path: Path, encoder: Encoder
) -> None:
    found = prepared(tmp_path, encoder, *(talk(1, words=100 + n) for n in range(4)))
    truncate(found, encoder, Truncation.split, 60)
    choose(found, data_of(tmp_path / "rows.jsonl"), 60, 0.25, 1)
    assert len({found.encodings.rows[i] for i in found.val}) == 1  # type: ignore[attr-defined]
    assert not {found.encodings.rows[i] for i in found.val} & {found.encodings.rows[i] for i in found.train}  # type: ignore[attr-defined]
    for i in (*found.train, *found.val):
        spans = found.encodings.spans(i)
        assert any(spans[s].field in ("thought", "action", "action_input", "answer", "label", "end_of_turn")
                   for s in found.encodings.span_ids(i)[1:])  # fmt: skip
    assert found.corpus.findings[-1].message.startswith("truncation_strategy=split: ")
    assert " pieces" in found.corpus.findings[-1].message


def test_what_is_drawn_is_numbered_and_marked_where_train_leaves_it_out(encoder: Encoder) -> None:
    drawing = Drawing({"": encoder}, Scale({}), 60, Truncation.split)
    drawn = list(drawing.draw([talk(1, words=100)]))
    assert [row.piece for row in drawn] == [f"{at}/{len(drawn)}" for at in range(1, len(drawn) + 1)]
    assert [row.left_out for row in drawn] == [not any(row.weights) for row in drawn]
    assert head(drawn[0]).endswith("60 tokens, 0 trained; left out by train")


def test_a_node_without_the_rows_is_told_how_to_encode_them(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"python -m agentswift\.engine\.prepare RUN/run\.yaml"):
        mapped(str(tmp_path / "nowhere.arrow"), {}, 10)
