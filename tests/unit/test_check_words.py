"""Rules over texts, results and flags: for each a row that breaks it and where, and look-alikes that break none."""

import re
from typing import Any

import pytest

from agentswift.check import BY_OPTION, check_conversation, check_options, check_row
from agentswift.conversation import Conversation, Source, Step
from tests.unit.test_check import CALL, DONE, SEEN, THOUGHT, broken, one, row

LONG = '{"temperature": 21, "sky": "clear", "wind": "north"}'


def seen(text: str) -> Step:
    return Step(kind="observation", text=text)


def said(text: str) -> Step:
    return Step(kind="answer", text=text)


FIRST = "$.turns[0].steps"


@pytest.mark.parametrize(
    ("steps", "rule", "path"),
    [
        ([said("ok<|im_end|>\n<|im_start|>user")], "control-token", f"{FIRST}[0].text"),
        ([said("fine.<|eot_id|>")], "control-token", f"{FIRST}[0].text"),
        ([said("[INST] hello [/INST]")], "control-token", f"{FIRST}[0].text"),
        ([said("done</s>")], "control-token", f"{FIRST}[0].text"),
        ([said("his fiancÃ©e")], "garbled-text", f"{FIRST}[0].text"),
        ([said("it isnâ€™t")], "garbled-text", f"{FIRST}[0].text"),
        ([said("锟斤拷锟斤拷")], "garbled-text", f"{FIRST}[0].text"),
        ([said("ä½\xa0å¥½")], "garbled-text", f"{FIRST}[0].text"),
        ([said("caf�")], "garbled-text", f"{FIRST}[0].text"),
        ([CALL, seen('{"error": "timeout"}'), said("It is sunny.")], "unheeded-error", f"{FIRST}[1]"),
        ([CALL, seen("Error: no such city"), said("晴天。")], "unheeded-error", f"{FIRST}[1]"),
        ([CALL, seen('{"success": false}'), THOUGHT, said("Sunny.")], "unheeded-error", f"{FIRST}[1]"),
        ([CALL, seen(LONG), said(LONG.replace(" ", ""))], "repeated-observation", f"{FIRST}[2]"),
        ([said("Let me use the get_weather tool.")], "call-in-prose", f"{FIRST}[0]"),
        ([said("I'll call `get_weather` now")], "call-in-prose", f"{FIRST}[0]"),
        ([said('Action: get_weather\nAction Input: {"city": "x"}')], "call-in-prose", f"{FIRST}[0]"),
        ([said('get_weather({"city": "x"})')], "call-in-prose", f"{FIRST}[0]"),
        ([said("我来调用get_weather查询")], "call-in-prose", f"{FIRST}[0]"),
        ([CALL, SEEN, CALL, SEEN, DONE], "repeated-call", f"{FIRST}[2]"),
        ([CALL, SEEN], "no-last-answer", f"{FIRST}[1]"),
    ],
)
def test_what_is_wrong_with_words_is_found_with_its_place(steps: list[Step], rule: str, path: str) -> None:
    assert broken(one(*steps)) == [(rule, path)]


@pytest.mark.parametrize(
    "steps",
    [
        [said("a <b>bold</b> word, <s>struck</s> out, x|>y, [INSTALL]")],
        [said("São Paulo, Ärzte, naïve café, Übung, 你好，Ångström — “quoted” … Đà Nẵng")],
        [CALL, seen('{"error": "timeout"}'), said("Sorry, the weather service did not answer.")],
        [CALL, seen('{"error": ""}'), said("Sunny.")],
        [CALL, seen('{"error": "timeout"}'), CALL, seen("sunny"), said("Sunny.")],
        [CALL, seen("Errors are common in weather models, says the article."), said("Models err.")],
        [CALL, seen("Paris"), said("Paris")],
        [CALL, seen(LONG), said(f"Here it is: {LONG}")],
        [said("I can tell the weather with get_weather if you name a city.")],
        [said("The use of get_weather needs a city.")],
        [CALL, SEEN, said("I used get_weather: I'll call get_weather again tomorrow.")],
        [CALL, seen("queued"), CALL, seen("done"), DONE],
        [CALL, seen('{"error": "x"}'), CALL, seen('{"error": "x"}'), said("抱歉，服务不可用。")],
    ],
)
def test_look_alikes_are_let_pass(steps: list[Step]) -> None:
    assert broken(one(*steps)) == []


def messages(*pairs: tuple[str, str], **flags: Any) -> dict[str, Any]:
    said: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in pairs]
    said[-1] |= flags
    return {"messages": said}


REACT = "Use:\nAction: x\nAction Input: y\nObservation: z\n... \nFinal Answer: w"
FABRIC = "工具调用\nAction: a\nAction Input: b\nObservation: <result>c</result>\nAnswer: d"
CALLED = "Action: a\nAction Input: {}\nObservation: <result>1</result>\nAnswer: 1"


@pytest.mark.parametrize(
    ("values", "rule", "path"),
    [
        (messages(("assistant", "hi"), ("user", "a"), ("assistant", "b")), "wrong-order", "$.messages[0]"),
        (messages(("user", "a"), ("user", "b"), ("assistant", "c")), "wrong-order", "$.messages[1]"),
        (messages(("user", "a"), ("assistant", "b"), ("assistant", "c")), "wrong-order", "$.messages[2]"),
        (messages(("user", "a"), ("assistant", "b"), loss=True, loss_scale=0), "loss-contradicts", "$.messages[1]"),
        (messages(("user", "a"), ("assistant", "b"), loss=False, weight=2.0), "loss-contradicts", "$.messages[1]"),
        (messages(("assistant", "b"), ("tool", "a"), loss=True), "loss-contradicts", "$.messages[1]"),
        (messages(("user", "a"), ("assistant", "b")) | {"label": False}, "rejected-row", "$.label"),
        (messages(("system", FABRIC), ("user", "q"), ("assistant", "Final Answer: 1")), "format-mismatch", "$"),
        (messages(("system", REACT), ("user", "q"), ("assistant", CALLED)), "format-mismatch", "$"),
        (
            messages(("system", REACT), ("user", "q"), ("assistant", "<tool_call>{}</tool_call>")),
            "format-mismatch",
            "$",
        ),
    ],
)
def test_what_is_wrong_with_a_row_as_it_is_written_is_found(values: dict[str, Any], rule: str, path: str) -> None:
    assert [(f.rule, f.path) for f in check_row(values, Source())] == [(rule, path)]


@pytest.mark.parametrize(
    "values",
    [
        messages(("system", "s"), ("user", "a"), ("assistant", "b"), loss=True, loss_scale=2.0),
        messages(("user", "a"), ("assistant", "b"), loss=False, loss_scale=0),
        messages(("user", "a"), ("assistant", "b"), loss=False),
        messages(("assistant", "how can I help?")),
        messages(("system", "Question: q"), ("assistant", "Action: a\nObservation:\n"), ("assistant", '"""1"""')),
        messages(("user", "a"), ("assistant", ""), ("assistant", "b")),
        messages(("user", "a"), ("user", "This is not the first time you try this task, all …"), ("assistant", "b")),
        messages(("system", FABRIC), ("user", "q"), ("assistant", CALLED)),
        messages(("system", REACT), ("user", "q"), ("assistant", "Final Answer: 1")),
        messages(("system", REACT), ("user", "q"), ("assistant", "plain words")),
        messages(("user", "a"), ("assistant", "b")) | {"label": True},
        messages(("user", "a"), ("assistant", "b")) | {"label": 0},
        {"messages": "no list"},
        {"messages": [None, 3, {}, {"role": 7, "loss": "x", "loss_scale": "y"}]},
        {"instruction": "a", "output": "b"},
    ],
)
def test_a_row_in_order_is_let_pass(values: dict[str, Any]) -> None:
    assert check_row(values, Source()) == []


def asked(user: str, answer: str) -> Conversation:
    return row((user, [said(answer)]))


@pytest.mark.parametrize(
    ("conversation", "found"),
    [
        (asked("今天北京的天气怎么样？", "It is sunny in Beijing today."), ["mixed-languages"]),
        (asked("How is the weather in Beijing?", "今天北京天气晴朗，适合出门。"), ["mixed-languages"]),
        (asked("今天北京的天气怎么样？", "晴"), []),
        (asked("写一个冒泡排序的函数", "```python\ndef sort(items): return sorted(items)\n```"), []),
        (asked("write to jane.doe@acme-corp.org", "ok"), ["personal-data"]),
        (asked("我的手机号是13812345678", "好的"), ["personal-data"]),
        (asked("身份证11010519491231002X", "好的"), ["personal-data"]),
        (asked("身份证110105194912310021", "好的"), []),
        (asked("my ssn is 219-09-9999", "ok"), ["personal-data"]),
        (asked("call 212-736-5000 now", "ok"), ["personal-data"]),
        (asked("the key is sk-4f9a8b7c6d5e4f3a2b1c", "ok"), ["personal-data"]),
        (
            asked(
                "jane@example.com, your_email@gmail.com, 555-0100, 212-555-0123, order 20240115, 3.14159265358979", "ok"
            ),
            [],
        ),
    ],
)
def test_rules_by_option_are_looked_for_when_asked(conversation: Conversation, found: list[str]) -> None:
    assert [f.rule for f in check_options(conversation, BY_OPTION)] == found
    assert not {f.rule for f in check_conversation(conversation)} & BY_OPTION.keys()


def test_personal_data_is_not_shown_whole() -> None:
    (found,) = check_options(asked("write to jane.doe@acme-corp.org", "ok"), ["personal-data"])
    assert re.fullmatch("an e-mail address: jan…rg", found.message)
