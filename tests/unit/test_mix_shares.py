"""Shares of rows, tokens or weights: what is planned and drawn is what was asked, in the order that was asked."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.errors import DataError, UsageError
from agentswift.mix import Asked, Mix, account, far_off, order, plan
from agentswift.schema.groups import By, Order

AVAILABLE = {"agent": 1000, "chat": 3000, "self": 100}


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        # as large as it gets without a row twice: chat and agent could give more, self could not
        (Asked({"agent": 6, "chat": 3, "self": 1}, by=By.rows), {"agent": 600, "chat": 300, "self": 100}),
        (Asked({"agent": 0.5, "chat": 0.5}, by=By.rows), {"agent": 1000, "chat": 1000}),
        (Asked({"agent": 0.5, "chat": 0.5}, by=By.rows, size=300), {"agent": 150, "chat": 150}),
        (Asked({"agent": 1, "self": 1}, by=By.rows, size=600), {"agent": 300, "self": 300}),  # each of self three times
        (Asked({"agent": 1, "chat": 1}, by=By.rows, caps={"chat": 400}), {"agent": 400, "chat": 400}),
        (Asked({"agent": 1, "chat": 1}, by=By.rows, size=2000, caps={"chat": 400}), {"agent": 1000, "chat": 400}),
        (Asked({"agent": 1, "chat": 0}, by=By.rows), {"agent": 1000, "chat": 0}),
        # chat's rows have half the tokens: it gives twice the rows for the same share
        (Asked({"agent": 1, "chat": 1}, by=By.tokens), {"agent": 1000, "chat": 2000}),
        (Asked({"agent": 1, "chat": 1}, by=By.tokens, size=40_000), {"agent": 100, "chat": 200}),
        # seed 003: two rows of general talk for each of the agent's; who it is, 3000 times, stands outside
        (
            Asked({"agent": 1.0, "chat": 1.0, "self": 1.0}, rows={"self": 3000}, ratios={"chat": 2.0}),
            {"agent": 1000, "chat": 2000, "self": 3000},
        ),
        (Asked({"agent": 2.0, "chat": 1.0}, ratios={"chat": 0.25}), {"agent": 2000, "chat": 500}),
        (Asked({"agent": 2.0}, caps={"agent": 1500}), {"agent": 1500}),
        (Asked({"agent": 1, "self": 1}, rows={"self": 7}, by=By.rows), {"agent": 1000, "self": 7}),
    ],
)
def test_a_plan_is_what_was_asked(asked: Asked, counts: dict[str, int]) -> None:
    mass = {"agent": 200.0, "chat": 100.0, "self": 50.0} if asked.by is By.tokens else None
    assert plan(AVAILABLE, asked, mass) == counts


@pytest.mark.parametrize(
    ("asked", "kind", "says"),
    [
        (Asked({"agent": 1}, ratios={"chat": 2}), UsageError, "data.ratios.chat: not a part of the mix"),
        (Asked({"agent": 1}, caps={"chat": 2}), UsageError, "data.caps.chat: not a part of the mix"),
        (Asked({"chat": 1}, ratios={"chat": 2}), UsageError, "no part has a share that it could be a ratio to"),
        (Asked({"agent": 1, "chat": 1}, ratios={"chat": -2}), UsageError, "data.ratios.chat=-2: must be 0 or more"),
        (Asked({"agent": -1, "chat": 1}, by=By.rows), UsageError, "data.parts.agent=-1: must be 0 or more"),
        (Asked({"agnt": 1}, by=By.rows), UsageError, "Did you mean agent"),
        (Asked({"agent": 0.0}, by=By.tokens), DataError, "the mix comes to no row"),
        (Asked({"empty": 1, "agent": 1}, by=By.rows), DataError, "no row of empty was kept"),
    ],
)
def test_what_cannot_be_planned_is_answered(asked: Asked, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as raised:
        plan({**AVAILABLE, "empty": 0}, asked)
    assert says in str(raised.value)


def test_a_part_without_weight_can_have_no_share_of_it() -> None:
    with pytest.raises(DataError, match=r"data\.by=weights: the rows of chat have none"):
        plan(AVAILABLE, Asked({"agent": 1, "chat": 1}, by=By.weights), {"agent": 3.0, "chat": 0.0})


MASSES = st.lists(st.integers(1, 1000), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(MASSES, st.integers(1, 150), st.integers(0, 5))
def test_a_sample_by_mass_has_each_row_as_often_and_comes_close_to_its_share(
    mass: list[int], count: int, epoch: int
) -> None:
    drawn = [row for _, row in order({"a": count}, {"a": len(mass)}, 7, epoch, {"a": mass})]
    times = Counter(drawn)
    assert len(drawn) == count
    assert max(times.values()) - min(times[row] for row in range(len(mass))) <= 1
    assert abs(sum(mass[row] for row in drawn) - count * sum(mass) / len(mass)) <= 3 * max(mass)


def test_every_row_has_its_turn_over_the_epochs() -> None:
    mass = {"a": list(range(1, 11))}
    times = Counter(row for epoch in range(2000) for _, row in order({"a": 4}, {"a": 10}, 1, epoch, mass))
    assert len(times) == 10
    assert all(times[row] == pytest.approx(800, rel=0.12) for row in range(10))


def test_parts_follow_one_another_as_asked() -> None:
    counts, available = {"a": 4, "b": 2}, {"a": 9, "b": 9}
    rows = {o: [name for name, _ in order(counts, available, 5, 1, arrangement=o)] for o in Order}
    assert rows[Order.sequential] == ["a"] * 4 + ["b"] * 2
    assert rows[Order.interleaved] == ["a", "b", "a", "a", "b", "a"]
    drawn = [sorted(order(counts, available, 5, 1, arrangement=o)) for o in Order]
    assert drawn[0] == drawn[1] == drawn[2]


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 30))
def test_any_stretch_of_an_interleaved_epoch_holds_the_parts_as_the_whole_does(a: int, b: int, length: int) -> None:
    names = [name for name, _ in order({"a": a, "b": b}, {"a": 50, "b": 50}, 0, 0, arrangement=Order.interleaved)]
    for start in range(0, len(names) - length):
        assert abs(names[start : start + length].count("a") - length * a / (a + b)) <= 2


def mixed(asked: Asked, lengths: dict[str, list[int]]) -> list[str]:
    """Plan and draw a mix, and return its lines as the table shows them."""
    available = {name: len(rows) for name, rows in lengths.items()}
    flat = [n for rows in lengths.values() for n in rows]
    pool, start = dict[str, list[int]](), 0
    for name, rows in lengths.items():
        pool[name], start = list(range(start, start + len(rows))), start + len(rows)
    mass = {name: [float(n) for n in rows] for name, rows in lengths.items()} if asked.by is By.tokens else None
    means = {name: sum(rows) / len(rows) for name, rows in lengths.items()}
    mix = Mix(pool, plan(available, asked, means if mass else None), 3, mass=mass)
    lines = account(mix, asked, flat)
    return [" | ".join(line.cells) for line in lines] + far_off(lines)


LENGTHS = {"agent": [100, 200, 300] * 200, "chat": [50] * 2000, "self": [10] * 4}


def test_the_account_says_what_was_asked_and_what_it_comes_to() -> None:
    assert mixed(Asked({"agent": 0.75, "chat": 0.25}, by=By.tokens), LENGTHS) == [
        "agent | 600 | 600 | 120,000 | 75.00 % of tokens | 75.00 % of tokens | 0.00%",
        "chat | 2,000 | 800 | 40,000 | 25.00 % of tokens | 25.00 % of tokens | 0.00%",
    ]
    assert mixed(Asked({"agent": 1.0, "chat": 1.0, "self": 1.0}, {"self": 10}, {"chat": 2.0}), LENGTHS) == [
        "agent | 600 | 600 | 120,000 | 1 passes | 1 passes | 0.00%",
        "chat | 2,000 | 1,200 | 60,000 | 2 per row | 2 per row | 0.00%",
        "self | 4 | 10 | 100 | 10 rows | 10 rows | 0.00%",
    ]


def test_where_the_rows_do_not_allow_it_the_account_says_so() -> None:
    lines = mixed(Asked({"agent": 2, "self": 1}, by=By.rows, size=10), LENGTHS)
    assert lines[-2:] == [
        "agent: 5.0% off what was asked: 7 rows are too few to come nearer",
        "self: 10.0% off what was asked: 3 rows are too few to come nearer",
    ]
    capped = mixed(Asked({"chat": 1.0}, caps={"chat": 500}), LENGTHS)
    assert capped[-1] == "chat: 75.0% off what was asked: data.caps or the size of the epoch leave it 500 rows"


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.95), st.integers(0, 1000))
def test_shares_by_tokens_are_met_to_half_a_percent_where_there_are_rows_enough(share: float, seed: int) -> None:
    lengths = {"a": [20 + (n * 37 + seed) % 900 for n in range(4000)], "b": [30 + (n * 53) % 200 for n in range(4000)]}
    pool = {"a": list(range(4000)), "b": list(range(4000, 8000))}
    mass = {name: [float(n) for n in rows] for name, rows in lengths.items()}
    asked = Asked({"a": share, "b": 1 - share}, by=By.tokens)
    means = {name: sum(rows) / len(rows) for name, rows in mass.items()}
    mix = Mix(pool, plan({"a": 4000, "b": 4000}, asked, means), seed, mass=mass)
    lines = account(mix, asked, lengths["a"] + lengths["b"])
    assert all(abs(line.got - line.asked) <= 0.005 for line in lines)
    assert all(line.off <= 0.005 for line in lines if line.rows >= 500)
