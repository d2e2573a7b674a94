"""Over every row of the corpus: weights never change ids, and what is trained is what serving would encode."""

import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.agent_templates.argument_parts import argument_parts
from agentswift.agent_templates.calls import arguments_text
from agentswift.cards import Card
from agentswift.conversation import Conversation, Turn
from agentswift.corpus import read_part
from agentswift.engine.cache import cached
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.job import Origins
from agentswift.formats import messages
from agentswift.weights import Scale
from tests.swift_template import swift_template
from tests.tokenizers import CHAT_TEMPLATE, tokenizer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from agentswift.engine.batch import IGNORED, Collator, Rows

CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", Path(__file__).parents[2].parent / "shared" / "data"))
FILES = (
    "fireact/hotpotqa.jsonl",
    "fireact/multitask_multimethod.jsonl",
    "fireact/alpaca_format/hotpotqa.json",
    "fireact/alpaca_format/multitask_multimethod.json",
    "llamafactory_demos/glaive_toolcall_en_demo.json",
    "llamafactory_demos/glaive_toolcall_zh_demo.json",
    "llamafactory_demos/alpaca_en_demo.json",
    "llamafactory_demos/alpaca_zh_demo.json",
    "llamafactory_demos/identity.json",
    "llamafactory_demos/reason_tool_use_demo_50.jsonl",
    "ms_agent_samples/ms_agent_doc_record.jsonl",
    "self_cognition/llama3_tutorial_self_cognition.json",
    "self_cognition/swift_v2_self_cognition.jsonl",
    "toolbench/toolllama_examples.json",
)
SCALES: dict[str, dict[str, Any]] = {
    "flat": {},
    "react": {"fields": {"action": 2.0, "action_input": 2.0}, "labels": {"action": 2.0, "observation": 2.0}},
    "odd": {
        "fields": {"thought": 0.0, "label": 0.5, "answer": 3.0, "observation": 0.25, "user": 1.0},
        "arguments": {"keys": 0.0, "values": 3.0, "punctuation": 0.1},
        "end_of_turn": 0.0,
        "turns": "last",
        "by_dataset": {
            "hotpotqa": {"fields": {"thought": 2.0}, "turns": "all"},
            "identity": {"name": "other", "schedule": {"to": {"fields": {"text": 0.0}}}},
        },
        "schedule": {"shape": "cosine", "to": {"fields": {"thought": 1.0}, "arguments": {"keys": 1.0}}},
    },
}
pytestmark = [
    pytest.mark.rows,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set AGENTSWIFT_CORPUS"),
]


@cache
def conversations() -> tuple[Conversation, ...]:
    """Every row that is kept, of every file, under its own name."""
    kept = []
    for file in FILES:
        for outcome in read_part(Card(name=Path(file).stem, format="", path=str(CORPUS / file)), CORPUS / file):
            if outcome.conversation is not None:
                kept.append(outcome.conversation)
    return tuple(kept)


@cache
def encoder(name: str, template: str) -> Encoder:
    loaded = tokenizer(name)
    return Encoder(loaded, load_chat(CHAT_TEMPLATE[name], loaded), AGENT_TEMPLATES[template])


TEMPLATE = {"smollm2": "hermes", "llama3": "react_en", "qwen": "agentfabric_zh", "sentencepiece": "react_zh"}


@pytest.mark.parametrize("name", CHAT_TEMPLATE)
def test_ids_are_the_same_under_every_loss_scale(name: str, tmp_path: Path) -> None:
    """Of a batch, as the trainer reads it: a loss scale comes in behind the cache, and changes weights alone."""
    talks = conversations()[::16]  # time: rows of every file
    encoded = list(encoder(name, TEMPLATE[name]).encode(talks))
    file = cached(tmp_path / "rows.arrow", lambda: encoded)
    rows = Rows(file, list(range(len(talks))), Origins.of([talk.source.dataset for talk in talks]))
    expected = [i for row in encoded for i in row.input_ids]
    for scale in map(Scale, SCALES.values()):
        batch = Collator(swift_template(packing=True), scale, [Path(file).stem for file in FILES])(
            [[rows[row] for row in range(len(rows))]]
        )
        assert batch["input_ids"].flatten().tolist() == expected
        trained = (batch["loss_scale"] > 0) | (batch.get("loss_scale_end", batch["loss_scale"]) > 0)
        assert batch["labels"].flatten().tolist() == batch["input_ids"].where(trained, IGNORED).flatten().tolist()
        assert 0 < int(trained.sum()) < len(expected)


def keys_in(value: Any) -> int:
    """Return how many keys a value holds, at any depth."""
    if isinstance(value, list):
        return sum(map(keys_in, value))
    return sum((key != "") + keys_in(inner) for key, inner in value.items()) if isinstance(value, dict) else 0


def test_the_arguments_of_every_call_are_cut_into_what_they_hold() -> None:
    calls = [step for talk in conversations() for step in talk.steps() if step.kind == "call"]
    for call in calls:
        text, at, keys = arguments_text(call), 0, 0
        for part, end in argument_parts(text):
            keys += part == "key"
            assert part != "punctuation" or set(text[at:end]) <= set('{}[]",: ')
            at = end
        assert (at, keys) == (len(text), keys_in(json.loads(text)))


def served(whole: Conversation) -> Iterator[Conversation]:
    """Yield what a server reads before each generation of `whole`, from an OpenAI client's JSON."""
    for number, turn in enumerate(whole.turns):
        for at, step in enumerate(turn.steps):
            if step.kind != "observation" and (not at or turn.steps[at - 1].kind == "observation"):
                part = replace(whole, turns=(*whole.turns[:number], Turn(user=turn.user, steps=turn.steps[:at])))
                wire = json.dumps(messages.write(part), ensure_ascii=False)
                yield messages.read_prompt(json.loads(wire))


@pytest.mark.parametrize("template", AGENT_TEMPLATES)
def test_a_served_prompt_is_cut_and_worded_as_it_was_trained(template: str) -> None:
    made = encoder("smollm2", template)
    whole_corpus = {*TEMPLATE.values(), "agentfabric_en"}  # a seventh of it for the others: time
    rows = conversations() if template in whole_corpus else conversations()[::7]
    for whole in rows:
        trained = made.segments(whole)
        starts = [i for i, segment in enumerate(trained) if segment.generated]
        prompts = [made.segments(part) for part in served(whole)]
        assert [[s.text for s in p] for p in prompts] == [[s.text for s in trained[:i]] for i in starts], whole.source


@pytest.mark.parametrize("name", CHAT_TEMPLATE)
def test_served_ids_are_trained_ids_before_each_generation(name: str) -> None:
    made = encoder(name, TEMPLATE[name])
    prompts = [list(served(whole)) for whole in conversations()]
    ids = made.encode(part for parts in prompts for part in parts)
    for whole, trained, parts in zip(conversations(), made.encode(conversations()), prompts, strict=True):
        for _ in parts:
            prompt = next(ids).input_ids
            assert prompt == trained.input_ids[: len(prompt)], whole.source
            assert trained.spans[trained.span_ids[len(prompt)]].field not in ("marker", "observation"), whole.source
