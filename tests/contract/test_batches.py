"""A batch says of each token its weights at both ends of a schedule and the dataset and field it belongs to."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from agentswift.conversation import FIELDS
from agentswift.engine.cache import Encodings, cached
from agentswift.engine.encode import Encoded
from agentswift.engine.job import Origins
from agentswift.weights import Scale, SpanRow
from tests.swift_template import swift_template

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from agentswift.engine.batch import IGNORED, Collator, Rows

USER, ACTION, ANSWER = (SpanRow(name, "", 0, 0, 1.0) for name in ("user", "action", "answer"))
ROWS = [
    Encoded([5, 6, 7, 8], [0, 1, 2, 2], (USER, ACTION, ANSWER), ""),
    Encoded([9, 10], [0, 0], (ANSWER,), ""),
    Encoded([11, 12, 13], [0, 1, 1], (USER, ACTION), ""),
]
ORIGINS = Origins.of(["agent", "agent", "chat"])
SCALE = Scale(
    {
        "fields": {"action": 0.0, "answer": 2.0},
        "by_dataset": {"chat": {"fields": {"action": 3.0}}},
        "schedule": {"to": {"fields": {"action": 1.0, "answer": 0.0}}},
    }
)


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    return Rows(cached(tmp_path / "k.arrow", lambda: ROWS), [0, 1, 2], ORIGINS)


def group(dataset: str, field: str) -> int:
    return ORIGINS.names.index(dataset) * len(FIELDS) + FIELDS.index(field)


def flat(batch: dict[str, Any], name: str) -> list[float]:
    """Return a column without what is padded."""
    found: list[float] = batch[name][batch["groups"] != -1].tolist()
    return found


@pytest.mark.parametrize("packing", [False, True])
def test_a_batch_has_both_ends_and_groups(rows: Rows, packing: bool) -> None:
    collate = Collator(swift_template(packing=packing), SCALE, ORIGINS.names)
    every = [rows[0], rows[1], rows[2]]
    batch = collate([every] if packing else every)
    assert batch["input_ids"].shape == ((1, 9) if packing else (3, 4))
    assert flat(batch, "input_ids") == [5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert flat(batch, "loss_scale") == [0, 0, 2, 2, 0, 2, 0, 3, 3]
    assert flat(batch, "loss_scale_end") == [0, 1, 0, 0, 0, 0, 0, 1, 1]
    assert flat(batch, "labels") == [IGNORED, 6, 7, 8, IGNORED, 10, IGNORED, 12, 13]
    agent = [group("agent", name) for name in ("user", "action", "answer", "answer", "answer", "answer")]
    assert flat(batch, "groups") == [*agent, *(group("chat", name) for name in ("user", "action", "action"))]
    padded = batch["groups"] == -1
    for name, value in (("loss_scale", 0), ("loss_scale_end", 0), ("labels", IGNORED)):
        assert (batch[name][padded] == value).all()
    assert {str(batch[name].dtype) for name in ("loss_scale", "loss_scale_end")} == {"torch.float32"}


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_padded_stands_where_ms_swift_pads(rows: Rows, side: str) -> None:
    template = swift_template()
    template.padding_side = side
    batch = Collator(template, SCALE, ORIGINS.names)([rows[0], rows[1], rows[2]])
    padded = batch["attention_mask"] == 0
    assert padded[1].tolist() == ([True] * 2 + [False] * 2 if side == "left" else [False] * 2 + [True] * 2)
    assert torch.equal(batch["groups"] == -1, padded)
    assert flat(batch, "loss_scale") == [0, 0, 2, 2, 0, 2, 0, 3, 3]
    assert flat(batch, "loss_scale_end") == [0, 1, 0, 0, 0, 0, 0, 1, 1]


def test_without_a_schedule_there_is_no_end(rows: Rows) -> None:
    assert "loss_scale_end" not in Collator(swift_template(), Scale({}), ORIGINS.names)([rows[0]])


def test_a_row_knows_the_dataset_it_came_from(tmp_path: Path) -> None:
    datasets = ["a"] * 3 + ["b"] + ["a"] * 2
    origins = Origins.of(datasets)
    assert (origins.names, origins.stretches) == (["a", "b"], [[0, 3], [1, 1], [0, 2]])
    assert [origins[row] for row in range(6)] == datasets
    encodings: Encodings = cached(tmp_path / "k.arrow", lambda: ROWS)
    assert Rows(encodings, [2, 0], ORIGINS)[0]["dataset"] == "chat"
