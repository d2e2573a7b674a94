"""Rows made from Chinese ones: a tool's name is found between Chinese characters, and a plain word is none."""

from random import Random

import pytest

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.shape.disguised import names_swapped, tools_renamed


def row(
    name: str, thought: str, user: str = "北京热吗？", system: str | None = None, description: str = "气温"
) -> Conversation:
    steps = (
        Step(kind="thought", text=thought),
        Step(kind="call", tool=name, arguments={"城市": "北京"}),
        Step(kind="observation", text=f"{name}：30"),
        Step(kind="answer", text="三十度。"),
    )
    tools = (Tool(name=name, description=description), Tool(name="股票查询", description="股价"))
    return Conversation(turns=(Turn(user=user, steps=steps),), tools=tools, system=system)


@pytest.mark.parametrize(
    ("name", "thought", "said"),
    [
        ("天气查询", "我应该调用天气查询来获得结果", "我应该调用{0}来获得结果"),
        ("天气查询", "先用“天气查询”，再用股票查询。", "先用“{0}”，再用{1}。"),
        ("天气查询", "天气查询工具可以查到。", "{0}工具可以查到。"),
        ("天气", "我使用天气工具，不用天气预报员。", None),  # the second is the plain word
        ("天气", "我使用天气工具。", "我使用{0}工具。"),
        ("查询天气", "我应该查询天气来获得结果", None),
        ("get_weather", "我调用get_weather查询", "我调用{0}查询"),
        ("get_天气", "我调用get_天气查询", "我调用{0}查询"),
        ("get_weather", "我调用get_weather2查询", "我调用get_weather2查询"),
        ("погода", "непогода", "непогода"),
        ("weather", "我调用weather查询", None),
        ("天气查询", "我去看看。", "我去看看。"),
    ],
)
def test_a_name_is_renamed_between_chinese_characters_where_it_names_the_tool(
    name: str, thought: str, said: str | None
) -> None:
    one = tools_renamed(row(name, thought), Random(0))
    assert (one.steps()[0].text if one else None) == (
        said.format(*(t.name for t in one.tools)) if one and said else None
    )
    if one:
        assert one.steps()[1].tool == one.tools[0].name
        assert one.steps()[2].text == f"{name}：30"


@pytest.mark.parametrize("words", [{"user": "帮我做个天气查询"}, {"system": "你是天气查询助手。"}])
def test_no_tool_is_renamed_whose_name_someone_says_as_words(words: dict[str, str]) -> None:
    assert tools_renamed(row("天气查询", "我去看看。", **words), Random(0)) is None


def test_a_description_goes_on_saying_what_the_tool_does() -> None:
    one = names_swapped(row("天气查询", "我去看看。", description="天气查询接口，先调用股票查询"), Random(0))
    assert one is not None
    assert [t.name for t in one.tools] == ["股票查询", "天气查询"]
    assert one.tools[0].description == "天气查询接口，先调用天气查询"
