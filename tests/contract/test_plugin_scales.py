"""The plugin reads a loss scale's YAML as a run does."""

import warnings
from pathlib import Path

import pytest

from agentswift.errors import UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from agentswift.engine.plugin.loss_scales import read_scale


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: a\nfields: {actoin: 1}", "no field 'actoin'. Did you mean action"),
        ("name: a\nfeilds: {}", "no key 'feilds'. Did you mean fields"),
        ("name: a\nschedule: {to: {fields: {action: 1}}}\nfields: {action: 5}", "agentswift train` has schedules"),
        ("- a", "a loss scale is a YAML with name: and fields:"),
        ("a: [", "no YAML: "),
        ("schedule: 3", "schedule: 3 leads to no weights"),
        ("by_dataset: [x]", "by_dataset: ['x'] is no table"),
        ("fields: {1: 2}", "loss_scale.fields: 1 is no name"),
        ("by_dataset: {x: b}", "b.yaml: no key 'c'"),
        ("defaults: [raect]", "no loss scale 'raect'. Did you mean react"),
    ],
)
def test_a_yaml_that_cannot_be_used_is_named_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text("c: 1")
    with pytest.raises(UsageError, match=r"[ab]\.yaml: ") as error:
        read_scale(tmp_path / "a.yaml")
    assert fault in str(error.value)


def test_a_yaml_takes_over_others_as_in_a_run(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("fields: {thought: 0.5}")
    (tmp_path / "a.yaml").write_text("defaults: [react]\nfields: {action: 5}\nby_dataset: {x: b}")
    scale = read_scale(tmp_path / "a.yaml")
    assert (scale.name, scale.weighing().field("action"), scale.weighing().field("action_input")) == ("react", 5, 2)
    assert scale.weighing("x").fields == {"thought": 0.5}
    with pytest.raises(UsageError, match=r"nowhere\.yaml cannot be read"):
        read_scale(tmp_path / "nowhere.yaml")
