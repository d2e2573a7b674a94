"""ReAct text: what is a label, what only looks like one, and FireAct's two layouts."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Step
from agentswift.errors import RowError
from agentswift.formats.react import read
from agentswift.formats.trajectory import split, steps


def call(tool: str, **arguments: object) -> Step:
    return Step(kind="call", tool=tool, arguments=arguments)


def thought(text: str) -> Step:
    return Step(kind="thought", text=text)


def seen(text: str) -> Step:
    return Step(kind="observation", text=text)


def answer(text: str) -> Step:
    return Step(kind="answer", text=text)


CITY = call("f", city="x")
F = 'Action: f\nAction Input: {"city": "x"}'  # the same as text
LOG = '{"log": "\nAction: g\nAction Input: 1"}'  # a result with labels at line starts inside its JSON
NOTES = "Answer: no\nAction: g\nAction Input: {}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("just words", [Step(kind="text", text="just words")]),
        ("Thought: t\nFinal Answer: a", [thought("t"), answer("a")]),
        (f"Thought: t\n{F}", [thought("t"), CITY]),
        ("Thought：t\nAction：f\nAction Input：{'city': 'x'}\nObservation：", [thought("t"), CITY]),
        (f"{F}\nObservation: r\nThought: u\nFinal Answer: a", [CITY, seen("r"), thought("u"), answer("a")]),
        (f"{F}\nObservation: {LOG}\n{F}", [CITY, seen(LOG), CITY]),
        # a second Observation:, or an Action: without input, in a result is text
        (f"{F}\nObservation: r\nObservation: s\nAction: wait", [CITY, seen("r\nObservation: s\nAction: wait")]),
        # labels count at the start of a line only, and none behind the final answer
        ("Thought: use Action: f, or Final Answer: a", [thought("use Action: f, or Final Answer: a")]),
        ("Thought: t\nAction: think about it\nmore", [thought("t\nAction: think about it\nmore")]),
        (f"Final Answer: a\nThought: of it\n{F}", [answer(f"a\nThought: of it\n{F}")]),
        ('Action: f\nAction Input: {"city": {"a": {"b": "}"}}}', [call("f", city={"a": {"b": "}"}})]),
        ('Action: f\nAction Input: ```json\n{"city": "x"}\n```', [CITY]),
        ("Action: now\nObservation: 12:00", [call("now"), seen("12:00")]),
        ("Action: now", [call("now")]),
        ("Thought: t\nAction: search[a [b] c]", [thought("t"), call("search", query="a [b] c")]),
        ("Thought: t\nAction: finish[yes]", [thought("t"), answer("yes")]),
        (f"{F}\nObservation: \nThought: nothing came", [CITY, seen(""), thought("nothing came")]),
        ("Answer: not a label here", [Step(kind="text", text="Answer: not a label here")]),
    ],
)
def test_text_is_split_into_steps(text: str, expected: list[Step]) -> None:
    assert [step for _, step in steps(text, "$")] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"我来查\n{F}\nObservation: <result>晴</result>\nAnswer: 晴天", ["我来查", CITY, seen("晴"), answer("晴天")]),
        (f"Answer: a\n{F}", [answer("a"), CITY]),
        ("Answer:\nAnswer: a", [answer("a")]),
        (f"{F}\nObservation: <result>{NOTES}</result>\nAnswer:", [CITY, seen(NOTES)]),
    ],
)
def test_agentfabric_tags_and_answers(text: str, expected: list[Step | str]) -> None:
    wanted = [Step(kind="text", text=step) if isinstance(step, str) else step for step in expected]
    assert [step for _, step in steps(text, "$", fabric=True)] == wanted


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Action: f\nAction Input: city=x", "bad-arguments"),
        ("Action: f\nAction Input: [1]", "bad-arguments"),
        ("Action: search[x] and\nmore\nAction: f\nAction Input: {}", "bad-call"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused(text: str, rule: str) -> None:
    with pytest.raises(RowError) as error:
        steps(text, "$.x")
    assert (error.value.rule, error.value.path) == (rule, "$.x")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('Thought: Action Input:Observation\n\n{}[]"x')), st.booleans())
def test_no_character_is_lost_but_labels(text: str, fabric: bool) -> None:
    at = 0
    for _, body in split(text, fabric=fabric):
        at = text.index(body, at) + len(body)
    assert re.fullmatch(r"(Thought:|Action Input:|Action:|Observation:|\s)*", text[at:])  # labels of nothing


MESSAGES = [
    ("user", "Question: Who?\nA. one"),
    ("assistant", "Thought: t\nAction: search[x]"),
    ("user", "Observation: r\nObservation: of Thought: no\nAction: search[z]"),
    ("assistant", "Thought: u\nAction: finish[one]"),
    ("user", "Observation: Episode finished, reward = 1"),
]
OUTPUT = "\n".join(text for _, text in MESSAGES[1:2]) + "\nObservation: r\nThought: u\nAction: finish[one]\n"


def of(messages: list[tuple[str, str]]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in messages]}


def test_fireact_results_stand_in_user_messages_and_the_last_is_no_step() -> None:
    conversation = read(of(MESSAGES))
    (turn,) = conversation.turns
    result = seen("r\nObservation: of Thought: no\nAction: search[z]")
    assert turn.user == "Who?\nA. one"
    assert turn.steps == (thought("t"), call("search", query="x"), result, thought("u"), answer("one"))
    assert conversation.tools == ()


def test_both_layouts_of_fireact_give_one_conversation() -> None:
    messages = [*MESSAGES[:2], ("user", "Observation: r"), *MESSAGES[3:]]
    alpaca = {"instruction": "Question: Who?", "input": "", "output": f"A. one\n{OUTPUT}Observation: Episode finished"}
    assert read(of(messages)) == read(alpaca)
    assert read(of([*messages[:1], ("assistant", "Action: finish[one]")])).steps() == [Step(kind="text", text="one")]


def test_a_question_without_a_user_stands_before_the_first_label() -> None:
    assert (
        read(of([("assistant", "Bananas?\nThought: t\nAction: finish[no]"), MESSAGES[-1]])).turns[0].user == "Bananas?"
    )


def test_a_result_without_a_waiting_call_is_refused() -> None:
    thinking = [*MESSAGES[:3], ("assistant", "Thought: only"), MESSAGES[2]]
    with pytest.raises(RowError) as error:
        read(of(thinking))
    assert (error.value.rule, error.value.path) == ("orphan-observation", "$.messages[4].content")


def test_react_with_tool_messages_and_labels_in_their_results() -> None:
    said = [
        ("user", "q"),
        ("assistant", 'Thought: t\nAction: f\nAction Input: {"city": "x"}\nObservation:'),
        ("tool", "Observation: raw\nFinal Answer: no"),
        ("assistant", "Final Answer: a"),
    ]
    assert read(of(said)).steps() == [thought("t"), CITY, seen("Observation: raw\nFinal Answer: no"), answer("a")]
