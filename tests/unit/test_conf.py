"""Everything in conf/ composes, with every command that could choose it, and says when to choose it."""

import re
from pathlib import Path

import pytest
import yaml

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.cards import find_cards
from agentswift.compose import compose_run
from agentswift.compose.help import examples
from agentswift.compose.keys import groups, keys
from agentswift.mix import Asked, plan
from agentswift.schema.runs import Check, Eval, Export, List, Register, Show, Stats, Train
from agentswift.weights import check_scale

CONF = Path(__file__).parents[2] / "conf"
SHAPES: dict[str, type] = {
    "train": Train,
    "export": Export,
    "eval": Eval,
    "show": Show,
    "stats": Stats,
    "check": Check,
    "list": List,
    "register": Register,
}
NEEDED = {"register": ["name=x", "path=x.jsonl"], "export": ["checkpoint=x"]}
OPTIONS = [
    file.relative_to(CONF).with_suffix("")
    for file in sorted(CONF.rglob("*/*.yaml"))
    if file.parent.name != "hydra" and file.parent != CONF
]
CHOICES = [
    (name, str(option.parent), option.name)
    for option in OPTIONS
    for name, shape in SHAPES.items()
    if str(option.parent) in groups(shape)
    or (str(option.parent) == "experiment" and name in ("train", "show", "stats", "check"))
]


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No registry of one's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


@pytest.mark.parametrize(("name", "group", "option"), CHOICES)
def test_an_option_composes_with_each_command_that_has_its_group(name: str, group: str, option: str) -> None:
    run: object = compose_run(name, SHAPES[name], [f"{group}={option}", *NEEDED.get(name, [])])
    assert type(run) is SHAPES[name]


@pytest.mark.parametrize("name", SHAPES)
def test_the_examples_of_a_command_compose(name: str) -> None:
    commands = examples(CONF / f"{name}.yaml")
    assert len(commands) >= 2 or name == "list"
    for words in (command.split()[2:] for command in commands):
        if "-m" not in words:
            compose_run(name, SHAPES[name], [*words, *NEEDED.get(name, [])] if name != "register" else words)


@pytest.mark.parametrize("name", SHAPES)
def test_every_key_says_what_it_means(name: str) -> None:
    assert [key.name for key in keys(SHAPES[name]).values() if not key.about] == []


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_an_option_says_when_to_choose_it_first(option: Path) -> None:
    lines = (CONF / option).with_suffix(".yaml").read_text(encoding="utf-8").splitlines()
    first = lines[1] if lines[0] == "# @package _global_" else lines[0]
    assert re.match(r"# \S.*[.:]$", first)
    assert len(first) <= 140


def test_every_part_of_a_mix_has_a_card() -> None:
    cards = find_cards([])
    for file in (CONF / "data").glob("*.yaml"):
        assert set(yaml.safe_load(file.read_text(encoding="utf-8")).get("parts", {})) <= set(cards)


def test_templates_and_loss_scales_name_what_there_is() -> None:
    assert {file.stem for file in (CONF / "template").glob("*.yaml")} == {*AGENT_TEMPLATES, "native"}
    for file in (CONF / "template").glob("*.yaml"):
        assert yaml.safe_load(file.read_text(encoding="utf-8"))["agent_template"] == file.stem
    for file in (CONF / "loss_scale").glob("*.yaml"):
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert values["name"] == file.stem
        assert not list(check_scale(values))


def test_the_seeds_recipes_have_the_seeds_numbers() -> None:
    """Numbers of SEEDS.md, which the recipes comment on."""
    agent, fabric, flan, ai = (
        compose_run("train", Train, [f"experiment={name}"])
        for name in ("llama3_chinese_agent", "agentfabric_qwen7b", "agentflan_llama3_qlora", "ai_agent_llama3")
    )
    rows = agent.per_device_train_batch_size * agent.gradient_accumulation_steps * agent.launch.nproc_per_node
    assert (rows, agent.learning_rate, agent.max_length, agent.weight_decay) == (256, 5e-5, 2048, 0.01)
    assert (agent.loss_scale.name, agent.tuner.lora_alpha, agent.warmup_ratio) == ("react", 32, 0.03)
    rows = fabric.per_device_train_batch_size * fabric.gradient_accumulation_steps * fabric.launch.nproc_per_node
    assert (rows, fabric.max_length, fabric.max_grad_norm) == (64, 1500, 0.5)
    available = dict(zip(fabric.data.parts, (30000, 488, 380000, 108), strict=True))
    planned = plan(available, Asked(fabric.data.parts, fabric.data.rows, fabric.data.ratios))
    assert list(planned.values()) == [30000, 488, 2 * (30000 + 488), 3000]
    assert (fabric.data.model_name, fabric.data.model_author) == (["卡卡罗特"], ["陶白白"])
    assert (flan.tuner.quant_bits, flan.tuner.lora_rank, flan.tuner.lora_alpha, flan.packing) == (4, 64, 16, True)
    assert (flan.learning_rate, flan.max_length, flan.model.torch_dtype) == (2e-4, 4096, "float16")
    assert (ai.learning_rate, ai.warmup_ratio, ai.tuner.lora_rank, len(ai.tuner.target_modules)) == (1e-5, 0.1, 16, 7)
    assert ai.compute.deepspeed == "zero3_offload"
