"""All assistant turns in one pass: loss and gradient of one row an assistant turn, normalised alike."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import torch

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.agent_templates.thinking import Thinking, thinking_of
from agentswift.conversation import Conversation, Tool, Turn
from agentswift.engine.embedded import tiny
from agentswift.engine.encode import Encoder, load_chat
from tests.steps import answer, call, result, thought
from tests.tokenizers import tokenizer

TALK = Conversation(
    system="Be brief.",
    tools=(Tool(name="amap_weather", description="天气", parameters={"type": "object", "properties": {}}),),
    turns=(
        Turn(user="朝阳区?", steps=(thought("我来查。"), call(location="朝阳区"), result("晴，25度"), answer("晴。"))),
        Turn(
            user="Rome and Oslo?",
            steps=(call(location="Rome"), call(location="Oslo"), result("sun"), result("Action: snow"), answer("ok")),
        ),
        Turn(user="Thanks", steps=(answer("Bye."),)),
        Turn(user="Paris?", steps=(thought("Again."), call(location="Paris"), result("rain"), answer("Rain."))),
    ),
)
PLAIN = Conversation(turns=(Turn(user="Hi", steps=(answer("Hello."),)), Turn(user="Bye", steps=(answer("Bye."),))))


@pytest.fixture
def one_pass(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return import_module("one_pass")


@pytest.fixture(scope="module")
def model() -> Any:
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    return AutoModelForCausalLM.from_pretrained(tiny(), dtype=torch.float32)


def encoder(name: str, thinking: Thinking = "keep") -> Encoder:
    words = tokenizer("smollm2")
    return Encoder(words, load_chat("chatml", words), AGENT_TEMPLATES[name], thinking)


def trained(one_pass: Any, model: Any, rows: list[Any], items: int) -> tuple[float, torch.Tensor]:
    """Return the loss of rows together, and the gradient of all weights."""
    model.zero_grad()
    loss = sum(one_pass.step(model, row, items) for row in rows)
    return loss, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def assert_same(one_pass: Any, model: Any, one: Any, rows: list[Any]) -> None:
    items = one.trained
    assert items == sum(row.trained for row in rows)
    loss, gradient = trained(one_pass, model, [one], items)
    split, of_split = trained(one_pass, model, rows, items)
    assert loss == pytest.approx(split, rel=1e-5)
    assert torch.cosine_similarity(gradient, of_split, dim=0) >= 0.9999
    assert gradient.norm() == pytest.approx(of_split.norm().item(), rel=1e-4)


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
@pytest.mark.parametrize("talk", [TALK, PLAIN], ids=["tools", "plain"])
def test_what_is_before_a_turn_is_the_same_however_long_it_goes_on(
    one_pass: Any, name: str, talk: Conversation
) -> None:
    words = encoder(name)
    (one,) = one_pass.weighted(words, [talk])
    rows = one_pass.weighted(words, list(one_pass.splits(talk)), cut=True)
    assert len(rows) == (7 if talk is TALK else 2)
    assert all(row.ids == one.ids[: len(row.ids)] for row in rows)
    by_token = [max(weights) for weights in zip_longest(*(row.weights for row in rows), fillvalue=0.0)]
    assert by_token == one.weights[: len(by_token)]


@pytest.mark.parametrize(
    "name", ["react_en", "agentfabric_zh", "qwen_zh", "hermes", "llama3", "toolbench", "agentflan"]
)
def test_loss_and_gradient_of_one_pass_are_the_splits(one_pass: Any, model: Any, name: str) -> None:
    words = encoder(name)
    (one,) = one_pass.weighted(words, [TALK])
    assert_same(one_pass, model, one, one_pass.weighted(words, list(one_pass.splits(TALK)), cut=True))


@pytest.mark.parametrize("name", ["hermes", "react_en"])
def test_dropped_thoughts_are_no_matter_and_last_ones_leave_a_turn_untrained(
    one_pass: Any, model: Any, name: str
) -> None:
    """With thinking=last what a turn was written behind is no longer what later turns are written behind."""
    dropped = encoder(name, "drop")
    (one,) = one_pass.weighted(dropped, [TALK])
    assert_same(one_pass, model, one, one_pass.weighted(dropped, list(one_pass.splits(TALK)), cut=True))
    last = encoder(name, "last")
    (one,) = one_pass.weighted(last, [TALK])
    turns = [c for c in one_pass.splits(TALK) if len(c.turns) != 1]  # the first turn lost its thought: not trained
    rows = one_pass.weighted(last, turns, cut=True)
    assert [row.ids == one.ids[: len(row.ids)] for row in rows] == [True] * 5
    assert_same(one_pass, model, one, rows)
    first = next(one_pass.splits(TALK))
    (alone,) = one_pass.weighted(last, [first], cut=True)
    assert alone.ids != one.ids[: len(alone.ids)]
    assert not any(step.train for step in thinking_of(TALK, "last").turns[0].steps)


def test_a_message_not_trained_is_in_no_split(one_pass: Any) -> None:
    first = replace(TALK.turns[0], steps=tuple(replace(step, train=False) for step in TALK.turns[0].steps))
    assert len(list(one_pass.splits(replace(TALK, turns=(first, *TALK.turns[1:]))))) == 5
