"""JSON as models write it, and arguments against a tool's own schema."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentswift.agent_templates.arguments import problems_of, read_arguments
from agentswift.agent_templates.json_text import read_json
from agentswift.conversation import Tool


@pytest.mark.parametrize(
    ("text", "value", "repaired"),
    [
        ('{"a": {"b": [1, 2.5, true, null]}}', {"a": {"b": [1, 2.5, True, None]}}, False),
        ('  {"a": "line\nend"} tail', {"a": "line\nend"}, False),
        ("{'a': True, 'b': None, 'c': (1, 2)}", {"a": True, "b": None, "c": [1, 2]}, True),
        ("{'a': 'it's', 'b': \"it's\"}", {"a": "it's", "b": "it's"}, True),
        (r"{'a': 'it\'s \"x\" \\ \n \u4f60\x41 \d'}", {"a": 'it\'s "x" \\ \n 你A \\d'}, True),
        (r"{'a': '\ud83d\ude00'}", {"a": "😀"}, True),
        ('{"a": 1, "b": [1, 2,],}', {"a": 1, "b": [1, 2]}, True),
        ("{a: 1, b: 2}", {"a": 1, "b": 2}, True),
        ("{“城市”：“北京”，“天”：3}", {"城市": "北京", "天": 3}, True),
        ("{'商品': {'类目': '手机'}, 'list': [['拍照']]}", {"商品": {"类目": "手机"}, "list": [["拍照"]]}, True),
    ],
)
def test_json_is_read_and_repaired(text: str, value: object, repaired: bool) -> None:
    found = read_json(text)
    assert found is not None
    assert (found.value, found.repaired) == (value, repaired)


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": ', "{'a' 1}", "[1 2]", "word", "{1: }", "'open", "[" * 99])
def test_what_is_no_json_is_none(text: str) -> None:
    assert read_json(text) is None


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_pythons_own_notation_is_read(value: object) -> None:
    found = read_json(repr({"key": value}))
    assert found is not None
    assert found.value == {"key": value}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("None", {}),
        ("无", {}),
        ("city=北京, days=3, note=a b", {"city": "北京", "days": 3, "note": "a b"}),
        ('city="北京，朝阳", codes=[1, 2]', {"city": "北京，朝阳", "codes": [1, 2]}),
        ("```\n{'a': 1}\n```", {"a": 1}),
        ('`{"a": 1}`', {"a": 1}),
        ("x > 3", None),
        ("42", None),
    ],
)
def test_arguments_are_read_from_what_is_no_json_object(text: str, arguments: Any) -> None:
    found, problems = read_arguments(text)
    assert found == arguments
    assert [problem.kind for problem in problems] == ["unparsable" if arguments is None else "repaired"]


def tool(properties: dict[str, object]) -> Tool:
    return Tool(name="t", parameters={"type": "object", "properties": properties})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string"}, ["", "a"], [1, None, ["a"], {}]),
        ({"type": "integer"}, [1, -3, 2.0], [1.5, True, "1"]),
        ({"type": "number"}, [1, 1.5], [True, "1"]),
        ({"type": "boolean"}, [True, False], [0, 1, "true"]),
        ({"type": "null"}, [None], [0]),
        ({"type": "array", "items": {"type": "string"}}, [[], ["a"]], ["a", [1]]),
        ({"type": ["string", "null"]}, ["a", None], [1]),
        ({"type": "string", "nullable": True}, ["a", None], [1]),
        ({"enum": ["c", "f", 1]}, ["c", 1], ["k", True]),
        ({"const": "c"}, ["c"], ["d"]),
        ({"anyOf": [{"type": "string"}, {"type": "array"}]}, ["a", []], [1]),
        ({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}, [{"x": 1, "y": 2}], [{}]),
        ({"type": "object", "properties": {}, "additionalProperties": False}, [{}], [{"y": 1}]),
        ({"type": "STRING"}, ["a"], [1]),
        ({"type": "dict"}, [{}], [1]),
        ({"type": "geo point"}, [1, "a"], []),
        ({"$ref": "#/$defs/p"}, [1], []),
        ({}, [1, None], []),
        ("string", [1], []),
    ],
)
def test_an_argument_is_held_against_its_schema(schema: Any, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert problems_of(tool({"a": schema}), {"a": value}) == []
    for value in bad:
        assert len(problems_of(tool({"a": schema}), {"a": value})) == 1


@pytest.mark.parametrize(
    ("parameters", "arguments", "problem"),
    [
        ({}, {"anything": 1}, None),
        ({"type": "object", "properties": {}}, {"x": 1}, "unknown_argument"),
        ({"type": "object", "properties": {}, "additionalProperties": True}, {"x": 1}, None),
        ({"type": "object", "properties": {"city": {}}, "required": ["city"]}, {}, "missing_argument"),
        ({"type": "object", "properties": {"city": {}}, "required": "True"}, {}, None),
        ({"type": "object", "properties": None, "required": None}, {}, None),
    ],
)
def test_required_and_unknown_arguments_are_named(
    parameters: dict[str, Any], arguments: Any, problem: str | None
) -> None:
    problems = problems_of(Tool(name="t", parameters=parameters), arguments)
    assert [found.kind for found in problems] == ([problem] if problem else [])


def test_a_problem_says_where_and_what() -> None:
    nested = tool({"trip": {"properties": {"days": {"type": "array", "items": {"enum": ["mon", "tue"]}}}}})
    (problem,) = problems_of(nested, {"trip": {"days": ["mon", "sun"]}})
    assert problem.message == "t: 'trip.days[1]' should be one of 'mon', 'tue', is 'sun'"
    (problem,) = problems_of(tool({"city": {}}), {"ctiy": "北京"})
    assert problem.message == "t takes no argument 'ctiy'. Did you mean city?"
