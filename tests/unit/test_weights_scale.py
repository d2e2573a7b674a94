"""Each key of a loss scale: what it does to weights, and what is said of a wrong one."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentswift.schema.groups import LossScale, Normalize, Schedule, Shape, Turns
from agentswift.weights import Budget, Scale, Share, SpanRow, check_scale, progressed


def row(field: str, *, of: str = "", part: str = "", turn: int = 0, weight: float = 1.0) -> SpanRow:
    return SpanRow(field, of, 0, turn, weight, part)


SPANS = [
    row("user"),
    row("label", of="action"),
    row("action"),
    row("label", of="thought"),
    row("action_input", part="key"),
    row("action_input", part="value"),
    row("action_input", part="punctuation"),
    row("end_of_turn"),
]
IDS = list(range(len(SPANS)))


def weights(said: dict[str, Any], dataset: str = "", *, end: bool = False) -> list[float]:
    return Scale(said).weigh(IDS, SPANS, dataset, end=end)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, [0, 1, 1, 1, 1, 1, 1, 1]),
        ({"labels": {"action": 2}}, [0, 2, 1, 1, 1, 1, 1, 1]),
        ({"labels": {"action": 2}, "fields": {"label": 0.5}}, [0, 2, 1, 0.5, 1, 1, 1, 1]),
        ({"arguments": {"keys": 0, "values": 3}, "fields": {"action_input": 2}}, [0, 1, 1, 1, 0, 6, 2, 1]),
        ({"arguments": {"punctuation": 0.5}}, [0, 1, 1, 1, 1, 1, 0.5, 1]),
        ({"end_of_turn": 0.25}, [0, 1, 1, 1, 1, 1, 1, 0.25]),
    ],
)
def test_a_key_weighs_what_it_names(said: dict[str, Any], expected: list[float]) -> None:
    assert weights(said) == expected


def test_a_plain_scale_that_was_changed_is_not_called_flat() -> None:
    assert [Scale(said).title for said in ({}, {"end_of_turn": 2}, {"name": "mine", "end_of_turn": 2})] == [
        "flat",
        "flat, changed",
        "mine",
    ]


def test_a_messages_own_weight_multiplies_all_of_it() -> None:
    spans = [replace(span, weight=0.5) for span in SPANS]
    scale = Scale({"arguments": {"values": 3}, "end_of_turn": 2})
    assert scale.weigh(IDS, spans) == [weight / 2 for weight in scale.weigh(IDS, SPANS)]


def test_with_turns_last_nothing_before_the_last_exchange_is_trained() -> None:
    spans = [row("system", turn=-1), row("user"), row("answer"), row("user", turn=1), row("action", turn=1)]
    spans += [row("observation", turn=1), row("end_of_turn", turn=1), row("user", turn=2)]
    scale = Scale({"turns": "last", "fields": {"user": 1.0, "system": 1.0}})
    assert scale.weigh(range(8), spans) == [0, 0, 0, 1, 1, 0, 1, 1]
    assert Scale({"turns": "last"}).weigh([0], [row("user")]) == [0]


def test_a_dataset_has_its_own_keys_put_over_those_of_all() -> None:
    said = {
        "fields": {"action": 2.0, "action_input": 2.0},
        "by_dataset": {"chat": {"fields": {"action": 1.0}, "end_of_turn": 3.0}, "flat": {"name": "flat", "fields": {}}},
    }
    assert weights(said)[2:5] == weights(said, "other")[2:5] == [2, 1, 2]
    assert weights(said, "chat") == [0, 1, 1, 1, 2, 2, 2, 3]
    assert weights(said, "flat") == weights({})


def test_a_schedule_leads_from_one_set_to_the_other() -> None:
    said = {
        "fields": {"action": 2.0, "action_input": 2.0},
        "schedule": {"shape": "cosine", "to": {"fields": {"action": 1.0}, "end_of_turn": 0.5}},
        "by_dataset": {"chat": {"fields": {"action": 5.0}}, "still": {"schedule": {"to": {"fields": {"action": 2.0}}}}},
    }
    assert weights(said) == weights({"fields": said["fields"]})
    assert weights(said, end=True) == weights({"fields": {"action": 1.0, "action_input": 2.0}, "end_of_turn": 0.5})
    assert (weights(said, "chat")[2], weights(said, "chat", end=True)[2]) == (5, 1)
    assert weights(said, "still", end=True)[2] == 2
    assert Scale(said).is_scheduled
    assert Scale(said).shape == "cosine"


@pytest.mark.parametrize(
    "said",
    [
        {"fields": {"action": 2.0}},
        {"fields": {"action": 2.0}, "schedule": {"to": {"fields": {"action": 2.0}}}},
        {"schedule": {"shape": "cosine"}},
    ],
)
def test_without_a_change_nothing_is_scheduled_and_the_end_is_the_start(said: dict[str, Any]) -> None:
    assert not Scale(said).is_scheduled
    assert weights(said, end=True) == weights(said)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_progress_goes_from_0_to_1_and_never_back(shape: str) -> None:
    way = [progressed(step / 20, shape) for step in range(21)]
    assert (way[0], way[20]) == (0.0, 1.0)
    assert way[10] == pytest.approx(0.5)
    assert all(a < b for a, b in pairwise(way))
    assert (progressed(-1, shape), progressed(2, shape)) == (0.0, 1.0)


def test_the_schemas_loss_scale_and_its_json_are_the_same_scale() -> None:
    made = LossScale(
        name="mine",
        fields={"action": 2.0},
        turns=Turns.last,
        normalize=Normalize.weights,
        schedule=Schedule(shape=Shape.cosine, to={"end_of_turn": 0.5}),
        file="theirs.json",
    )
    scale = Scale.of(made)
    said = json.loads(json.dumps(scale.json()))
    again = Scale.from_json(said)
    assert again.json() == scale.json()
    assert (again.name, again.normalize, again.shape, again.is_scheduled) == ("mine", "weights", "cosine", True)
    assert "file" not in said
    assert again.weigh(IDS, SPANS, end=True) == scale.weigh(IDS, SPANS, end=True)


def test_what_an_older_version_wrote_is_read() -> None:
    old = Scale.from_json({"name": "react", "fields": {"action": 2.0}})
    assert (old.name, old.normalize, old.is_scheduled) == ("react", "tokens", False)
    assert old.weigh(IDS, SPANS) == weights({"fields": {"action": 2.0}})


def test_a_stop_token_that_is_not_trained_is_said() -> None:
    assert Scale({}).notes() == []
    (said,) = Scale({"name": "mine", "end_of_turn": 0}).notes()
    assert said == "loss scale mine: end_of_turn=0: the stop token is not trained"
    found = Scale({"by_dataset": {"chat": {"end_of_turn": 0}}, "schedule": {"to": {"end_of_turn": 0}}}).notes()
    assert [line.split("end_of_turn=0")[1].split(":")[0] for line in found] == [" at the end", " of chat"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"fields": {"end_of_turn": 0.5}},
            "fields.end_of_turn: the stop token's weight stands by itself: loss_scale.en",
        ),
        (
            {"end_of_turn": -1},
            "loss_scale.end_of_turn: -1 is no weight. Give a number from 0 to 1e+06: 0 leaves the stop token out",
        ),
        (
            {"labels": {"actoin": 2}},
            "loss_scale.labels: no field that a label introduces 'actoin'. Did you mean action",
        ),
        ({"labels": 2}, "loss_scale.labels: 2 is no table of weights. Give names and numbers"),
        ({"arguments": {"key": 2}}, "loss_scale.arguments: no part of the arguments 'key'. Did you mean keys"),
        ({"arguments": {"keys": "2"}}, "loss_scale.arguments.keys: '2' is no weight"),
        ({"turns": "first"}, "loss_scale.turns: 'first' is neither all nor last"),
        ({"normalize": "rows"}, "loss_scale.normalize: 'rows' is neither tokens nor weights"),
        ({"schedule": {"shape": "steps"}}, "loss_scale.schedule.shape: 'steps' is neither linear nor cosine"),
        ({"schedule": {"to": 3}}, "leads to no weights. Give them, as {to: {fields: {action: 1}}}"),
        ({"schedule": {"too": {}}}, "loss_scale.schedule.too: no such key. Did you mean to"),
        ({"schedule": {"to": {"turns": "last"}}}, "loss_scale.schedule.to.turns: no such key. It may have"),
        ({"schedule": {"to": {"fields": {"actoin": 1}}}}, "loss_scale.schedule.to.fields: no field 'actoin'"),
        ({"by_dataset": {"agnet": {}}}, "by_dataset.agnet: the mix has no dataset 'agnet'. Did you mean agent"),
        ({"by_dataset": {"agent": 2}}, "by_dataset.agent: 2 is no loss scale. Give what differs"),
        ({"by_dataset": {"agent": {"fields": {"acton": 1}}}}, "by_dataset.agent.fields: no field 'acton'"),
        ({"by_dataset": {"agent": {"field": {}}}}, "by_dataset.agent.field: no such key. Did you mean fields"),
        ({"by_dataset": {"agent": {"turns": "x"}}}, "by_dataset.agent.turns: 'x' is neither all nor last"),
        ({"by_dataset": {"agent": {"normalize": "tokens"}}}, "agent.normalize: one loss is normalised one way"),
        ({"by_dataset": {"agent": {"name": "x", "normalize": "weights"}}}, "one loss is normalised one way"),
        ({"by_dataset": {"agent": {"by_dataset": {}}}}, "agent.by_dataset: an entry of by_dataset has none of its own"),
        ({"by_dataset": {"agent": {"schedule": {"shape": "cosine"}}}}, "all weights change alike"),
        ({"by_dataset": {"agent": {"schedule": 3}}}, "by_dataset.agent.schedule: 3 leads to no weights"),
    ],
)
def test_a_wrong_key_is_named_with_what_would_be_right(said: dict[str, Any], message: str) -> None:
    (found,) = check_scale(said, ["agent", "chat"])
    assert message in found


def test_a_right_one_is_let_pass() -> None:
    said = {
        "name": "mine",
        "labels": {"action": 2},
        "arguments": {"keys": 0},
        "by_dataset": {"chat": {"name": "flat", "fields": {}, "normalize": "tokens", "by_dataset": {}}},
        "schedule": {"shape": "cosine", "to": {"fields": {"thought": 0}, "arguments": {"keys": 1}, "labels": {}}},
    }
    assert list(check_scale(said, ["chat"])) == []


@given(st.dictionaries(st.sampled_from(["keys", "values", "punctuation"]), st.floats(0, 9)), st.floats(0, 9))
def test_a_budget_is_the_sum_of_the_weights_at_both_ends(arguments: dict[str, float], end: float) -> None:
    scale = Scale({"arguments": arguments, "schedule": {"to": {"fields": {"action": end}}}})
    summed = Budget(scale)
    summed.add("a", IDS, SPANS)
    summed.add("b", IDS[:3], SPANS)
    shares = summed.shares()
    assert sum(share.weight for share in shares) == pytest.approx(sum(weights(scale.said)) + 2)
    ends = [share.end_weight for share in shares if share.end_weight is not None]
    assert bool(ends) == scale.is_scheduled
    if ends:
        assert sum(ends) == pytest.approx(sum(weights(scale.said, end=True)) + 1 + end)
    whole = summed.datasets()
    assert [share.dataset for share in whole] == ["a", "b"]
    assert sum(share.share for share in whole) == pytest.approx(1)


def test_a_share_written_by_an_older_version_is_read() -> None:
    old = {"dataset": "", "field": "action", "tokens": 1, "trained": 1, "weight": 1.0, "share": 1.0}
    assert Share(**old).end_share is None  # type: ignore[arg-type]
