"""Figures of a mix, and the language of a conversation."""

import pytest

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.stats import figures, language

CALL = Step(kind="call", tool="amap_weather", arguments={"location": "朝阳区"})
ANSWER = Step(kind="answer", text="晴")


def said(user: str | None, *steps: Step) -> Conversation:
    return Conversation(turns=(Turn(user=user, steps=steps),))


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("今天天气怎么样？", "zh"),
        ("帮我搜索 InternLM2 Technical Report 这篇论文", "zh"),
        ("What is the weather in Beijing?", "en"),
        ("Translate the character 你 into English, please", "en"),
        ("12 + 30 = ?", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_that_of_the_user(user: str, expected: str) -> None:
    assert language(said(user, Step(kind="text", text="ok"))) == expected


def test_where_no_user_speaks_the_agents_words_tell() -> None:
    assert language(said(None, Step(kind="text", text="你好，我是小助手"))) == "zh"


def test_figures_count_what_is_there() -> None:
    weather = Conversation(
        turns=(Turn(user="北京天气？", steps=(CALL, CALL, ANSWER)), Turn(user="谢谢", steps=(ANSWER,))),
        tools=(Tool(name="amap_weather"), Tool(name="clock")),
    )
    assert figures(iter([weather, said("Hello", Step(kind="text", text="Hi")), said("你好", CALL)])) == {
        "conversations": 3,
        "turns": 4,
        "calls": 3,
        "without_calls": 1,
        "tools": 2,
        "called": {"amap_weather": 3},
        "languages": {"zh": 2, "en": 1},
    }


def test_nothing_has_figures_too() -> None:
    assert figures([])["conversations"] == 0
