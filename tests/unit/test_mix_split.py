"""The held-out side: what belongs together stays together, and no tool of the test set is ever trained."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.errors import UsageError
from agentswift.mix import divide, split
from agentswift.schema.groups import SplitBy


def row(user: str, *called: str, declared: tuple[str, ...] = ()) -> Conversation:
    steps = (*(Step(kind="call", tool=name) for name in called), Step(kind="answer", text="ok"))
    tools = tuple(Tool(name=name) for name in {*called, *declared})
    return Conversation(turns=(Turn(user=user, steps=steps),), tools=tools)


def made(given: Conversation, **changes: object) -> Conversation:
    return replace(given, source=replace(given.source, made="tools_added"), **changes)  # type: ignore[arg-type]


PARTS = {
    "a": [row(f"question {n % 20} of a", f"tool_{n % 10}") for n in range(60)],
    "b": [row(f"question {n % 20} of a!", f"tool_{n % 5}") for n in range(30)],
}


def tools(conversations: list[Conversation]) -> set[str]:
    return {tool.name for c in conversations for tool in c.tools}


def asked(conversations: list[Conversation]) -> set[str]:
    return {(c.turns[0].user or "").strip("!") for c in conversations}


def sides(parts: dict[str, list[Conversation]], share: float, by: SplitBy, seed: int = 1) -> list[list[Conversation]]:
    """Return all that is trained, held out and set aside."""
    divided = divide(parts, share, seed, by)
    for name, side in divided.items():
        assert sorted(side.train + side.held + side.aside) == list(range(len(parts[name])))
    return [[parts[n][at] for n, s in divided.items() for at in getattr(s, w)] for w in ("train", "held", "aside")]


def test_by_row_each_part_gives_its_share_as_it_does_alone() -> None:
    divided = divide(PARTS, 0.1, 1, SplitBy.row)
    assert {name: (side.train, side.held) for name, side in divided.items()} == {
        name: split(len(rows), 0.1, 1) for name, rows in PARTS.items()
    }
    assert divide(PARTS, 0.1, 1, SplitBy.row, made=False) == divided


@pytest.mark.parametrize("by", SplitBy)
def test_no_share_holds_nothing_out(by: SplitBy) -> None:
    assert [len(side) for side in sides(PARTS, 0.0, by)] == [90, 0, 0]


def test_by_question_the_same_words_are_on_one_side_in_every_part() -> None:
    train, held, aside = sides(PARTS, 0.2, SplitBy.question)
    assert not asked(train) & asked(held)
    assert len(held) == 18
    assert not aside


def test_by_tool_no_tool_of_the_test_set_is_trained() -> None:
    train, held, aside = sides(PARTS, 0.2, SplitBy.tool)
    assert not tools(train) & tools(held)
    assert 0 < len(held) <= 18
    assert not aside


def test_tools_called_together_stay_together() -> None:
    parts = {"a": [row("1", "x", "y"), row("2", "y", "z"), row("3", "w"), row("4", "w"), row("5")]}
    for seed in range(6):
        train, held, _ = sides(parts, 0.4, SplitBy.tool, seed)
        assert tools(held) in ({"x", "y", "z"}, {"w"})
        assert not tools(train) & tools(held)


def test_a_row_that_only_declares_a_tested_tool_is_on_neither_side() -> None:
    parts = {"a": [row("1", "x"), row("2", "y", declared=("x",)), row("3", "y"), row("4", declared=("x", "y"))]}
    for seed in range(6):
        train, held, aside = sides(parts, 0.25, SplitBy.tool, seed)
        assert not tools(train) & {step.tool for c in held for step in c.steps() if step.kind == "call"}
        for c in aside:
            assert tools([c]) & {step.tool for h in held for step in h.steps()}


def test_what_is_made_from_a_row_stands_on_its_side_or_on_none() -> None:
    x, y = row("1", "x"), row("2", "y")
    parts = {"a": [x, made(x), y, made(y, tools=(Tool(name="x"), Tool(name="y"))), made(y)]}
    for seed in range(8):
        side = divide(parts, 0.5, seed, SplitBy.tool)["a"]
        assert (side.train, side.held, side.aside) in (([2, 4], [0, 1], [3]), ([0, 1], [2, 3, 4], []))
    by_row = divide(parts, 0.5, 1, SplitBy.row)["a"]
    assert sorted(by_row.held) in ([0, 1], [2, 3, 4])


def test_eval_finds_the_rows_that_training_held_out_though_it_has_none_that_are_made() -> None:
    trained = {n: [c for given in rows for c in (given, made(given))] for n, rows in PARTS.items()}
    for by in SplitBy:
        there, here = divide(trained, 0.2, 3, by), divide(PARTS, 0.2, 3, by, made=False)
        for name, rows in PARTS.items():
            held = [trained[name][at] for at in there[name].held]
            assert [c for c in held if not c.source.made] == [rows[at] for at in here[name].held]


@pytest.mark.parametrize(
    ("rows", "by"), [([row("1", "x"), row("2", "x")], SplitBy.tool), ([row("1"), row("1!")], SplitBy.question)]
)
def test_rows_that_all_hang_together_are_answered(rows: list[Conversation], by: SplitBy) -> None:
    with pytest.raises(UsageError, match=f"split_by={by.value}: all rows hang together"):
        divide({"a": rows}, 0.5, 0, by)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 12), max_size=3)), min_size=2, max_size=40),
    st.floats(0.01, 0.6),
    st.integers(0, 9),
)
def test_whatever_the_rows_no_tool_of_the_test_set_is_trained_and_no_row_is_lost(
    rows: list[tuple[int, set[int]]], share: float, seed: int
) -> None:
    parts = {"a": [row(f"q{q}", *(f"t{t}" for t in sorted(called))) for q, called in rows]}
    try:
        train, held, _ = sides(parts, share, SplitBy.tool, seed)
    except UsageError:
        return
    assert held
    assert train or not any(c.tools for c in train)
    assert not tools(train) & tools(held)
