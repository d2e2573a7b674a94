"""There and back: what a layout or a text holds is read again, and what it does not hold is said."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.conversation import Conversation, Step, Turn
from agentswift.convert.losses import losses
from agentswift.convert.targets import find_target, target_names
from agentswift.errors import RowError
from agentswift.formats import FORMATS, detect
from tests.unit.test_convert import WEATHER
from tests.unit.test_formats_messages import conversations

CITY = {"city": {"type": "string", "description": "城市"}}
TOOL = replace(WEATHER, parameters={"type": "object", "properties": CITY, "required": ["city"]})
LAYOUTS = [name for name in target_names() if name not in AGENT_TEMPLATES]
HOLD_ALL = ("messages", "openai")
READ_AGAIN = {  # the texts that formats read back to calls and results
    "react_en": "ms_agent",
    "react_zh": "ms_agent",
    "ms_agent": "ms_agent",
    "agentfabric_zh": "agentfabric",
    "agentfabric_en": "agentfabric",
}
WORDS = st.text("天气 abc1,{}[]\"'<>", min_size=1, max_size=12).map(str.strip).filter(bool)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)),
    max_leaves=4,
)
slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def talks(draw: st.DrawFn) -> Conversation:
    """An agent's conversation in plain words: no text that looks like a template's own labels."""
    flags: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, {}, {"train": False}, {"weight": 2.0}])

    def step(kind: Any, **more: Any) -> Step:
        return Step(kind=kind, **more, **draw(flags))

    turns = []
    for _ in range(draw(st.integers(1, 3))):
        steps: list[Step] = []
        for _ in range(draw(st.integers(0, 2))):
            if draw(st.booleans()):
                steps.append(step("thought", text=draw(WORDS)))
            calls = draw(st.integers(1, 2))
            arguments = st.dictionaries(st.sampled_from(["city", "城市"]), VALUES, max_size=2)
            steps += [step("call", tool=WEATHER.name, arguments=draw(arguments)) for _ in range(calls)]
            steps += [Step(kind="observation", text=draw(WORDS)) for _ in range(calls)]
        turns.append(Turn(user=draw(WORDS), steps=(*steps, step("answer", text=draw(WORDS)))))
    return Conversation(turns=tuple(turns), system=draw(st.none() | WORDS), tools=(TOOL,))


@pytest.mark.parametrize("name", LAYOUTS)
@slow
@given(conversation=conversations())
def test_a_layout_gives_back_what_it_holds_and_says_what_it_does_not(name: str, conversation: Conversation) -> None:
    target = find_target(name, segments=True)
    try:
        row = target.write(conversation)
    except RowError:
        assert name not in HOLD_ALL
        return
    row = json.loads(json.dumps(row, ensure_ascii=False))
    found = list(target.lost(conversation, row))
    assert not (found and name in HOLD_ALL)
    if not found:
        back = FORMATS[name].read(row)
        assert back == conversation
        assert [(s.train, s.weight) for s in back.steps()] == [(s.train, s.weight) for s in conversation.steps()]


@pytest.mark.parametrize("name", READ_AGAIN)
@slow
@given(talk=talks())
def test_a_text_in_segments_is_read_again_with_its_weights(name: str, talk: Conversation) -> None:
    target = find_target(name, segments=True)
    assert list(target.lost(talk, {})) == []
    row = json.loads(json.dumps(target.write(talk), ensure_ascii=False))
    assert detect(row).name == READ_AGAIN[name]
    back = detect(row).read(row)
    assert list(losses(talk, back)) == []


@pytest.mark.parametrize("name", READ_AGAIN)
@slow
@given(talk=talks())
def test_a_text_in_one_message_is_read_again_but_for_weights_that_are_said(name: str, talk: Conversation) -> None:
    target = find_target(name, segments=False)
    row = target.write(talk)
    assert [m["role"] for m in row["messages"]] == ["system", *["user", "assistant"] * len(talk.turns)]
    lost = {loss.path for loss in losses(talk, detect(row).read(row))}
    said = {loss.path for loss in target.lost(talk, row)}
    assert {path.split(".steps")[0] for path in lost} <= {path.split(".steps")[0] for path in said}


@pytest.mark.parametrize("name", [name for name in AGENT_TEMPLATES if name not in ("native",)])
@pytest.mark.parametrize("segments", [True, False])
@slow
@given(talk=talks())
def test_every_text_holds_all_words_of_a_conversation(name: str, segments: bool, talk: Conversation) -> None:
    row = find_target(name, segments=segments).write(talk)
    said = "\n".join(message["content"] for message in row["messages"])
    for turn in talk.turns:
        assert turn.user is not None
        assert turn.user in said
        for step in turn.steps:
            assert step.text in said or json.dumps(step.text, ensure_ascii=False)[1:-1] in said
    untrained = [m["content"] for m in row["messages"] if m.get("loss") is False]
    if segments and AGENT_TEMPLATES[name].observation_place == "assistant":
        results = [s.text for s in talk.steps() if s.kind == "observation"]
        assert all(any(text in part for part in untrained) for text in results)


def test_part_of_a_schema_that_a_prompt_has_no_place_for_is_said() -> None:
    limited = replace(WEATHER, parameters={**WEATHER.parameters, "additionalProperties": {"type": "string"}})
    talk = Conversation(turns=(Turn(user="?", steps=(Step(kind="answer", text="!"),)),), tools=(limited, WEATHER))
    for name, lost in (("ms_agent", ["$.tools[0].parameters"]), ("react_en", []), ("hermes", [])):
        assert [loss.path for loss in find_target(name, segments=True).lost(talk, {})] == lost
