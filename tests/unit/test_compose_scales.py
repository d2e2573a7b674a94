"""A loss scale on the command line and in files: tables, datasets' own, ms-swift's files, both ends of a schedule."""

import json
from pathlib import Path

import pytest

from agentswift.compose import compose_run
from agentswift.errors import UsageError
from agentswift.schema.groups import LossScale
from agentswift.schema.runs import Check, Show, Stats, Train
from agentswift.weights import Scale, SpanRow, Weighing
from agentswift.weights.scale import PLAIN

ACTION = SpanRow("action", "", 0, 0, 1.0)
PARTS = "data.parts={agent-flan: 1.0, alpaca-zh: 1.0}"


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No registry of one's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


def composed(*words: str) -> LossScale:
    return compose_run("train", Train, list(words)).loss_scale


def mistake(*words: str) -> str:
    with pytest.raises(UsageError) as raised:
        composed(*words)
    return str(raised.value)


def option(folder: Path, name: str, text: str) -> str:
    file = folder / "conf" / "loss_scale" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"# Mine.\nname: {name}\n{text}", encoding="utf-8")
    return f"--config-dir={folder / 'conf'}"


def test_every_key_can_be_said_in_words() -> None:
    made = composed(
        "loss_scale=react",
        "loss_scale.labels.thought=0.5",
        "loss_scale.arguments.punctuation=0.1",
        "loss_scale.arguments={keys: 2}",
        "loss_scale.end_of_turn=2",
        "loss_scale.turns=last",
        "loss_scale.normalize=weights",
        "loss_scale.schedule.shape=cosine",
        "loss_scale.schedule.to.fields.thought=0",
        "loss_scale.by_dataset.quickstart.fields.action=5",
    )
    scale = Scale.of(made)
    assert (scale.name, scale.normalize, scale.shape) == ("react", "weights", "cosine")
    start, end = scale.weighing("quickstart"), scale.weighing("quickstart", end=True)
    assert (start.span(ACTION), start.end_of_turn, start.turns) == (5, 2, "last")
    assert start.arguments == {"punctuation": 0.1, "keys": 2}
    assert (start.field("thought"), end.field("thought")) == (1, 0)
    assert (start.field("label", "action"), start.field("label", "thought")) == (2, 0.5)


@pytest.mark.parametrize(("command", "shape"), [("show", Show), ("stats", Stats), ("check", Check)])
def test_what_only_looks_takes_the_same_keys(command: str, shape: type) -> None:
    words = ["data=quickstart", "loss_scale=react", "loss_scale.by_dataset.quickstart=flat"]
    made: LossScale = compose_run(command, shape, words).loss_scale
    assert Scale.of(made).weighing("quickstart") == Weighing()


def test_an_option_that_says_its_fields_alone_is_plain_in_all_else(tmp_path: Path) -> None:
    made = composed(option(tmp_path, "names4", "fields:\n  action: 4.0\n"), "loss_scale=names4")
    assert Scale.of(made).json() == Scale({"name": "names4", "fields": {"action": 4.0}}).json()


def test_a_dataset_may_have_an_option_of_its_own(tmp_path: Path) -> None:
    mine = option(tmp_path, "mine", "defaults: [react, _self_]\nfields:\n  action: 9.0\n")
    made = composed(mine, PARTS, "loss_scale=agentflan", "loss_scale.by_dataset.alpaca-zh=mine")
    scale = Scale.of(made)
    assert scale.weighing("agent-flan").span(ACTION) == 3
    chat = scale.weighing("alpaca-zh")
    assert (chat.field("action"), chat.field("action_input"), chat.field("label", "action")) == (9, 2, 2)


def test_a_file_of_ms_swifts_is_read_under_what_is_said_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps({"<tool_call>.+?</tool_call>": [3.0]}))
    made = composed(f"loss_scale.file={file}", "loss_scale.fields.action=5")
    assert made.name == "theirs"
    assert made.fields == {"action": 5.0, "action_input": 3.0}
    assert made.labels == {"action": 3.0, "action_input": 3.0}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["loss_scale.by_dataset.alpaca-hz=flat", PARTS],
            "the mix has no dataset 'alpaca-hz'. Did you mean alpaca-zh?",
        ),
        (["loss_scale.by_dataset.quickstart=falt"], "quickstart=falt: no such loss scale. Did you mean flat"),
        (["loss_scale.fields.end_of_turn=0"], "the stop token's weight stands by itself: loss_scale.end_of_turn=0"),
        (["loss_scale.argument.keys=0"], "Did you mean loss_scale.arguments"),
        (["loss_scale.turns=first"], "expected one of [all, last]"),
        (["loss_scale.normalize=rows"], "expected one of [tokens, weights]"),
        (["loss_scale.file=nowhere.json"], "nowhere.json cannot be read"),
        (["loss_scale.end_of_turn=-1"], "loss_scale.end_of_turn: -1.0 is no weight"),
    ],
)
def test_a_mistake_is_answered(words: list[str], says: str) -> None:
    assert says in mistake(*words)


def test_shipped_last_turn_and_arguments_only_train_what_their_names_say() -> None:
    last, arguments = (Scale.of(composed(f"loss_scale={name}")).weighing() for name in ("last_turn", "arguments_only"))
    assert last == Weighing(turns="last")
    written = ("thought", "action", "action_input", "answer", "text", "label", "end_of_turn")
    assert [arguments.field(name) for name in written] == [0, 0, 1, 0, 0, 0, 1]


def test_the_schema_in_the_docs_is_a_loss_scale(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "weights.md").read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    made = composed(option(tmp_path, "mine", example.replace("name: mine\n", "")), PARTS, "loss_scale=mine")
    scale = Scale.of(made)
    assert made.__dataclass_fields__.keys() - {"file"} == scale.json().keys() == PLAIN.keys()
    assert (scale.weighing("agent-flan").field("thought"), scale.weighing("alpaca-zh")) == (0.5, Weighing())
    assert (scale.weighing().field("action"), scale.weighing(end=True).field("action")) == (2, 1)


def test_a_file_stands_beside_no_other_option_and_takes_a_name(tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps({"<tool_call>.+?</tool_call>": [3.0]}))
    said = mistake("loss_scale=react", f"loss_scale.file={file}")
    assert f"loss_scale=react beside loss_scale.file={file}: both weigh fields" in said
    assert composed(f"loss_scale.file={file}", "loss_scale.name=foo").name == "foo"
    mine = composed(option(tmp_path, "mine", f"file: {file}\n"), "loss_scale=mine")
    assert (mine.name, mine.fields["action"]) == ("mine", 3.0)
    other = composed(option(tmp_path, "mine", f"file: {file}\n"), "loss_scale.by_dataset.quickstart=mine")
    assert Scale.of(other).weighing("quickstart").field("action") == 3.0


def test_the_place_of_self_in_a_datasets_option_counts(tmp_path: Path) -> None:
    mine = option(tmp_path, "mine", "defaults: [_self_, /loss_scale: react]\nfields:\n  action: 9.0\n  thought: 0.5\n")
    scale = Scale.of(composed(mine, "loss_scale.by_dataset.quickstart=mine"))
    assert scale.weighing("quickstart").field("action") == 2
    alone = option(tmp_path, "empty", "")
    assert Scale.of(composed(alone, "loss_scale.by_dataset.quickstart=empty")).weighing("quickstart") == Weighing()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n", "no YAML: "),
        ("fields: {action: [\n", "no YAML: "),
        ("feilds: {}\n", "no key 'feilds'. Did you mean fields"),
        ("defaults: [raect]\n", "defaults: no loss scale 'raect'. Did you mean react"),
        ("defaults: [mine]\n", "its defaults list comes back to itself"),
        ("end_of_turn: ${seed}\n", "${…} is not resolved here"),
    ],
)
def test_a_datasets_option_that_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    said = mistake(option(tmp_path, "mine", text), "loss_scale.by_dataset.quickstart=mine")
    assert "mine.yaml: " in said
    assert says in said


@pytest.mark.parametrize(
    "word", ["by_dataset.quickstart={1: 2}", "by_dataset.quickstart={schedule: {to: {fields: {1: 2}}}}"]
)
def test_a_key_that_is_no_name_is_answered(word: str) -> None:
    assert "1 is no name" in mistake(f"loss_scale.{word}")
