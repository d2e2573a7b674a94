"""Mixes: exact rows, the same order everywhere, a split that keeps something to train on, and fingerprints."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Source, Step, Tool, Turn
from agentswift.errors import AgentswiftError, DataError, UsageError
from agentswift.mix import Asked, fingerprint, order, plan, split


@pytest.mark.parametrize(
    ("rows", "share", "count"),
    [(30000, 1.0, 30000), (488, 2.0, 976), (134, 0.1, 13), (5, 0.1, 1), (10, 0.15, 2), (100, 0.285, 29), (7, 2.5, 18)],
)
def test_a_share_is_an_exact_number_of_rows_with_halves_up(rows: int, share: float, count: int) -> None:
    assert plan({"a": rows}, Asked({"a": share})) == {"a": count}


def test_exact_rows_stand_instead_of_the_share() -> None:
    shares = {"ms-bench": 2.0, "self-cognition": 1.0, "none": 0.0}
    assert plan({"ms-bench": 10, "self-cognition": 134, "none": 5}, Asked(shares, {"self-cognition": 3000})) == {
        "ms-bench": 20,
        "self-cognition": 3000,
        "none": 0,
    }


@pytest.mark.parametrize(
    ("available", "parts", "rows", "kind", "says"),
    [
        ({"a": 5}, {"a": -1.0}, {}, UsageError, "data.parts.a=-1: must be 0 or more"),
        ({"a": 5}, {"a": float("nan")}, {}, UsageError, "must be 0 or more"),
        ({"a": 5}, {"a": float("inf")}, {}, UsageError, "must be 0 or more"),
        ({"a": 5}, {"a": 1.0}, {"a": -3}, UsageError, "data.rows.a=-3: must be 0 or more"),
        ({"ms-agent": 5}, {"ms-agnet": 1.0}, {}, UsageError, "Did you mean ms-agent?"),
        ({"ms-agent": 5}, {"ms-agent": 1.0}, {"ms-agnet": 1}, UsageError, "Did you mean ms-agent?"),
        ({"a": 0}, {"a": 1.0}, {}, DataError, "no row of a was kept"),
        ({"a": 100}, {"a": 0.001}, {}, UsageError, "of 100 rows that is none"),
        ({"a": 100}, {"a": 0.0}, {}, DataError, "the mix comes to no row"),
        ({}, {}, {}, DataError, "the mix comes to no row"),
    ],
)
def test_numbers_that_make_no_sense_are_answered(
    available: dict[str, int], parts: dict[str, float], rows: dict[str, int], kind: type[AgentswiftError], says: str
) -> None:
    with pytest.raises(kind) as raised:
        plan(available, Asked(parts, rows))
    assert says in str(raised.value)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(1, 20), st.integers(1, 60)), min_size=1))
def test_each_row_stands_as_often_as_its_neighbours_or_once_more(mix: dict[str, tuple[int, int]]) -> None:
    available = {name: rows for name, (rows, _) in mix.items()}
    counts = {name: count for name, (_, count) in mix.items()}
    drawn = Counter(order(counts, available, seed=0, epoch=1))
    for name, rows in available.items():
        times = [drawn[name, row] for row in range(rows)]
        assert sum(times) == counts[name]
        assert max(times) - min(times) <= 1
    assert sum(drawn.values()) == sum(counts.values())


def test_an_epoch_is_the_same_on_every_machine_and_another_epoch_is_not() -> None:
    first = order({"a": 3, "乙": 2}, {"a": 30, "乙": 2}, seed=42, epoch=0)
    assert first == GOLDEN
    assert order({"a": 3, "乙": 2}, {"a": 30, "乙": 2}, seed=42, epoch=1) != first
    assert order({"a": 3, "乙": 2}, {"a": 30, "乙": 2}, seed=43, epoch=0) != first


GOLDEN = [("乙", 1), ("a", 7), ("a", 13), ("a", 5), ("乙", 0)]


def test_a_part_gives_the_same_rows_whatever_the_others_give() -> None:
    alone = order({"a": 3}, {"a": 30}, 0, 0)
    together = order({"b": 5, "a": 3}, {"a": 30, "b": 9}, 0, 0)
    assert sorted(alone) == sorted(row for row in together if row[0] == "a")


@settings(max_examples=50)
@given(st.integers(0, 60), st.floats(0, 0.999), st.integers(0, 3))
def test_a_split_loses_no_row_and_leaves_one_to_train_on(n: int, share: float, seed: int) -> None:
    train, held = split(n, share, seed)
    assert sorted(train + held) == list(range(n))
    assert train or not n
    assert bool(held) == (share > 0 and n > 1)


def test_a_split_takes_its_share_of_every_stratum() -> None:
    strata = ["zh"] * 40 + ["en"] * 20 + ["rare"]
    _, held = split(61, 0.1, 7, strata)
    assert Counter(strata[row] for row in held) == {"zh": 4, "en": 2}
    assert split(3, 0.01, 7, ["a", "b", "b"])[1] in ([1], [2])


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_split_that_leaves_nothing_is_answered(share: float) -> None:
    with pytest.raises(UsageError, match="split="):
        split(10, share, 0)


CALL = Step(kind="call", tool="天气", arguments={"city": "北京", "days": 2})
TALK = Conversation(
    turns=(Turn(user="天气？", steps=(CALL, Step(kind="observation", text="晴"), Step(kind="answer", text="晴"))),),
    tools=(Tool(name="天气", parameters={"type": "object", "properties": {}}),),
)


def turned(step: Step) -> Conversation:
    return replace(TALK, turns=(replace(TALK.turns[0], steps=(step, *TALK.turns[0].steps[1:])),))


@pytest.mark.parametrize(
    "other",
    [
        replace(TALK, source=Source(file="b.jsonl", line=3, id="x")),
        turned(replace(CALL, arguments={"days": 2, "city": "北京"})),
        turned(replace(CALL, weight=2.0, train=False)),
        replace(TALK, tools=(Tool(name="天气", parameters={"properties": {}, "type": "object"}),)),
    ],
)
def test_equal_conversations_have_one_fingerprint(other: Conversation) -> None:
    assert fingerprint(other) == fingerprint(TALK)


@pytest.mark.parametrize(
    "other",
    [
        replace(TALK, system=""),
        replace(TALK, tools=()),
        replace(TALK, turns=(*TALK.turns, Turn(user=None))),
        turned(replace(CALL, arguments={"city": "北京", "days": "2"})),
        turned(replace(CALL, tool="weather")),
        turned(Step(kind="text", text="天气")),
        turned(Step(kind="text", text="\ud800")),
    ],
)
def test_different_conversations_have_different_fingerprints(other: Conversation) -> None:
    assert fingerprint(other) != fingerprint(TALK)
