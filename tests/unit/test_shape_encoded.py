"""Options that change what is trained reach the tokens: the weights, the text, and the key of the cache."""

from pathlib import Path
from typing import Any

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.cards import find_cards
from agentswift.corpus import Corpus, gather
from agentswift.engine.draw import Drawing
from agentswift.engine.embedded import smollm2
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.prepare import fingerprint
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.schema.groups import Thoughts
from agentswift.weights import Scale
from tests.checked import GOOD, TOOLS, data_of, good, written

MAIL = {"name": "send_mail", "description": "Sends it.", "parameters": {"properties": {"to": {"type": "string"}}}}
FAILED = {
    "tools": [{**TOOLS[0], "description": "Weather of a city."}, MAIL],
    "messages": [
        {"role": "user", "content": "How is the weather in Paris today?"},
        {"role": "assistant", "content": "<think>I look.</think>"},
        {"role": "tool_call", "content": '{"name": "get_weather", "arguments": {"city": "Paris"}}'},
        {"role": "tool", "content": "Error: try again"},
        *GOOD["messages"][1:],
    ],
}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    tokenizer = load_tokenizer(smollm2())
    return Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template("hermes"))


@pytest.fixture
def corpora(tmp_path: Path) -> Any:
    """Gather the same two rows with options changed."""
    file = written(tmp_path / "rows.jsonl", FAILED, good(1))
    return lambda **changes: gather(data_of(file, **changes), find_cards([]), lambda card: Path(card.path))


OPTIONS: list[dict[str, Any]] = [
    {},
    {"mask_failed_calls": True},
    {"last_turn_only": True},
    {"thoughts": Thoughts.drop},
    {"tools": "sampled 1"},
    {"tools": "shuffled", "seed": 1},
    {"negatives": {"tools_renamed": 1.0}},
    {"negatives": {"tools_renamed": 1.0}, "seed": 1},
    {"negatives": {"argument_missing": 0.5}},
]


def test_each_option_that_changes_a_row_changes_the_caches_key(corpora: Any, encoder: Encoder) -> None:
    seen: dict[str, list[Any]] = {}
    for changes in OPTIONS:
        rows = list(corpora(**changes).parts["rows"])
        seen.setdefault(fingerprint(rows, encoder), []).append([(c, [s.train for s in c.steps()]) for c in rows])
    assert all(rows[0] == other for rows in seen.values() for other in rows)
    assert len(seen) >= len(OPTIONS) - 2  # one turn is the last one; two tools may come out as they were


def test_what_show_draws_is_masked_and_made(corpora: Any, encoder: Encoder) -> None:
    def drawn(corpus: Corpus) -> list[Any]:
        return list(Drawing({"hermes": encoder}, Scale({}), 2048).draw(corpus.parts["rows"]))

    plain, *_ = drawn(corpora())
    masked, *_ = drawn(corpora(mask_failed_calls=True))
    assert masked.input_ids == plain.input_ids
    call = plain.text.index('{"name": "get_weather"', plain.text.index("Paris today"))
    at = [sum(map(len, plain.tokens[:i])) for i in range(len(plain.tokens))]
    first = next(i for i, start in enumerate(at) if start > call)
    assert (plain.weights[first], masked.weights[first]) == (1.0, 0.0)
    assert 0 < sum(masked.weights) < sum(plain.weights)
    row, made, *_ = drawn(corpora(negatives={"tools_renamed": 1.0}))
    assert (row.made, made.made, made.row) == ("", "tools_renamed", row.row)
    assert "get_weather" not in made.text
