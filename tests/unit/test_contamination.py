"""Contamination: a question that stands in a row is found, however it is spelt; what rows share by chance is not."""

import pytest

from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.mix import contaminated

GSM = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many in all?"
ZH = "小明有四十八个苹果,他先送给同学一半,又吃掉了三个,请问他现在还剩下多少个苹果?"
ASKED = [
    [GSM],
    [ZH],
    ["Who wrote Faust?"],
    ["What is 2+2?"],
    ["Rain in Paris?", "And in Rome?"],
    ["你是谁呀?", "继续说吧"],
    ["《浮士德》是谁写的?"],
    ["《红楼梦》的作者是谁?"],
]


def row(user: str, answer: str = "ok", **others: str) -> Conversation:
    steps = [Step(kind="observation", text=t) for t in others.values()]
    return Conversation(turns=(Turn(user=user, steps=(*steps, Step(kind="answer", text=answer))),))


@pytest.mark.parametrize(
    ("conversation", "found"),
    [
        (row(GSM), [(0, "exact")]),
        (row(f"Question: {GSM.upper()}"), [(0, "exact")]),
        (row("Solve this: " + GSM.replace("Natalia", "Mary")), [(0, "13-gram")]),
        (row("Tell me a story", answer=f"Once I read: {GSM}"), [(0, "13-gram")]),
        (row("Tell me a story", seen=GSM), [(0, "13-gram")]),
        (row(ZH.replace(",", "、")), [(1, "exact")]),
        (row("问题:" + ZH), [(1, "exact")]),
        (row(ZH.replace("小明", "小红")), [(1, "13-gram")]),
        (row("他先送给同学一半苹果"), []),
        (row("who wrote FAUST"), []),  # three words
        (row("What is 2 + 2"), [(3, "exact")]),
        (row("你是谁呀"), []),
        (row("继续说吧!"), []),
        (row("浮士德是谁写的"), []),  # seven characters
        (row("《浮士德》 是谁写的呢?"), []),
        (row("红楼梦的作者是谁?"), [(7, "exact")]),  # eight
        (row("Natalia sold clips to her friends"), []),
        (Conversation(turns=(Turn(user="hi"),), system=GSM, tools=(Tool(name="a", description=GSM),)), []),
    ],
)
def test_a_question_is_found_however_it_is_spelt(conversation: Conversation, found: list[tuple[int, str]]) -> None:
    assert [(f.of, f.rule) for f in contaminated([conversation], ASKED)] == found


def test_each_row_is_named_once_with_the_words_in_common() -> None:
    rows = [row("hello"), row(GSM), row(GSM + " " + GSM)]
    found = contaminated(rows, ASKED)
    assert [(f.row, f.of) for f in found] == [(1, 0), (2, 0)]
    assert found[1].text == "natalia sold clips to 48 of her friends in april and then she"


def test_no_evaluation_set_is_no_contamination() -> None:
    assert contaminated([row(GSM)], []) == []
