"""What a template writes it reads back, for texts made to confuse it; where it cannot, it says so."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.agent_templates import AGENT_TEMPLATES, is_readable, read_turn
from agentswift.conversation import Step, Tool
from tests.steps import spelled

# A turn is hard to read only by the words of the formats themselves, so they are drawn often.
LABELS = ("Thought:", "Action:", "Action Input:", "Observation:", "Final Answer:", "Answer:", "action：", "<result>")
FLOWERS = ("✿FUNCTION✿:", "\n✿ARGS✿:", "✿RESULT✿:", "\n✿RETURN✿:", "Response:")
TAGS = ("</result>", "<tool_call>", "</tool_call>", "\n</tool_response>", "<think>\n", "\n</think>", "```")
MARKS = ("\n", "\n\n", " ", "\t", "\r", "\u2028", '{"name": "a"}', "{{}}", '"', "'", "晴，25度")
WORDS = st.sampled_from((*LABELS, *FLOWERS, *TAGS, *MARKS))
TEXTS = st.lists(WORDS | st.text(max_size=6), max_size=6).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(["get_weather", "天气", "Factorial calculator", "a.b", 'say "hi"', "f()", "x"])
CALLS = st.builds(Step, kind=st.just("call"), tool=NAMES, arguments=st.dictionaries(TEXTS, VALUES, max_size=3))


def steps_of(kind: str) -> st.SearchStrategy[Step]:
    return st.builds(Step, kind=st.just(kind), text=TEXTS)


@st.composite
def turns(draw: st.DrawFn) -> list[Step]:
    """Any number of cycles (a thought or none, calls, as many results), then perhaps a thought and an answer."""
    steps: list[Step] = []
    for _ in range(draw(st.integers(0, 2))):
        calls = draw(st.lists(CALLS, min_size=1, max_size=2))
        steps += [*draw(st.lists(steps_of("thought"), max_size=1)), *calls]
        steps += [draw(steps_of("observation")) for _ in calls]
    ending = [*draw(st.lists(steps_of("thought"), max_size=1)), *draw(st.lists(steps_of("answer"), max_size=1))]
    return steps + ending


_LINE = r"[ \t*]*(thought|action[ _]?input|action|observation|final[ _]?answer)[ \t*]*[:：]"
_RESPONSE = _LINE.replace("observation", "observation|response")
_FLOWER = r"(^|\n)[ \t*]*✿(function|args|result|return)✿[ \t*]*[:：]|</?think>"
_JSON_LINE = re.compile(r"(^|\n)[ \t]*(```\w*\s*)?(<\|python_tag\|>)?[{\[]")


def _thinks(pattern: str) -> Callable[[Step], object]:
    return lambda step: step.kind == "thought" and re.search(rf"\n{pattern}", step.text, re.I)


def _says(pattern: str) -> Callable[[Step], object]:
    return lambda step: step.kind in ("thought", "answer") and re.search(pattern, step.text, re.I)


_WORDS_AND_JSON = _says(rf"{_JSON_LINE.pattern}|</?think>")
# What a template cannot hold, as it would be taken for its own words; by the first part of its name.
OWN_WORDS: dict[str, Callable[[Step], object]] = {
    **dict.fromkeys(("react", "ms", "toolbench"), _thinks(_LINE)),
    "lagent": _thinks(_RESPONSE),
    "agentfabric": _says(rf"(^|\n){_LINE}|<think>|</think>"),
    "qwen": _says(_FLOWER),
    "hermes": _says("<tool_call>|</?think>"),
    **dict.fromkeys(("llama3", "openai"), _WORDS_AND_JSON),
    "agentflan": lambda step: False,
}


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
@settings(max_examples=60, deadline=None)
@given(steps=turns())
def test_what_is_written_is_read_back(name: str, steps: Any) -> None:
    template = AGENT_TEMPLATES[name]
    if any(OWN_WORDS[name.partition("_")[0]](step) for step in steps):
        return
    pieces = template.write(steps)
    assert read_turn(template, pieces, [], True) == tuple(steps)
    assert is_readable(template, steps, []) or not steps
    for before, piece in zip([None, *pieces], pieces, strict=False):
        if piece.role == "generated":
            goes_on = before is not None and before.role == "observation"
            assert template.read(piece.text, [], after_observation=goes_on).problems == ()


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.one_of(CALLS, *map(steps_of, ("thought", "observation", "answer", "text"))), max_size=6))
def test_spans_cover_each_piece_whatever_the_order_of_steps(name: str, steps: Any) -> None:
    written: dict[int, str] = {}
    for piece in AGENT_TEMPLATES[name].write(steps):
        assert [span.start for span in piece.spans] == [0, *(span.end for span in piece.spans)][: len(piece.spans)]
        assert (piece.spans[-1].end if piece.spans else 0) == len(piece.text)
        assert all(span.start < span.end for span in piece.spans)
        assert all((span.field == "observation") == (piece.role == "observation") for span in piece.spans)
        for span in piece.spans:
            if span.field == steps[span.step].kind:
                written[span.step] = piece.text[span.start : span.end]
    for index, step in enumerate(steps):
        assert spelled(name, step.kind, step.text) in written.get(index, "")  # a call has none


@pytest.mark.parametrize(
    ("name", "steps", "readable"),
    [
        ("react_en", [Step(kind="thought", text="a\nThought: b"), Step(kind="answer", text="c")], False),
        ("react_en", [Step(kind="answer", text="a\nObservation: b\nAction: c\nAction Input: {}")], True),
        ("react_en", [Step(kind="thought", text="a\nAction: none\nb"), Step(kind="answer", text="c")], True),
        ("react_en", [Step(kind="observation", text="x\nObservation: y"), Step(kind="observation", text="z")], True),
        ("agentfabric_zh", [Step(kind="answer", text="do\nAction: this\nwell")], True),
        ("agentfabric_zh", [Step(kind="answer", text="do\nAction: a\nAction Input: {}")], False),
        ("agentfabric_zh", [Step(kind="answer", text="first"), Step(kind="call", tool="a")], False),
        ("hermes", [Step(kind="answer", text="The tag <tool_call> opens a call.")], True),
        ("hermes", [Step(kind="answer", text="<tool_call>\n{}")], False),
        ("hermes", [Step(kind="answer", text="<think>\na\n</think>\n\nb")], False),
        ("hermes", [Step(kind="text", text="<tool_call>")], True),
    ],
)
def test_a_turn_is_readable_or_known_not_to_be(name: str, steps: Any, readable: bool) -> None:
    assert is_readable(AGENT_TEMPLATES[name], steps, []) is readable


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
def test_a_declared_tool_is_read_back_by_its_own_name(name: str) -> None:
    tools = [Tool(name="Get"), Tool(name="get"), Tool(name="[odd] name.")]
    steps = [Step(kind="call", tool=tool.name) for tool in tools]
    assert is_readable(AGENT_TEMPLATES[name], steps, tools)
