"""Near duplicates: each one named is as like as was asked, Chinese as English, and chains keep their first row."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.mix import near_duplicates
from agentswift.mix.words import is_unspaced, runs, words

ENGLISH = (
    "Could you please book a table for four people at the Italian restaurant near the station on Friday evening at "
    "seven, and let my colleagues know by e-mail that we meet in the lobby of the hotel fifteen minutes before?"
)
CHINESE = (
    "请帮我订一张周五晚上七点在火车站附近那家意大利餐厅的四人桌,"
    "并且发邮件告诉我的同事们提前十五分钟在酒店大堂集合,谢谢你的帮助。"
)


def row(user: str, *steps: Step, tools: tuple[Tool, ...] = ()) -> Conversation:
    return Conversation(turns=(Turn(user=user, steps=(*steps, Step(kind="answer", text="好"))),), tools=tools)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("Rain in Paris?", ["rain", "in", "paris"]),
        ("北京天气", ["北", "京", "天", "气"]),
        ("用GPT4查iPhone15价格", ["用", "gpt4", "查", "iphone15", "价", "格"]),
        ("get_weather(２０)", ["get", "weather", "20"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("날씨 알려줘", ["날씨", "알려줘"]),
        ("¿Mañana?", ["mañana"]),
    ],
)
def test_words_are_what_a_reader_would_count(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_a_run_is_as_long_as_asked_or_the_whole() -> None:
    assert list(runs("abcd", 3)) == [("a", "b", "c"), ("b", "c", "d")]
    assert list(runs("ab", 3)) == [("a", "b")]
    assert list(runs("", 3)) == []
    assert is_unspaced(words("用GPT查价格"))
    assert not is_unspaced(words("GPT says hello 你好"))


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        (ENGLISH, ENGLISH.upper().replace(",", " ;"), True),
        (ENGLISH, ENGLISH.replace("seven", "eight"), True),
        (ENGLISH, ENGLISH.replace("a", "o"), False),
        (CHINESE, CHINESE.replace("七", "八"), True),
        (CHINESE, CHINESE[::-1], False),
        ("", "", False),
    ],
)
def test_a_word_changed_is_near_and_another_text_is_not(first: str, second: str, near: bool) -> None:
    found = near_duplicates([Conversation(turns=(Turn(user=t),)) for t in (first, second)], 0.7)
    assert [(f.row, f.of) for f in found] == ([(1, 0)] if near else [])


def test_tools_and_system_that_rows_share_make_no_two_rows_alike() -> None:
    tools = tuple(Tool(name=f"tool_{i}", description=ENGLISH) for i in range(9))
    assert not near_duplicates([row("一加一等于几?", tools=tools), row("What is the capital?", tools=tools)])


def test_other_arguments_of_a_call_count() -> None:
    cities = ("Paris", "Rome")
    calls = [row("And there?", Step(kind="call", tool="get_weather", arguments={"city": city})) for city in cities]
    assert not near_duplicates(calls)


def test_the_row_named_is_one_that_stays() -> None:
    second = ENGLISH.replace("four", "five")
    third = second.replace("Friday", "Sunday")
    found = near_duplicates([row(t) for t in (ENGLISH, CHINESE, second, third)], 0.5)
    assert [(f.row, f.of) for f in found] == [(2, 0), (3, 0)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_what_is_named_is_as_like_as_asked(seed: int, changed: int) -> None:
    chance = random.Random(seed)
    text = [f"w{chance.randrange(500)}" for _ in range(120)]
    other = [f"x{i}" if chance.random() < changed / 120 else word for i, word in enumerate(text)]
    pair = [Conversation(turns=(Turn(user=" ".join(t)),)) for t in (text, other)]
    sets = [set(runs(t, 5)) for t in (text, other)]
    like = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    found = near_duplicates(pair, 0.8)
    assert all(f.similarity == pytest.approx(like, abs=1e-3) and like >= 0.8 for f in found)
    assert found or like < 0.95
