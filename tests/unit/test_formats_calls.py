"""Calls as Python writes them, and the finer points of the layouts that are read out of text."""

import json
from typing import Any

import pytest

from agentswift.conversation import Conversation, Step, Tool
from agentswift.errors import RowError
from agentswift.formats import FORMATS, detect
from agentswift.formats.calls import listed_calls, written_call
from agentswift.formats.tools import schema
from tests.layout_rows import API_BANK, APIS, EXEC, GLAIVE, ROWS, THINK, TOOLACE, messages, of

SORT = Tool(name="sort", parameters=schema({"file": {"type": "string"}, "reverse": {"type": "boolean"}}))
SONGS = Tool(name="Top Songs (v2)")


def call(tool: str, **arguments: object) -> Step:
    return Step(kind="call", tool=tool, arguments=arguments)


def read(name: str, row: dict[str, Any]) -> Conversation:
    return FORMATS[name].read(row)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("[f()]", [call("f")]),
        (
            "[f(a=1, b='x, y', c=[1, 2]), g.h(d={'e': None})]",
            [call("f", a=1, b="x, y", c=[1, 2]), call("g.h", d={"e": None})],
        ),
        ('[f(a="say \\"hi\\"", b=True, c=false)]', [call("f", a='say "hi"', b=True, c=False)]),
        ("[f(a='it's fine', b=2.5)]", [call("f", a="it's fine", b=2.5)]),
        ("[f(t=2023-10-10 11:00:00, a=abc)]", [call("f", t="2023-10-10 11:00:00", a="abc")]),
        ("[天气(城市='北京')]", [call("天气", 城市="北京")]),
        ("[f(a=1)]\n", [call("f", a=1)]),
        ("plain words", []),
        ("[1] see (a=b)", []),
        ('[{"name": "f"}]', []),
        ("", []),
    ],
)
def test_lists_of_calls_are_read(text: str, calls: list[Step]) -> None:
    assert listed_calls(text, "$") == calls


def test_declared_names_may_hold_spaces_and_brackets_and_give_values_their_names() -> None:
    assert listed_calls("[Top Songs (v2)(n=3)]", "$", [SONGS]) == [call("Top Songs (v2)", n=3)]
    assert listed_calls("[sort('a.txt', True)]", "$", [SORT]) == [call("sort", file="a.txt", reverse=True)]
    assert listed_calls("[Note (see below)]", "$", [SORT]) == []
    assert written_call("sort('a.txt')", "$", [SORT]) == call("sort", file="a.txt")


@pytest.mark.parametrize("text", ["[f(a=1]", "[f(a=)]", "[f(a=1), and more]", "[f(1, 2)]", "[f(a=1)] I called f"])
def test_a_list_that_opens_as_calls_and_goes_wrong_is_refused(text: str) -> None:
    with pytest.raises(RowError) as error:
        listed_calls(text, "$.x")
    assert (error.value.rule, error.value.path) == ("bad-call", "$.x")
    with pytest.raises(RowError):
        written_call(text, "$.x")


def test_a_toolace_result_for_each_call_is_read_as_so_many() -> None:
    said = ("assistant", "[get_weather(city='北京'), Top Songs (v2)()]")
    results = '[{"name": "a", "results": {"x": 1.50}}, {"name": "b"}]'
    row = {**of(("user", "q"), said, ("tool", results), ("assistant", "a")), "system": TOOLACE}
    assert [s.text for s in read("toolace", row).steps()[2:4]] == [
        '{"name": "a", "results": {"x": 1.50}}',
        '{"name": "b"}',
    ]
    row["conversations"][2]["value"] = "[1, 2]"
    assert [s.text for s in read("toolace", row).steps()[2:]] == ["[1, 2]", "a"]


def test_bracket_calls_of_rows_that_declare_tools_are_told_from_plain_brackets() -> None:
    tools = [{"name": "f", "parameters": {}}]
    assert detect(messages(("user", "q"), ("assistant", "[f(a=1)]"), tools=tools)).name == "toolace"
    assert detect(messages(("user", "q"), ("assistant", "[1] (see below)"), tools=tools)).name == "messages"
    assert detect(messages(("user", "q"), ("assistant", "[f(a=1)]"))).name == "messages"


def test_llamas_prompt_in_the_users_message_is_read() -> None:
    asked = f"Questions: 雨？\n{TOOLACE[TOOLACE.index('Here is') :]}"
    conversation = read("toolace", messages(("user", asked), ("assistant", "[get_weather(city='北京')]")))
    assert (conversation.turns[0].user, len(conversation.tools)) == ("Questions: 雨？", 2)


def test_agentflan_rows_without_toolbenchs_words_stay_text_with_their_loss() -> None:
    said = [
        {"role": "system", "content": 'Answer as {"thought": …, "tool": …}.'},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": '{"thought": "t", "tool": "f", "args": {}}', "loss": False},
        {"role": "user", "content": '{"response": 1}', "loss": None},
        {"role": "assistant", "content": "What is the tool you want to use? f", "loss": 1},
    ]
    row = {"conversation": said, "id": 7}
    conversation = read("agentflan", row)
    assert detect(row).name == "agentflan"
    assert [turn.user for turn in conversation.turns] == ["q", '{"response": 1}']
    assert [(s.kind, s.train) for s in conversation.steps()] == [("text", False), ("text", True)]


def test_agentflan_calls_in_react_words_are_read_and_their_results_are_the_users() -> None:
    said = [
        ("system", APIS),
        ("user", "q"),
        ("assistant", 'Thought: t\nAction: get_weather\nAction Input: {"city": "x"}'),
    ]
    said += [("user", "Observation: sun"), ("assistant", "Final Answer: sun"), ("user", "r"), ("assistant", "a")]
    row = {"conversation": [{"role": r, "content": c, "loss": r == "assistant"} for r, c in said]}
    conversation = read("agentflan", row)
    assert [s.kind for s in conversation.steps()] == ["thought", "call", "observation", "answer", "answer"]
    assert conversation.steps()[2].text == "sun"
    assert [turn.user for turn in conversation.turns] == ["q", "r"]


def test_msagent_bench_calls_follow_each_other_in_one_answer() -> None:
    row = of(("user", "q"), ("assistant", f"{THINK}<|endofthink|>\n{EXEC}\n再查\n{THINK}<|endofthink|>\n{EXEC}\n好了"))
    kinds = ["call", "observation", "thought", "call", "observation", "answer"]
    assert [step.kind for step in read("msagent_bench", row).steps()] == kinds
    row = of(("user", "q"), ("assistant", "<|startofthink|>{]<|endofthink|>"))
    with pytest.raises(RowError, match="a call is not JSON"):
        read("msagent_bench", row)


def test_lagents_other_system_messages_are_words_to_the_model() -> None:
    row = json.loads(json.dumps(ROWS["lagent"][0]))
    row["messages"].insert(
        4, {"role": "system", "content": "You should directly give results\n based on history information."}
    )
    assert [turn.user for turn in read("lagent", row).turns][1:] == [row["messages"][4]["content"]]
    within = messages(
        ("system", "s"),
        ("user", "q"),
        ("assistant", "Thought:t\nAction:f\nAction Input:{}\nResponse:r\nFinal Answer:a"),
    )
    assert [s.kind for s in read("lagent", within).steps()] == ["thought", "call", "observation", "answer"]


def test_glaive_without_functions_and_of_version_one_is_read() -> None:
    plain = {
        "system": "SYSTEM: You are a helpful assistant, with no access to external functions.\n",
        "chat": "USER: q\n\n\nASSISTANT: a <|endoftext|>\n\n\n",
    }
    conversation = read("glaive", plain)
    assert (conversation.system, conversation.tools) == (
        "You are a helpful assistant, with no access to external functions.",
        (),
    )
    assert [s.kind for s in conversation.steps()] == ["text"]
    sample = f'{GLAIVE}\nUSER: q\nASSISTANT: <functioncall> {{"name": "ping", "arguments": \'{{"a": "it\\\'s"}}\'}}\n'
    assert detect({"sample": sample}).name == "glaive"
    assert read("glaive", {"sample": sample}).steps() == [call("ping", a="it's")]


def test_api_bank_trains_what_is_expected_and_a_question_alone_is_a_prompt() -> None:
    row = dict(ROWS["api_bank"][0])
    assert [s.train for s in read("api_bank", row).steps()] == [False, True, False, True]
    assert read("api_bank", {**row, "output": "AI: 好的"}).steps()[-1].text == "好的"
    asked = read("api_bank", {"instruction": API_BANK, "input": row["input"], "output": None})
    assert asked.turns[-1].steps == ()


def test_bfcl_turns_answers_and_prompts() -> None:
    turns = [[{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}]]
    row = {"question": turns, "involved_classes": ["X"], "ground_truth": [["cd(folder='x')", "ls()"], []]}
    assert [[s.tool for s in turn.steps] for turn in read("bfcl", row).turns] == [["cd", "ls"], []]
    nested = {
        "question": turns[:1],
        "function": [],
        "ground_truth": [{"f": {"o": [{"a": [1, 2], "b": ["", 3]}], "l": [[{"c": [4]}]]}}],
    }
    assert read("bfcl", nested).steps() == [call("f", o={"a": 1}, l=[{"c": 4}])]
    assert read("bfcl", {"question": turns[:1], "function": [], "ground_truth": ["Paris"]}).steps()[0].text == "Paris"
    assert read("bfcl", {"question": turns[:1], "function": []}).turns[0].steps == ()


@pytest.mark.parametrize("word", ["I am MOSS.", "Human: hi", "ok\nuser: hello"])
def test_ms_bench_leaves_out_what_ms_swift_leaves_out_and_says_so(word: str) -> None:
    talk = [("system", "You are a helpful assistant."), ("user", "q"), ("assistant", "a")]
    assert read("ms_bench", of(*talk)).system is None
    assert read("ms_bench", {"conversations": str(of(*talk)["conversations"])}).steps()[0].text == "a"
    with pytest.raises(RowError) as error:
        read("ms_bench", of(*talk, ("user", word), ("assistant", "b")))
    assert (error.value.rule, error.value.path) == ("unwanted-words", "$.conversations[3]")


@pytest.mark.parametrize(
    ("name", "row", "rule"),
    [
        ("xlam", {"query": "q", "tools": "[]", "answers": "[]"}, "no-assistant"),
        ("xlam", {"query": "q", "tools": "[]", "answers": "[{]"}, "bad-call"),
        ("xlam", {"query": None, "tools": "[]", "answers": "[]"}, "bad-content"),
        ("glaive", {"system": "SYSTEM: s", "chat": "USER: q\n\nASSISTANT: <functioncall> f()"}, "bad-call"),
        ("glaive", {"chat": "USER: q\n\nASSISTANT:  <|endoftext|>"}, "empty-assistant"),
        ("toolace", {**of(("user", "q")), "system": TOOLACE.replace("[{", "[<")}, "bad-tools"),
        ("api_bank", {"instruction": "API descriptions: none", "input": ""}, "bad-tools"),
        ("anthropic", messages(("user", "q"), ("assistant", [{"type": "tool_use", "input": {}}])), "bad-call"),
        ("anthropic", messages(("user", "q"), ("assistant", [{"type": "image"}])), "bad-content"),
        ("anthropic", messages(("user", [{"type": "tool_result", "tool_use_id": "x"}])), "orphan-observation"),
        ("bfcl", {"question": [{}], "function": []}, "no-messages"),
        ("bfcl", {"question": [[]], "function": [], "ground_truth": [{"f": 1}]}, "bad-call"),
        ("lagent", messages(("user", "q"), ("assistant", "a"), ("system", "Response:r")), "orphan-observation"),
    ],
)
def test_a_bad_row_of_a_layout_is_refused_by_rule(name: str, row: dict[str, Any], rule: str) -> None:
    with pytest.raises(RowError) as error:
        read(name, row)
    assert error.value.rule == rule
