"""ms-swift's own loss-scale files are translated, or refused with each fault by its key."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentswift.errors import UsageError
from agentswift.weights.swift_file import read_swift_file

CONF = Path(__file__).parents[2] / "conf" / "loss_scale"
_SPEC = find_spec("swift")
assert _SPEC is not None
assert _SPEC.submodule_search_locations
THEIRS = Path(_SPEC.submodule_search_locations[0]) / "loss_scale" / "config"
REACT = json.loads((THEIRS / "react.json").read_text(encoding="utf-8"))


def read(folder: Path, values: Any) -> dict[str, Any]:
    file = folder / "mine.json"
    file.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return read_swift_file(str(file))


@pytest.mark.parametrize("name", ["react", "qwen", "hermes"])
def test_their_files_say_what_our_options_of_the_same_name_say(name: str) -> None:
    ours = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    theirs = read_swift_file(str(THEIRS / f"{name}.json"))
    assert ours["fields"].items() <= theirs["fields"].items()
    assert {label: weight for label, weight in theirs["labels"].items() if weight != 1} == ours["labels"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("agentflan", 'agentflan.json: "query" weighs an answer by what the user asks'),
        ("alpha_umi", "ms-swift's own alpha_umi is loss_scale=alpha_umi here"),
        ("ignore_empty_think", "here template.thinking says"),
        ("ignore_think_prefix", "here template.thinking says"),
    ],
)
def test_what_is_no_field_is_refused(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_swift_file(str(THEIRS / f"{name}.json"))


def test_the_response_half_of_agentflan_is_read_without_what_has_no_colon(tmp_path: Path) -> None:
    response = json.loads((THEIRS / "agentflan.json").read_text(encoding="utf-8"))["response"]
    with pytest.raises(UsageError) as raised:
        read(tmp_path, response)
    assert str(raised.value).count("has no colon: ms-swift finds it in the middle of any sentence") == 2
    ours = yaml.safe_load((CONF / "agentflan.yaml").read_text(encoding="utf-8"))
    found = read(tmp_path, {key: weights for key, weights in response.items() if key.endswith(":")})
    assert found["fields"] == ours["fields"]
    assert {label: weight for label, weight in found["labels"].items() if weight != 1} == ours["labels"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({**REACT, "<tool_call>.+?</tool_call>": [2.0]}, "a key with one weight counts for nothing beside 'Action:'"),
        ({"Action:": 2.0}, "'Action:': 2.0 must be a list, [2.0]; ms-swift fails on a number alone"),
        ({"Action:": [2, 2, 2]}, "'Action:': [2, 2, 2] is neither [weight] nor"),
        ({"Action:": [-1.0, 2]}, "is neither [weight] nor"),
        ({"Action:": [True, 2]}, "is neither [weight] nor"),
        ({"Action:": "2"}, "is neither [weight] nor"),
        ({"(": [2.0]}, "'(' has one weight, so it is a pattern, and is none"),
        ({**REACT, "Thought": [1.0, 1.0]}, "'Thought' has no colon"),
        ({**REACT, "ACTION:": [1.0, 3.0]}, "'ACTION:': 3.0 for action, and 2.0 by another key"),
        (
            {**REACT, "Actoin:": [1.0, 3.0]},
            "'Actoin:' is no field here, so what it weighs cannot be told. Did you mean",
        ),
        ({"Observation:": [2.0, 0.0]}, "'Final Answer:' is missing: ms-swift would give all behind it"),
        ({"<tool_response>.+": [0.0]}, "is no field here"),
        ({}, "an object is wanted"),
        ([1], "an object is wanted"),
        ("{", "is no JSON"),
    ],
)
def test_a_fault_is_named_with_file_and_key(tmp_path: Path, values: Any, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, values)
    assert says in str(raised.value)
    assert "mine.json" in str(raised.value)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, {**REACT, "Action:": 2.0, "Actoin:": [1.0, 3.0]})
    assert [line.partition(": ")[2][:9] for line in str(raised.value).splitlines()] == ["'Action:'", "'Actoin:'"]


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json cannot be read: No such file"):
        read_swift_file("nowhere.json")
