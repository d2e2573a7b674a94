"""A mix on the command line: NAME#N, numbers that do not go together, kinds there are not."""

from pathlib import Path
from typing import Any

import pytest

from agentswift.compose import compose_run
from agentswift.errors import UsageError
from agentswift.schema.groups import By, Order
from agentswift.schema.runs import Eval, Show, Train


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No registry of one's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


@pytest.mark.parametrize(
    ("words", "parts", "rows"),
    [
        (["data=quickstart#5"], {"quickstart": 1.0}, {"quickstart": 5}),
        (["data=quickstart", "data.rows.quickstart=5"], {"quickstart": 1.0}, {"quickstart": 5}),
        (["data.parts.quickstart-known#7=1.0"], {"quickstart": 1.0, "quickstart-known": 1.0}, {"quickstart-known": 7}),
        (["data.parts={quickstart#9: 1.0, alpaca-en: 2.0}"], {"quickstart": 1.0, "alpaca-en": 2.0}, {"quickstart": 9}),
        (["data.parts={alpaca-en:0.5}"], {"alpaca-en": 0.5}, {}),
    ],
)
def test_name_and_number_mean_so_many_rows(words: list[str], parts: dict[str, float], rows: dict[str, int]) -> None:
    for name, shape in (("train", Train), ("show", Show)):
        data: Any = compose_run(name, shape, words).data  # type: ignore[attr-defined]
        assert (data.parts, data.rows) == (parts, rows)


def test_an_option_of_ones_own_may_say_it_too(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("defaults: [card]\nparts: {alpaca-en#50: 1.0, quickstart: 2.0}\n")
    data = compose_run("train", Train, ["--config-dir", str(tmp_path), "data=mine"]).data
    assert (data.parts, data.rows) == ({"alpaca-en": 1.0, "quickstart": 2.0}, {"alpaca-en": 50})


def test_a_seeds_ratio_is_a_ratio() -> None:
    data = compose_run("train", Train, ["data=agentfabric"]).data
    assert data.ratios == {"ms-bench": 2.0}
    assert data.rows == {"self-cognition": 3000}


def test_words_are_read_as_what_they_mean() -> None:
    words = ["data.by=tokens", "data.size=100000", "data.order=interleaved", "data.tools=sampled 3"]
    data = compose_run("train", Train, words).data
    assert (data.by, data.size, data.order, data.tools) == (By.tokens, 100000, Order.interleaved, "sampled 3")
    assert compose_run("eval", Eval, ["split=0.1", "split_by=tool"]).split_by.value == "tool"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["data=agentmix#4"], "data.rows.agentmix: not among data.parts"),
        (["data.size=100"], "data.size=100: 1 or more, with data.by="),
        (["data.by=token"], "token"),
        (["data.ratios.alpaca-en=2"], "data.ratios.alpaca-en: not among data.parts"),
        (["data.caps.quickstart=-1"], "data.caps.quickstart=-1: must be 0 or more"),
        (["data.rows.quickstart=3", "data.ratios.quickstart=1"], "one of the two"),
        (["data.near=0"], "data.near=0.0: how alike"),
        (["data.tools=sampled"], 'data.tools=sampled: given, shuffled, or "sampled N"'),
        (["data.negatives.tool_remove=0.1"], "Did you mean tool_removed"),
        (["data.negatives.tool_removed=-0.1"], "data.negatives.tool_removed=-0.1: a share of the rows"),
        (["split_by=tols"], "tool"),
    ],
)
def test_what_cannot_be_meant_is_answered(words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        compose_run("train", Train, words)
    assert says in str(raised.value)
