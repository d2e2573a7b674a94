"""The plugin for plain `swift sft`: ids and weights are agentswift's own; ms-swift's hooks are as we take them."""

import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.engine.embedded import tiny
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.plugin import PREFIX, plugin_file
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.errors import UsageError
from agentswift.formats import messages, ms_swift
from agentswift.weights import Scale
from tests.plugged import plugged_in, template

ROOT = Path(__file__).parents[2]
REACT: dict[str, Any] = yaml.safe_load((ROOT / "conf/loss_scale/react.yaml").read_text(encoding="utf-8"))
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "天气 of a \"city\".", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}}  # fmt: skip
CALL = {"role": "tool_call", "content": '{"name": "get_weather", "arguments": {"city": "北京", "days": 2}}'}
RESULT = {"role": "tool_response", "content": "Action: sunny\nAction Input: none"}
TALK: dict[str, Any] = {
    "tools": json.dumps([TOOL], ensure_ascii=False),
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "北京?"},
        {"role": "assistant", "content": "Let me look.\nFirst there."},
        CALL,
        {**CALL, "loss": False},
        RESULT,
        RESULT,
        {"role": "assistant", "content": "Sunny.", "loss_scale": 3.0},
        {"role": "user", "content": "Thanks"},
        {"role": "assistant", "content": "<think>\nPolite.\n</think>\n\nBye."},
    ],
}
WHOLE = {**TALK, "messages": [m for m in TALK["messages"] if "loss" not in m]}  # ms-swift has one flag for both calls
CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}


@pytest.fixture(autouse=True, scope="module")
def _plugged() -> Iterator[None]:
    with plugged_in():
        yield


def rows() -> list[dict[str, Any]]:
    lines = (ROOT / "registry/data/quickstart/train.jsonl").read_text(encoding="utf-8").splitlines()[::45]
    return [TALK, CHAT, *(ms_swift.write(messages.read(json.loads(line))) for line in lines)]


@cache
def encoder(name: str) -> Encoder:
    tokenizer = load_tokenizer(tiny())
    return Encoder(tokenizer, load_chat("chatml", tokenizer), AGENT_TEMPLATES[name])


def own(row: dict[str, Any], name: str, scale: dict[str, Any]) -> tuple[list[int], list[float]]:
    """Return ids and weights as `agentswift train` makes them."""
    (made,) = encoder(name).encode([messages.read(row)])
    weights = Scale.of(scale).weigh(made.span_ids, made.spans)
    return made.input_ids, [0.0, *weights[1:]]  # nothing predicts the first token


def text_of(ids: list[int]) -> str:
    return str(template(None).tokenizer.decode(ids))


def weighed(encoded: dict[str, Any], text: str) -> list[float]:
    """Return the weights of the tokens of `text`, where it stands first."""
    tokenizer = template(None).tokenizer
    pieces = [tokenizer.decode(encoded["input_ids"][: i + 1]) for i in range(len(encoded["input_ids"]))]
    start = pieces[-1].index(text)
    return [w for w, piece in zip(encoded["loss_scale"], pieces, strict=True)
            if start < len(piece) <= start + len(text)]  # fmt: skip


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
def test_ids_and_weights_are_agentswifts_own(name: str) -> None:
    theirs = template(PREFIX + name, PREFIX + "react")
    for row in rows():
        encoded = theirs.encode(row)
        ids, weights = own(row, name, REACT)
        assert encoded["input_ids"] == ids
        assert encoded["loss_scale"] == weights
        assert encoded["labels"] == [i if w > 0 else -100 for i, w in zip(ids, weights, strict=True)]


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
def test_with_ms_swifts_default_loss_scale_ours_is_flat_and_inference_feeds_the_same_prefix(name: str) -> None:
    theirs = template(PREFIX + name)
    ids, weights = own(TALK, name, {})
    encoded = theirs.encode(TALK)
    assert encoded["input_ids"] == ids
    assert encoded["labels"] == [i if w > 0 else -100 for i, w in zip(ids, weights, strict=True)]
    theirs.set_mode("transformers")
    asked = theirs.encode({**TALK, "messages": TALK["messages"][:-1]})
    assert asked["input_ids"] == ids[: len(asked["input_ids"])]
    assert "labels" not in asked


def test_a_last_round_is_trained_alone() -> None:
    ids, weights = own(TALK, "hermes", REACT)
    encoded = template(PREFIX + "hermes", f"last_round+{PREFIX}react").encode(TALK)
    assert encoded["input_ids"] == ids
    trained = [i for i, w in enumerate(encoded["loss_scale"]) if w]
    assert trained == [i for i, w in enumerate(weights) if w and i >= trained[0]]
    assert template(None).tokenizer.decode([ids[i] for i in trained]) == "<think>\nPolite.\n</think>\n\nBye.<|im_end|>"


@pytest.mark.parametrize("name", ["hermes", "react_en", "qwen_zh", None])
def test_ids_of_text_are_those_of_the_default_whatever_the_weights(name: str | None) -> None:
    plain = template(name).encode(TALK)["input_ids"] if name else template(None).encode(CHAT)["input_ids"]
    for scale in ("flat", "react", "hermes", "agentflan", "agentfabric"):
        encoded = template(name, PREFIX + scale).encode(TALK if name else CHAT)
        assert encoded["input_ids"] == plain


def test_text_is_weighed_by_reading_it_back() -> None:
    encoded = template("hermes", PREFIX + "react").encode(WHOLE)
    assert set(weighed(encoded, "Let me look.\nFirst there.")) == {1.0}
    assert set(weighed(encoded, "get_weather")) == {0.0}  # in the tools
    call = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "北京", "days": 2}}\n</tool_call>'
    assert sorted(set(weighed(encoded, call))) == [1.0, 2.0]
    assert set(weighed(encoded, RESULT["content"])) == {0.0}
    assert set(weighed(encoded, "Sunny.<|im_end|>")) == {3.0}


def test_text_that_is_written_otherwise_weighs_1_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from agentswift.engine.plugin import replies

    said: list[str] = []
    monkeypatch.setattr(replies, "note", lambda what, why: said.append(f"{what}: {why}"))
    encoded = template("react_en", PREFIX + "react").encode(WHOLE)  # ms-swift writes a Python dict
    assert set(weighed(encoded, "Action: get_weather\nAction Input: {'city'")) == {1.0}
    assert "replies are weighed 1 as a whole: react_en does not write it as it stands" in said[0]
    template("glm4", PREFIX + "react").encode(WHOLE)
    assert "no agent template of ours is called 'glm4'" in said[-1]


def test_a_row_that_cannot_be_read_goes_ms_swifts_way_with_our_words_and_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from agentswift.engine.plugin import templates

    said: list[str] = []
    monkeypatch.setattr(templates, "note", lambda what, why: said.append(f"{what}: {why}"))
    orphan = {**TALK, "messages": [*TALK["messages"][:3], CALL, RESULT, RESULT, *TALK["messages"][7:]]}
    for name in AGENT_TEMPLATES:
        encoded = template(PREFIX + name, PREFIX + "flat").encode(orphan)
        text = template(None).tokenizer.decode(encoded["input_ids"])
        assert text.count("sunny") == 2
        assert AGENT_TEMPLATES[name].system("Be brief.", messages.read(TALK).tools).text in text
        assert set(weighed(encoded, "Bye.<|im_end|>")) == {1.0}
    assert len(said) == len(AGENT_TEMPLATES)
    assert said[0].startswith("rows are encoded ms-swift's way: a tool's result without a call")


def test_a_stop_of_weight_0_stays_so(tmp_path: Path) -> None:
    from agentswift.engine.plugin.register import register_loss_scale

    (tmp_path / "mine.yaml").write_text("name: quiet\nfields: {answer: 0.5}\nend_of_turn: 0\n")
    name = register_loss_scale(tmp_path / "mine.yaml")
    for agent_template in (PREFIX + "hermes", "hermes"):
        encoded = template(agent_template, name).encode(TALK)
        assert set(weighed(encoded, "Sunny.")) == {1.5}
        assert weighed(encoded, "Sunny.<|im_end|>")[-1] == 0.0
    assert register_loss_scale(tmp_path / "mine.yaml") == name  # the same again is no clash
    (tmp_path / "mine.yaml").write_text("name: quiet\nfields: {answer: 7.0}\n")
    with pytest.raises(UsageError, match="there is a loss scale 'quiet' already"):
        register_loss_scale(tmp_path / "mine.yaml")


def test_nothing_behind_a_stop_is_trained() -> None:
    """White space goes with the token before it, but not with a stop: gemma has a line break behind its own."""
    for agent_template in ("hermes", None):
        encoded = template(agent_template, PREFIX + "react", chat="gemma").encode(CHAT)
        pieces = [text_of(encoded["input_ids"][: i + 1]) for i in range(len(encoded["input_ids"]))]
        behind = [w for w, piece in zip(encoded["loss_scale"], pieces, strict=True) if piece.endswith("of_turn>\n")]
        assert behind
        assert not any(behind)


def test_a_template_that_reads_its_contexts_as_text_is_given_ids() -> None:
    from swift.template import TEMPLATE_MAPPING

    assert template(PREFIX + "hermes", PREFIX + "react", chat="seed_oss").encode(TALK)["input_ids"]
    assert template("hermes", PREFIX + "react", chat="seed_oss").encode(TALK)["input_ids"]
    own = {m.template_cls.__mro__[2] for m in TEMPLATE_MAPPING.values() if m.template_cls.__name__.startswith("Exact_")}
    simplify = [theirs.__name__ for theirs in own if "_simplify_context_list" in vars(theirs)]
    assert set(simplify) <= {"Template", "SeedTemplate"}  # whose work on the contexts is left out where they are ids


def test_ones_own_yaml_is_named_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from swift.loss_scale import loss_scale_map

    from agentswift.engine.plugin.register import register

    (tmp_path / "loud.yaml").write_text("name: loud\nfields: {action: 9.0}\n")
    (tmp_path / "theirs.json").write_text('{"<tool_call>.+?</tool_call>": [4.0]}')
    monkeypatch.setenv("AGENTSWIFT_LOSS_SCALES", str(tmp_path))
    register()
    assert PREFIX + "loud" in loss_scale_map
    encoded = template(PREFIX + "hermes", PREFIX + "theirs").encode(WHOLE)
    assert set(weighed(encoded, '"arguments": {"city": "北京"')) == {4.0}
    monkeypatch.setenv("AGENTSWIFT_LOSS_SCALES", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="nowhere is not there"):
        register()


def test_chains_are_refused_but_for_the_one_that_ms_swift_makes_itself() -> None:
    hybrid = template(PREFIX + "hermes", f"{PREFIX}react+ignore_empty_think")
    assert hybrid.encode(TALK)["loss_scale"] == own(TALK, "hermes", REACT)[1]
    with pytest.raises(UsageError, match="stands alone"):
        template("hermes", f"{PREFIX}react+hermes").encode(TALK)
    with pytest.raises(UsageError, match="weighs 0 unless"):
        template("hermes", f"all+{PREFIX}react").encode(TALK)


def test_calls_are_read_from_replies() -> None:
    adapter = template(PREFIX + "react_en").agent_template
    reply = 'Thought: look\nAction: get_weather\nAction Input: {"city": "北京"}\nObservation:'
    (function,) = adapter.get_toolcall(reply, tools=[TOOL])
    assert (function.name, function.arguments) == ("get_weather", '{"city": "北京"}')
    assert adapter.keyword.observation == "Observation:"
    assert template(PREFIX + "hermes").agent_template.get_toolcall("Hello.") == []


def test_another_process_has_ms_swifts_own_as_they_were_and_unpickles_ours(tmp_path: Path) -> None:
    names = [("hermes", "hermes"), ("react_en", "react"), ("qwen_en", "default"), ("hermes", "last_round")]
    here = [template(*pair).encode(TALK) for pair in names]
    ours = template(PREFIX + "hermes", PREFIX + "react")
    encoded = ours.encode(TALK)  # and so with an encoder in it
    (tmp_path / "template").write_bytes(pickle.dumps((ours, TALK)))
    code = (
        "import pickle, sys, warnings; warnings.simplefilter('ignore')\n"
        "from tests.plugged import template\nfrom tests.contract.test_plugin import TALK\n"
        f"print([template(*pair).encode(TALK) for pair in {names}])\n"
        "assert not [name for name in sys.modules if name.startswith('agentswift.engine.plugin.')]\n"
        f"ours, row = pickle.loads(open({str(tmp_path / 'template')!r}, 'rb').read())\n"
        "print(ours.encode(row))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert [line for line in done.stdout.splitlines() if line[0] in "[{"][-2:] == [str(here), str(encoded)]


def test_the_plugin_is_one_import_and_its_path_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agentswift.engine.plugin"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(plugin_file())
    lines = plugin_file().read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith('"""')] == [
        "import agentswift.engine.plugin.register  # noqa: F401"
    ]


def test_ms_swift_calls_what_we_replace_by_these_names_and_in_this_order() -> None:
    from swift.loss_scale import LossScale, get_loss_scale
    from swift.template import Template
    from swift.trainers import TrainerFactory
    from swift.utils import import_external_file

    encode = inspect.getsource(Template._encode)
    order = [
        "_swift_prepare_inputs(inputs)",
        "self._swift_encode(inputs)",
        "_simplify_context_list",
        "_add_dynamic_eos",
    ]
    assert [encode.index(name) for name in order] == sorted(encode.index(name) for name in order)
    assert "self._add_dynamic_eos(" in encode
    assert "**inputs.extra_kwargs" in inspect.getsource(Template._swift_encode)
    assert isinstance(Template.loss_scale, property)
    assert "loss_scale_map[ls_names[0]](base_strategy)" in inspect.getsource(get_loss_scale)
    parameters = ["self", "context", "context_type", "query", "loss", "loss_scale", "is_last_round"]
    assert list(inspect.signature(LossScale._inner_call).parameters) == parameters
    assert TrainerFactory.TRAINER_MAPPING["causal_lm"] == "agentswift.engine.plugin.trainer.PluginTrainer"
    assert list(inspect.signature(import_external_file).parameters) == ["file_path"]
