"""The shipped quickstart set: what its README promises of train.jsonl, known.jsonl and unseen.jsonl, row by row."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.check import check_conversation
from agentswift.conversation import Conversation
from agentswift.engine.encode import Encoder, load_chat
from agentswift.formats import detect, find_format
from agentswift.score import first_generation, language_of
from scripts.make_quickstart import LANGUAGES
from scripts.quickstart.tools import FILES as TRAINED
from scripts.quickstart.tools import SLOT, read_tools
from scripts.quickstart.values import Split
from tests.tokenizers import tokenizer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "registry" / "data" / "quickstart"
FILES = ("train", "known", "unseen")
HELD = ("known", "unseen")
CASES = {"one_call", "several_calls", "no_tool", "missing_argument", "failing_tool"}
HAN = re.compile(r"[\u4e00-\u9fff]")

Json = dict[str, Any]


@cache
def rows(name: str) -> list[Json]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@cache
def conversations(name: str) -> list[Conversation]:
    return [find_format("messages").read(row) for row in rows(name)]


def functions(*names: str) -> list[Json]:
    return [tool["function"] for name in names for row in rows(name) for tool in row["tools"]]


def calls(row: Json) -> list[Json]:
    """The row's calls in order, as {"name", "arguments"}, arguments decoded."""
    told = [call["function"] for message in row["messages"] for call in message.get("tool_calls", ())]
    return [{"name": one["name"], "arguments": json.loads(one["arguments"])} for one in told]


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def values(row: Json) -> list[str]:
    return [said(leaf) for call in calls(row) for leaf in leaves(call["arguments"]) if not isinstance(leaf, bool)]


def begins_with_call(row: Json) -> bool:
    return "tool_calls" in row["messages"][1]


def frame(row: Json) -> str:
    """The first question with its values taken out: what is left is the phrasing."""
    text = row["messages"][0]["content"]
    for value in sorted(values(row), key=len, reverse=True):
        text = text.replace(value, "_")
    return re.sub(r"_(?:(?:, | and |、|和)_)+", "_", text)


@pytest.mark.parametrize(("name", "least"), [("train", 600), ("known", 150), ("unseen", 100)])
def test_each_file_has_its_rows_a_third_of_them_chinese_and_every_case(name: str, least: int) -> None:
    languages = Counter(row["language"] for row in rows(name))
    assert len(rows(name)) >= least
    assert set(languages) == {"en", "zh"}
    assert languages["zh"] * 3 >= len(rows(name))
    for language in languages:
        assert {row["case"] for row in rows(name) if row["language"] == language} == CASES


@pytest.mark.parametrize("name", FILES)
def test_rows_read_without_a_finding(name: str) -> None:
    assert all(detect(row).name == "messages" for row in rows(name)[:20])
    assert [finding for one in conversations(name) for finding in check_conversation(one)] == []


@pytest.mark.parametrize("name", FILES)
def test_ids_are_unique_and_no_question_is_asked_twice_of_the_same_tools(name: str) -> None:
    assert len({row["id"] for row in rows(name)}) == len(rows(name))
    asked = [json.dumps([row["tools"], row["messages"][0]]) for row in rows(name)]
    assert len(set(asked)) == len(asked)


def test_no_held_out_question_is_a_trained_one() -> None:
    trained = {message["content"] for row in rows("train") for message in row["messages"] if message["role"] == "user"}
    assert not trained & {row["messages"][0]["content"] for name in HELD for row in rows(name)}


@pytest.mark.parametrize("name", FILES)
def test_language_is_that_of_tools_and_words(name: str) -> None:
    for row, conversation in zip(rows(name), conversations(name), strict=True):
        texts = [tool["function"]["description"] for tool in row["tools"]] + [row["messages"][0]["content"]]
        assert language_of(conversation) == row["language"]
        assert all(bool(HAN.search(text)) == (row["language"] == "zh") for text in texts), row["id"]
        assert all(re.fullmatch(r"[a-z_]+", tool["function"]["name"]) for tool in row["tools"])


@pytest.mark.parametrize("name", FILES)
def test_calls_are_of_offered_tools_and_valid_against_their_schemas(name: str) -> None:
    for row in rows(name):
        schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in row["tools"]}
        for call in calls(row):
            schema = schemas[call["name"]]
            jsonschema.validate(call["arguments"], {**schema, "additionalProperties": False})


@pytest.mark.parametrize("name", FILES)
def test_every_value_of_a_call_was_said_before_it(name: str) -> None:
    for row in rows(name):
        heard = ""
        for message in row["messages"]:
            for call in message.get("tool_calls", ()):
                for leaf in leaves(json.loads(call["function"]["arguments"])):
                    assert isinstance(leaf, bool) or said(leaf) in heard, row["id"]
            heard += f"\n{message['content']}"


@pytest.mark.parametrize("name", FILES)
def test_a_case_is_what_the_conversation_shows(name: str) -> None:
    for row in rows(name):
        results = [m["content"] for m in row["messages"] if m["role"] == "tool"]
        assert begins_with_call(row) == (row["case"] in {"one_call", "several_calls", "failing_tool"})
        assert any('"error"' in result for result in results) == (row["case"] == "failing_tool")
        if row["case"] in {"one_call", "failing_tool"}:
            assert len(calls(row)) == 1
        assert row["case"] != "several_calls" or len(calls(row)) > 1
        assert row["case"] != "no_tool" or not calls(row)
        if row["case"] == "failing_tool":
            assert json.loads(results[0])["error"] in row["messages"][-1]["content"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_argument_is_required_and_asked_for(name: str) -> None:
    for row in rows(name):
        if row["case"] == "missing_argument":
            assert row["messages"][1]["content"].endswith(("?", "？")), row["id"]
            assert any(tool["function"]["parameters"]["required"] for tool in row["tools"])


@pytest.mark.parametrize("name", HELD)
def test_about_a_fifth_of_held_out_rows_expects_no_call(name: str) -> None:
    assert 0.15 <= sum(not begins_with_call(row) for row in rows(name)) / len(rows(name)) <= 0.25


@pytest.mark.parametrize("name", FILES)
def test_a_third_of_the_rows_at_least_has_tools_to_choose_from(name: str) -> None:
    assert sum(len(row["tools"]) > 1 for row in rows(name)) * 3 >= len(rows(name))


def test_trained_tools_are_of_every_shape() -> None:
    shapes: dict[str, set[str]] = {}
    for function in functions("train"):
        parameters = function["parameters"]
        properties = parameters["properties"].values()
        found = {"enum" if "enum" in one else one["type"] for one in properties} or {"no arguments"}
        found |= {"optional"} if set(parameters["properties"]) - set(parameters["required"]) else set()
        shapes[function["name"]] = found
    assert len(shapes) >= 12
    wanted = {"string", "integer", "number", "boolean", "enum", "object", "array", "no arguments", "optional"}
    assert set().union(*shapes.values()) == wanted
    called = {call["name"] for row in rows("train") for call in calls(row)}
    assert called == set(shapes)


def test_known_tools_are_declared_as_they_were_trained() -> None:
    trained = {json.dumps(function, sort_keys=True) for function in functions("train")}
    assert {json.dumps(function, sort_keys=True) for function in functions("known")} <= trained


def test_every_tool_of_the_held_out_files_is_asked_for() -> None:
    for name in HELD:
        called = {call["name"] for row in rows(name) for call in calls(row)}
        assert called == {function["name"] for function in functions(name)}


def test_the_readme_counts_the_rows() -> None:
    told = dict(re.findall(r"`(\w+)\.jsonl` \| (\d+) ", (FOLDER / "README.md").read_text(encoding="utf-8")))
    assert told == {name: str(len(rows(name))) for name in FILES}


def test_unseen_tools_share_no_name_description_or_set_of_arguments_with_a_trained_one() -> None:
    def told(function: Json) -> dict[str, Any]:
        arguments = frozenset(function["parameters"]["properties"])
        return {"name": function["name"], "description": function["description"], "arguments": arguments}

    for key in ("name", "description", "arguments"):
        trained = {told(function)[key] for function in functions("train", "known")}
        assert not trained & {told(function)[key] for function in functions("unseen")}
    assert len({function["name"] for function in functions("unseen")}) >= 14


def test_held_out_templates_are_not_trained() -> None:
    def ids(name: str) -> set[str]:
        return {one for row in rows(name) for one in row["template"].split("+")}

    assert all(ids(name) and not ids("train") & ids(name) for name in HELD)


def test_held_out_phrasings_are_not_trained_nor_hold_a_trained_one() -> None:
    trained = {frame(row) for row in rows("train") if row["case"] in {"one_call", "missing_argument", "no_tool"}}
    for name in HELD:
        for row in rows(name):
            asked = frame(row)
            assert asked not in trained, row["id"]
            # A phrasing of a word or two, "_ and _", stands in many.
            assert not any(one in asked for one in trained if len(one) > (8 if row["language"] == "zh" else 24)), asked


def test_no_frame_of_the_script_is_for_both_training_and_held_out_questions() -> None:
    def frames(split: Split, *files: str) -> set[str]:
        tools = [tool for language in LANGUAGES for tool in read_tools(language, *files)]
        kinds = ("", "both", "missing")
        return {SLOT.sub("_", one) for tool in tools for kind in kinds for one in tool.frames(kind, split)}

    assert not frames("train", *TRAINED) & frames("held", *TRAINED, "unseen")


@pytest.mark.parametrize("name", HELD)
def test_many_values_of_held_out_questions_are_not_trained(name: str) -> None:
    trained = {value for row in rows("train") for value in values(row)}
    asked = [value for row in rows(name) for value in values(row)]
    assert sum(value not in trained for value in asked) >= 0.4 * len(asked)


def test_the_first_half_of_training_is_a_fair_sample() -> None:
    first = rows("train")[:335]
    for key in ("case", "language"):
        whole, part = Counter(row[key] for row in rows("train")), Counter(row[key] for row in first)
        assert all(abs(part[one] / len(first) - whole[one] / len(rows("train"))) < 0.06 for one in whole)
    assert len({call["name"] for row in first for call in calls(row)}) >= 50


@pytest.mark.parametrize(("name", "longest"), [("train", 360), ("known", 420), ("unseen", 420)])
def test_prompts_are_300_tokens_at_most(name: str, longest: int) -> None:
    words = tokenizer("smollm2")
    encoder = Encoder(words, load_chat("chatml", words), find_agent_template("hermes"))
    for conversation, row in zip(conversations(name), rows(name), strict=True):
        assert len(encoder.prompt_ids(first_generation(conversation)[0])) <= 300, row["id"]
    assert max(len(encoded.input_ids) for encoded in encoder.encode(conversations(name))) <= longest


def test_the_script_writes_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "scripts.make_quickstart", str(tmp_path)], cwd=ROOT, check=True)
    for name in FILES:
        assert (tmp_path / f"{name}.jsonl").read_bytes() == (FOLDER / f"{name}.jsonl").read_bytes()
