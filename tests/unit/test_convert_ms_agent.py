"""ms_agent → AgentFabric: the twelve bugs of the script that made the published files, each held to its opposite."""

import json
import re
from typing import Any

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.conversation import Conversation
from agentswift.convert.stream import without_thoughts
from agentswift.convert.text import write_text
from agentswift.convert.types import Types
from agentswift.errors import RowError
from agentswift.formats import find_format
from tests.ms_agent_rows import api, row, turn, variant

INPUTS = re.compile(r"^Action Input: (.*)$", re.MULTILINE)


def converted(given: dict[str, Any], *, to: str = "agentfabric_zh", thoughts: bool = False) -> list[dict[str, Any]]:
    conversation = find_format("ms_agent").read(given)
    types = Types()
    types.learn(conversation)
    conversation = types.fill(conversation)
    kept: Conversation = conversation if thoughts else without_thoughts(conversation)
    messages: list[dict[str, Any]] = write_text(find_agent_template(to), kept, segments=False)["messages"]
    return messages


def schemas(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return each tool's schema by name, read from the prompt's text as JSON."""
    found = {}
    for mark in re.finditer(r"^(.+?): \1 API.*?(?:Parameters|输入参数): (?=\{)", messages[0]["content"], re.M | re.S):
        found[mark[1]] = json.JSONDecoder().raw_decode(messages[0]["content"], mark.end())[0]
    return found


def test_bug_1_every_parameter_of_a_tool_is_there() -> None:
    said = converted(row([api("info", ("codes", "names", "properties"))], "Final Answer: Hi."))
    assert list(schemas(said)["info"]["properties"]) == ["codes", "names", "properties"]


@pytest.mark.parametrize(
    ("required", "found"), [(["True", "True"], ["a", "b"]), (["True", "False"], ["a"]), ([True, "false"], ["a"])]
)
def test_bug_2_required_lists_what_is_required(required: list[Any], found: list[str]) -> None:
    given = [{"name": n, "description": "", "required": r} for n, r in zip("ab", required, strict=True)]
    assert schemas(converted(row([api("t", given)], "Final Answer: Hi.")))["t"]["required"] == found


def test_bug_3_no_stray_backslash_before_a_name() -> None:
    said = converted(row([api("t", ("keywords_dict",))], "Final Answer: Hi."))
    assert "\\" not in said[0]["content"]
    assert '"keywords_dict"' in said[0]["content"]


def test_bug_4_a_list_and_an_object_keep_their_types() -> None:
    given = {"codes": ["1"], "words": {"a": 1}, "name": "x", "n": 3, "exact": True}
    said = converted(row([api("t", tuple(given))], turn("t", given, "ok")))
    types = {name: declared.get("type") for name, declared in schemas(said)["t"]["properties"].items()}
    assert types == {"codes": "array", "words": "object", "name": "string", "n": "integer", "exact": "boolean"}


def test_bug_5_the_tenth_tool_and_those_after_it_are_there() -> None:
    said = converted(row([api(f"t{i}", ("x",)) for i in range(1, 24)], "Final Answer: Hi."))
    assert list(schemas(said)) == [f"t{i}" for i in range(1, 24)]


def test_bug_6_a_tool_without_parameters_takes_no_others() -> None:
    tools = schemas(converted(row([api("ping"), api("b", ("x",))], "Final Answer: Hi.")))
    assert (list(tools["ping"]["properties"]), list(tools["b"]["properties"])) == ([], ["x"])


@pytest.mark.parametrize(
    ("about", "useful", "parameters"),
    [
        ("Plans a route, e.g. by car v2.0", True, ("x",)),
        ("", True, ("x",)),
        ("Sounds the alarm", False, ("x",)),
        ("No full stop", True, [{"name": "x", "required": True}]),
        ("Takes [a list] {of} things]", True, [{"name": "x", "description": "as in [1] or {2}]", "required": "True"}]),
    ],
)
def test_bug_7_a_description_is_whole_and_no_wording_ends_the_run(about: str, useful: bool, parameters: Any) -> None:
    said = converted(row([api("t", parameters, about, useful=useful)], "Final Answer: Hi."))
    assert about in said[0]["content"]
    assert list(schemas(said)["t"]["properties"]) == ["x"]


def test_bug_8_an_escaped_quote_does_not_end_a_description() -> None:
    given = [{"name": "x", "description": 'say "hi", then "bye"', "required": "True"}]
    said = converted(row([api("t", given)], "Final Answer: Hi."))
    assert schemas(said)["t"]["properties"]["x"]["description"] == 'say "hi", then "bye"'


def test_bug_9_the_wording_is_agentfabrics_own() -> None:
    system = converted(row([api("a", ("x",), "查询"), api("b")], "Final Answer: Hi."))[0]["content"]
    assert "a: a API。查询 输入参数: {" in system
    assert "必须是[a,b]之一" in system


def test_bug_10_a_name_of_several_words_stays_whole() -> None:
    tools = [api("fire recognition", ("x",), "Finds fire", shown="fire recognition API v2")]
    said = converted(row(tools, turn("fire recognition", {"x": 1}, "none")))
    assert "fire recognition: fire recognition API. Finds fire Parameters: {" in said[0]["content"]
    assert said[2]["content"].startswith("Action: fire recognition\n")


def test_bug_11_turns_are_worded_as_agentfabric_words_them() -> None:
    said = converted(row([api("t", ("q",))], turn("t", {"q": "it's", "n": None, "yes": True}, [{"a": "b"}], "Found.")))
    assert said[1]["content"] == "(。你可以使用工具：[t])Help me."
    assert said[2]["content"] == (
        'Action: t\nAction Input: {"q": "it\'s", "n": null, "yes": true}\n'
        "Observation: <result>[{'a': 'b'}]</result>\nAnswer: Found."
    )


def test_bug_12_the_first_message_may_be_the_users_and_the_wrapper_english() -> None:
    with_system = row([api("t", ("x",))], "Final Answer: Hi.")
    talk = {"conversations": with_system["conversations"][1:]}
    assert [m["role"] for m in converted(talk)] == ["user", "assistant"]
    english = converted(with_system, to="agentfabric_en")[0]["content"]
    assert not re.search(r"[\u4e00-\u9fff]", english)
    role = f"You are a clerk.\n{with_system['conversations'][0]['value']}"
    with_system["conversations"][0] = {"from": "system", "value": role}
    assert "# 指令\n\nYou are a clerk.\n" in converted(with_system)[0]["content"]


def test_a_thought_is_kept_where_that_is_asked() -> None:
    said = converted(row([api("t")], "Thought: I look.\n" + turn("t", {}, "x")), thoughts=True)
    assert "I look.\nAction: t" in said[2]["content"]
    assert "<think>\nI now know the final answer\n</think>" in said[2]["content"]


def test_a_row_that_cannot_be_converted_says_where() -> None:
    with pytest.raises(RowError, match="no JSON after `Parameters:` for the tool t"):
        converted(row([api("t", "[{'name'")], "Final Answer: Hi."))


@pytest.mark.parametrize("thoughts", [True, False])
def test_schemas_and_arguments_of_200_made_up_rows_are_valid(thoughts: bool) -> None:
    from jsonschema import Draft202012Validator

    calls = 0
    for seed in range(200):
        given = variant(seed)
        said = converted(given, thoughts=thoughts)
        declared = {tool.name for tool in find_format("ms_agent").read(given).tools}
        tools = schemas(said)
        assert set(tools) == declared
        for schema in tools.values():
            Draft202012Validator.check_schema(schema)
        for message in said[1:]:
            for name, written in zip(
                re.findall(r"^Action: (.*)$", message["content"], re.M), INPUTS.findall(message["content"]), strict=True
            ):
                Draft202012Validator(tools[name]).validate(json.loads(written))
                calls += 1
    assert calls > 200
