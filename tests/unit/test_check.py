"""Rules over Conversations: for each a row that breaks it and where, and rows that must break none."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentswift.check import RULES, check_conversation
from agentswift.conversation import Conversation, Kind, Source, Step, Tool, Turn

ROOT = Path(__file__).parents[2]
WEATHER = Tool(
    name="get_weather",
    parameters={
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "城市"},
            "days": {"type": "integer", "enum": [1, 2, 3]},
            "place": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["city"],
    },
)
SEEN = Step(kind="observation", text='{"sky": "晴"}')
DONE = Step(kind="answer", text="晴。")
THOUGHT = Step(kind="thought", text="查天气")


def call(tool: str = "get_weather", **arguments: Any) -> Step:
    return Step(kind="call", tool=tool, arguments=arguments)


CALL = call(city="北京")


def row(*turns: tuple[str | None, list[Step]], tools: tuple[Tool, ...] = (WEATHER,), system: str = "") -> Conversation:
    return Conversation(turns=tuple(Turn(user=u, steps=tuple(s)) for u, s in turns), tools=tools, system=system or None)


def one(*steps: Step) -> Conversation:
    return row(("天气？", list(steps)))


def broken(conversation: Conversation) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in check_conversation(conversation)]


@pytest.mark.parametrize(
    "conversation",
    [
        one(THOUGHT, CALL, SEEN, DONE),
        one(CALL),
        one(call(city="x", days=2, place={"lat": 1}, tags=["a"]), SEEN, DONE),
        one(CALL, CALL, SEEN, SEEN, DONE),
        one(CALL, CALL),
        one(CALL, CALL, replace(SEEN, text='[{"name": "get_weather"}, {"tool_call_id": "2"}]'), DONE),
        one(CALL, SEEN, CALL),
        row(("a", [CALL]), (None, [SEEN, DONE]), ("b", [CALL, SEEN, DONE])),
        row(("a", [call("search", query="x"), SEEN, DONE]), tools=()),
        row((None, [Step(kind="text", text="hello")]), tools=()),
        row(("a", [Step(kind="text", text="{{ item }} {{item}} <b> <TABLE>")]), tools=()),
        row(("a", [replace(DONE, text="", train=False)]), ("b", [DONE])),
        row(("a", [call("ping"), SEEN, DONE]), tools=(Tool(name="ping"),)),
    ],
)
def test_a_good_row_has_no_findings(conversation: Conversation) -> None:
    assert broken(conversation) == []


FIRST = "$.turns[0].steps[0]"
UNANSWERED = ("call-without-observation", FIRST)


@pytest.mark.parametrize(
    ("conversation", "findings"),
    [
        (one(call("get_wether", city="x")), [("unknown-tool", f"{FIRST}.tool")]),
        (one(call()), [("missing-argument", f"{FIRST}.arguments.city")]),
        (one(call(city="x", place={})), [("missing-argument", f"{FIRST}.arguments.place.lat")]),
        (one(call(city="x", town="y")), [("unknown-argument", f"{FIRST}.arguments.town")]),
        (one(call(city=3)), [("ill-typed-argument", f"{FIRST}.arguments.city")]),
        (one(call(city="x", days=True)), [("ill-typed-argument", f"{FIRST}.arguments.days")]),
        (one(call(city="x", days=9)), [("ill-typed-argument", f"{FIRST}.arguments.days")]),
        (one(call(city="x", tags=["a", 1])), [("ill-typed-argument", f"{FIRST}.arguments.tags[1]")]),
        (row(("a", [CALL, SEEN, DONE]), tools=(WEATHER, WEATHER)), [("duplicate-tool", "$.tools[1].name")]),
        (one(SEEN, DONE), [("orphan-observation", FIRST)]),
        (one(CALL, SEEN, SEEN, DONE), [("orphan-observation", "$.turns[0].steps[2]")]),
        (row(("a", [CALL]), ("b", [SEEN, DONE])), [("orphan-observation", "$.turns[1].steps[0]"), UNANSWERED]),
        (one(CALL, DONE), [UNANSWERED]),
        (one(CALL, CALL, SEEN, DONE), [("call-without-observation", "$.turns[0].steps[1]")]),
        (
            one(CALL, CALL, replace(SEEN, text='[{"name": "a"}]'), DONE),
            [("call-without-observation", "$.turns[0].steps[1]")],
        ),
        (row(("a", [CALL]), ("b", [DONE])), [UNANSWERED]),
        (row(("a", []), ("b", [DONE])), [("empty-assistant", "$.turns[0]")]),
        (row(("a", [replace(THOUGHT, text=" \n")]), ("b", [DONE])), [("empty-assistant", "$.turns[0]")]),
        (row(("a", [DONE]), ("b", [replace(DONE, text="")])), [("empty-answer", "$.turns[1].steps[0].text")]),
        (one(replace(DONE, train=False)), [("nothing-to-train", "$.turns")]),
        (one(replace(DONE, weight=0.0)), [("nothing-to-train", "$.turns")]),
        (one(replace(DONE, text="我是{{NAME}}")), [("placeholder-left", f"{FIRST}.text")]),
        (row(("<AUTHOR>?", [DONE])), [("placeholder-left", "$.turns[0].user")]),
        (row(("a", [DONE]), system="You are {{name}}."), [("placeholder-left", "$.system")]),
    ],
)
def test_a_bad_row_is_found_with_its_place(conversation: Conversation, findings: list[tuple[str, str]]) -> None:
    assert sorted(broken(conversation)) == sorted(findings)


@pytest.mark.parametrize(
    ("parameters", "place", "trouble"),
    [
        ({"type": "string"}, ".type", "it says type 'string'"),
        ({"properties": {"a": {"type": "str"}}}, ".properties.a.type", "'str' is not valid"),
        ({"properties": {"a": None}}, ".properties.a", "None is not of type"),
        ({"required": "city"}, ".required", "'city' is not of type 'array'"),
        ({"required": ["a", "a"]}, ".required", "non-unique"),
        ({"properties": {"a": {"anyOf": [{"type": 3}]}}}, ".properties.a.anyOf[0]", "3 is not valid"),
    ],
)
def test_a_schema_that_is_none_is_found(parameters: dict[str, Any], place: str, trouble: str) -> None:
    findings = check_conversation(row(("a", [DONE]), tools=(Tool(name="t", parameters=parameters),)))
    assert [(f.rule, f.severity) for f in findings] == [("invalid-schema", "warning")]
    assert findings[0].path.startswith(f"$.tools[0].parameters{place}")
    assert trouble in findings[0].message


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"type": "object"},
        {"properties": {"a": {"type": ["string", "null"]}, "b": {"anyOf": [{"type": "integer", "minimum": 0}]}}},
        {"properties": {"a": True}, "additionalProperties": {"type": "string"}, "$defs": {"x": {"type": "null"}}},
    ],
)
def test_a_schema_of_any_keywords_is_let_pass(parameters: dict[str, Any]) -> None:
    assert broken(row(("a", [DONE]), tools=(Tool(name="t", parameters=parameters),))) == []


def test_a_finding_says_where_what_and_how_to_mend_it() -> None:
    source = Source(dataset="mine", file="行.jsonl", line=7, row=6)
    (finding,) = check_conversation(replace(one(call("get_wether", city="x")), source=source))
    assert finding.json() == {
        "file": "行.jsonl",
        "line": 7,
        "row": 6,
        "path": "$.turns[0].steps[0].tool",
        "rule": "unknown-tool",
        "severity": "error",
        "message": "calls 'get_wether', a tool that this row does not declare. Did you mean get_weather?",
        "fix": "add the tool to the row's tools, or correct the name",
    }
    assert finding.dataset == "mine"


def test_braces_in_a_row_do_not_disturb_a_message() -> None:
    (finding,) = check_conversation(one(call("{x} %s {0}")))
    assert "'{x} %s {0}'" in finding.message


KINDS: list[Kind] = ["thought", "call", "observation", "answer", "text"]
STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(KINDS),
        text=st.sampled_from(["", "a", "{{NAME}}"]),
        tool=st.sampled_from(["get_weather", "x"]),
        arguments=st.dictionaries(st.sampled_from(["city", "days", "q"]), st.sampled_from([None, 1, "a", [], {}])),
        train=st.booleans(),
    ),
    max_size=5,
)
TURNS = st.lists(st.tuples(st.sampled_from([None, "", "a"]), STEPS), max_size=3)


@given(TURNS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_conversation_is_checked_without_a_traceback(turns: list[tuple[str | None, list[Step]]]) -> None:
    conversation = row(*turns)
    for finding in check_conversation(conversation):
        assert finding.severity == RULES[finding.rule].severity
        assert finding.message
        assert finding.fix
        assert finding.path.startswith("$.")


def test_deep_arguments_are_checked_without_a_traceback() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": [deep]}
    assert broken(one(call(city="x", **deep))) == [("unknown-argument", f"{FIRST}.arguments.a")]


SECTION = re.compile(r"^### `([a-z0-9-]+)` · (error|warning|info)$", re.MULTILINE)
RULE_IN_CODE = re.compile(r'(?:rule(?:: str)?\s*=\s*|\bBad\(\s*|_Bad\(\s*)"([a-z0-9-]+)"')


def test_every_rule_has_one_section_and_every_section_a_rule() -> None:
    sections = SECTION.findall(ROOT.joinpath("docs/rules.md").read_text("utf-8"))
    names = [name for name, _ in sections]
    elsewhere = {"duplicate", "near-duplicate", "contaminated", "set-aside"}
    assert sorted(names) == sorted({*RULES, *rules_of_readers(), *elsewhere})
    assert {name: rule.severity for name, rule in RULES.items()}.items() <= dict(sections).items()


def rules_of_readers() -> set[str]:
    """Return the rule ids written down where files and rows are read."""
    house = ROOT / "agentswift"
    files = [*house.joinpath("formats").glob("*.py"), *house.joinpath("rows").glob("*.py"), house / "errors.py"]
    return {rule for file in files for rule in RULE_IN_CODE.findall(file.read_text("utf-8"))}
