"""Arguments are cut into keys, values and punctuation, whatever they hold."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.agent_templates.argument_parts import argument_parts
from agentswift.agent_templates.calls import arguments_text
from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.engine.chat import Chat, segments

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
CHAT = Chat("", "{{SYSTEM}}\n", None, "<u>", "<a>", "<end>", "\n")


def cut(text: str) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    at = 0
    for part, end in argument_parts(text):
        parts.append((part, text[at:end]))
        at = end
    return parts


@pytest.mark.parametrize(
    ("text", "keys", "values"),
    [
        ('{"city": "北京", "days": 3}', ["city", "days"], ["北京", "3"]),
        (' {"a": {"b": [1.5, -2e3, true, null]}}\n', ["a", "b"], ["1.5", "-2e3", "true", "null"]),
        (r'{"say": "a \"b\": c, {d}\\"}', ["say"], [r"a \"b\": c, {d}\\"]),
        ('{"x": "", "": "y"}', ["x"], ["y"]),
        ("{}", [], []),
        ("", [], []),
    ],
)
def test_keys_and_values_are_told_apart_at_any_depth(text: str, keys: list[str], values: list[str]) -> None:
    parts = cut(text)
    assert [said for part, said in parts if part == "key"] == keys
    assert [said for part, said in parts if part == "value"] == values
    assert set("".join(said for part, said in parts if part == "punctuation")) <= set('{}[]",: \n')


def spelled(value: Any) -> list[str]:
    """Return the keys and scalars of a value as JSON spells them, in order; empty strings spell nothing."""
    if isinstance(value, dict):
        return [word for key, inner in value.items() for word in (*spelled(key), *spelled(inner))]
    if isinstance(value, list):
        return [word for inner in value for word in spelled(inner)]
    word = json.dumps(value, ensure_ascii=False)
    return [word[1:-1] if isinstance(value, str) else word] if value != "" else []


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_any_arguments_are_cut_without_gaps_into_what_they_hold(arguments: dict[str, Any]) -> None:
    text = arguments_text(Step(kind="call", tool="t", arguments=arguments))
    parts = cut(text)
    assert "".join(said for _, said in parts) == text
    assert all(said for _, said in parts)
    read = json.loads(text)  # a lone half of a character is escaped: spelled as the text has it
    said = [json.loads(f'"{word}"') if part == "key" else word for part, word in parts if part != "punctuation"]
    assert len(said) == len(spelled(read))


@pytest.mark.parametrize("name", AGENT_TEMPLATES)
def test_the_arguments_are_cut_as_each_template_writes_them(name: str) -> None:
    call = Step(kind="call", tool="天气", arguments={"城市": "北京", "days": [1, 2]})
    talk = Conversation(turns=(Turn(user="?", steps=(call,)),), tools=(Tool(name="天气"),))
    found: dict[str, list[str]] = {}
    for segment in segments(talk, AGENT_TEMPLATES[name], CHAT):
        starts = [0, *(mark.end for mark in segment.marks)]
        for start, mark in zip(starts, segment.marks, strict=False):
            if mark.part:
                assert mark.field == "action_input"
                found.setdefault(mark.part, []).append(segment.text[start : mark.end])
    assert (found["key"], found["value"]) == (["城市", "days"], ["北京", "1", "2"])
