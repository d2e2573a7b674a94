"""Fields times a loss scale give weights; a budget says where they go."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentswift.conversation import FIELDS, WRITTEN
from agentswift.weights import Scale, Share, SpanRow, Weighing, budget, check_scale


def row(field: str, weight: float = 1.0, of: str = "") -> SpanRow:
    return SpanRow(field, of, 0, 0, weight)


REACT = Scale({"fields": {"action": 2.0, "action_input": 2.0, "label": 0.5, "observation": 0}})
SPANS = [row("user"), row("label", of="action"), row("action"), row("observation"), row("answer"), row("answer", 0.0)]


@pytest.mark.parametrize(
    ("field", "fields", "weight"),
    [
        ("answer", {}, 1),
        ("label", {}, 1),
        ("end_of_turn", {}, 1),
        ("observation", {}, 0),
        ("user", {}, 0),
        ("user", {"user": 0.1}, 0.1),
        ("answer", {"answer": 0}, 0),
        ("answer", {"action": 3}, 1),
    ],
)
def test_a_field_weighs_what_it_is_named_else_one_where_written(
    field: str, fields: dict[str, Any], weight: float
) -> None:
    assert Weighing(fields).field(field) == weight


def test_each_token_takes_its_spans_weight_times_its_messages() -> None:
    assert REACT.weigh([0, 1, 2, 2, 3, 4, 5, -1], SPANS) == [0, 0.5, 2, 2, 0, 1, 0, 0]
    assert Scale({"fields": {"answer": 2}}).weigh([4], [*SPANS[:4], row("answer", 2.5)]) == [5]
    assert Scale({}).weigh([], []) == []


@given(
    fields=st.dictionaries(st.sampled_from([name for name in FIELDS if name != "end_of_turn"]), st.floats(0, 100)),
    ids=st.lists(st.integers(-1, 5)),
)
def test_weights_are_as_many_as_tokens_and_never_negative(fields: dict[str, Any], ids: list[int]) -> None:
    assert not list(check_scale({"fields": fields}))
    weights = Scale({"fields": fields}).weigh(ids, SPANS)
    assert len(weights) == len(ids)
    assert all(weight >= 0 for weight in weights)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"actions": 2}, "no field 'actions'. Did you mean action"),
        ({"action": -1}, "fields.action: -1 is no weight"),
        ({"action": math.nan}, "nan is no weight"),
        ({"action": math.inf}, "inf is no weight"),
        ({"action": True}, "True is no weight"),
        ({"action": "2"}, "'2' is no weight"),
        ({"action": None}, "None is no weight"),
    ],
)
def test_a_wrong_loss_scale_is_refused(fields: dict[str, Any], message: str) -> None:
    (said,) = check_scale({"fields": fields})
    assert message in said


def test_the_budget_adds_up_field_by_field() -> None:
    rows = [("a", [0, 0, 2, 4, 4], SPANS), ("b", [3, 2, 5], SPANS)]
    assert budget(rows, REACT) == [
        Share("", "user", 2, 0, 0.0, 0.0),
        Share("", "action", 2, 2, 4.0, 4 / 6),
        Share("", "observation", 1, 0, 0.0, 0.0),
        Share("", "answer", 3, 2, 2.0, 2 / 6),
    ]


def test_the_budget_is_told_apart_by_dataset() -> None:
    rows = [("b", [0, 2], SPANS), ("a", [4, 4], SPANS), ("b", [0], SPANS), ("c", [3], SPANS)]
    assert budget(rows, REACT, by_dataset=True) == [
        Share("b", "user", 2, 0, 0.0, 0.0),
        Share("b", "action", 1, 1, 2.0, 1.0),
        Share("a", "answer", 2, 1, 1.0, 1.0),  # a row's first token is never trained
        Share("c", "observation", 1, 0, 0.0, 0.0),
    ]
    assert budget([], REACT) == []


def test_all_that_the_model_writes_is_a_field() -> None:
    assert set(FIELDS) >= WRITTEN
