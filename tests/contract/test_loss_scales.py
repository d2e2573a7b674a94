"""Our loss scales weigh clean text as ms-swift's of the same name do, character by character."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.agent_templates.spans import Piece
from agentswift.compose import compose_run
from agentswift.conversation import Conversation, Step, Turn
from agentswift.engine.embedded import smollm2
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.schema.runs import Show
from agentswift.weights import Scale, SpanRow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from swift.loss_scale import get_loss_scale
    from swift.loss_scale import loss_scale_map as theirs

    from tests.swift_template import swift_template

STEPS = (
    Step(kind="thought", text="I look both up."),
    Step(kind="call", tool="get_weather", arguments={"city": "北京", "days": [1, 2], "exact": True}),
    Step(kind="observation", text='{"sky": "晴"}'),
    Step(kind="thought", text="Now the other."),
    Step(kind="call", tool="now", arguments={}),
    Step(kind="observation", text="12:00"),
    Step(kind="answer", text="Sunny, at noon."),
)


def scale(name: str) -> Scale:
    return Scale.of(compose_run("show", Show, [f"loss_scale={name}"]).loss_scale)


def ours(pieces: list[Piece], scale: Scale) -> Iterator[tuple[str, float]]:
    for piece in pieces:
        for span in piece.spans:
            weight = scale.weighing().span(SpanRow(span.field, span.of, span.step, 0, 1.0))
            yield from ((character, weight) for character in piece.text[span.start : span.end])


def swifts(name: str, texts: list[str]) -> Iterator[tuple[str, float]]:
    for text in texts:
        for part, weight in zip(*get_loss_scale(name).get_loss_scale(text, query=""), strict=True):
            yield from ((character, float(weight)) for character in part)


@pytest.mark.parametrize(
    ("name", "template", "labelled"),
    [
        ("react", "react_en", "Thought:"),
        ("react", "react_zh", "Thought:"),
        ("alpha_umi", "react_en", "Thought:"),
        ("qwen", "qwen_en", "✿FUNCTION✿:"),
        ("agentflan", "react_en", "Thought:"),
    ],
)
def test_labelled_text_weighs_what_it_weighs_there(name: str, template: str, labelled: str) -> None:
    steps = STEPS if name != "qwen" else tuple(step for step in STEPS if step.kind != "thought")
    pieces = find_agent_template(template).write(steps)
    text = "".join(piece.text for piece in pieces)
    assert labelled in text
    assert list(ours(pieces, scale(name))) == list(swifts(name, [text]))


def test_a_call_of_hermes_weighs_what_it_weighs_there() -> None:
    pieces = [piece for piece in find_agent_template("hermes").write(STEPS) if piece.role == "generated"]
    assert sum("<tool_call>" in piece.text for piece in pieces) == 2
    assert list(ours(pieces, scale("hermes"))) == list(swifts("hermes", [piece.text for piece in pieces]))


def test_every_agent_loss_scale_of_theirs_is_an_option_here() -> None:
    """What is left hangs on text that has no field here."""
    assert set(theirs) - {"base", "ignore_empty_think", "ignore_think_prefix"} == {
        name for name in ("react", "hermes", "qwen", "agentflan", "alpha_umi") if scale(name).name == name
    }


def test_a_clean_conversation_has_their_ids_and_their_weights_token_by_token() -> None:
    """The stop token too. Only where this tokenizer has no seams (ENGINE 3) are the ids the same at all."""
    text = "".join(piece.text for piece in find_agent_template("react_en").write(STEPS))
    messages: list[dict[str, Any]] = [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}]
    encoded = swift_template(loss_scale="react").encode({"messages": messages})
    tokenizer = load_tokenizer(smollm2())
    encoder = Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template("react_en"))
    row = next(encoder.encode([Conversation(turns=(Turn(user="?", steps=STEPS),))]))
    weights = scale("react").weigh(row.span_ids, row.spans)
    assert encoded["input_ids"] == [*row.input_ids, 198]  # a line end behind the stop token, which we leave out
    assert encoded["loss_scale"][:-1] == weights


def test_their_files_are_where_they_were_with_the_keys_they_had() -> None:
    import swift.loss_scale as package

    folder = Path(package.__file__).parent / "config"
    read = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}
    assert read["react"]["Action:"] == [2.0, 2.0]
    assert read["agentflan"].keys() == {"response", "query"}
    assert all(
        len(weights) in (1, 2) for name, keys in read.items() if name != "agentflan" for weights in keys.values()
    )
