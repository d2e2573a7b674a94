"""Real rows: the format of every file, what is refused and by which rule, and FireAct's two layouts side by side."""

import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from agentswift.cards import Card
from agentswift.conversation import Conversation
from agentswift.corpus import read_part
from agentswift.errors import RowError
from agentswift.formats import FORMATS, detect, messages
from agentswift.rows import Row, read_rows

CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", Path(__file__).parents[2].parent / "shared" / "data"))
pytestmark = [
    pytest.mark.rows,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set AGENTSWIFT_CORPUS"),
]
# file: format, rows, refused by rule
FILES: dict[str, tuple[str, int, dict[str, int]]] = {
    "fireact/hotpotqa.jsonl": ("react", 500, {}),
    # five rows think once without an action, and are then shown a result
    "fireact/multitask_multimethod.jsonl": ("react", 2063, {"orphan-observation": 5}),
    "fireact/alpaca_format/hotpotqa.json": ("react", 500, {}),
    "fireact/alpaca_format/multitask_multimethod.json": ("react", 2063, {"orphan-observation": 5}),
    "llamafactory_demos/alpaca_en_demo.json": ("alpaca", 999, {}),
    "llamafactory_demos/alpaca_zh_demo.json": ("alpaca", 1000, {}),
    "llamafactory_demos/glaive_toolcall_en_demo.json": ("sharegpt", 300, {}),
    # two rows write the call as prose in a gpt message ("AI 计算折扣: {…}")
    "llamafactory_demos/glaive_toolcall_zh_demo.json": ("sharegpt", 300, {"orphan-observation": 2}),
    "llamafactory_demos/identity.json": ("alpaca", 91, {}),
    "llamafactory_demos/reason_tool_use_demo_50.jsonl": ("messages", 50, {}),
    "ms_agent_samples/ms_agent_doc_record.jsonl": ("ms_agent", 1, {}),
    "self_cognition/llama3_tutorial_self_cognition.json": ("alpaca", 80, {}),
    "self_cognition/swift_v2_self_cognition.jsonl": ("alpaca", 134, {}),
    "toolbench/toolllama_examples.json": ("toolbench", 50, {}),
}
# Questions without an agent's answer, or solution trees: no format of ours, and told so.
OTHERS = ("arc/*.*", "gsm8k/*.jsonl", "toolbench/instruction/*.json", "toolbench/answer/*.json")


@cache
def rows(file: str) -> tuple[Row, ...]:
    records = tuple(read_rows(CORPUS / file))
    assert all(isinstance(record, Row) for record in records)
    return tuple(record for record in records if isinstance(record, Row))


@cache
def conversations(file: str) -> tuple[tuple[Conversation, ...], dict[str, int]]:
    """Return what is read of a file, and what is refused by rule."""
    read, refused = [], Counter[str]()
    for row in rows(file):
        try:
            read.append(FORMATS[FILES[file][0]].read(row.values))
        except RowError as error:
            refused[error.rule] += 1
    return tuple(read), dict(refused)


@pytest.mark.parametrize("file", FILES)
def test_every_row_is_told_read_or_refused_as_expected(file: str) -> None:
    name, count, expected = FILES[file]
    assert Counter(detect(row.values).name for row in rows(file)) == {name: count}
    read, refused = conversations(file)
    assert refused == expected
    assert len(read) == count - sum(expected.values())


@pytest.mark.parametrize("file", FILES)
def test_every_conversation_is_read_back_from_what_is_written(file: str) -> None:
    for conversation in conversations(file)[0]:
        assert messages.read(messages.write(conversation)) == conversation


@pytest.mark.parametrize("pattern", OTHERS)
def test_rows_that_are_no_conversation_are_told_so(pattern: str) -> None:
    for path in CORPUS.glob(pattern):
        if path.suffix in (".json", ".jsonl", ".csv"):
            for row in rows(str(path.relative_to(CORPUS))):
                with pytest.raises(RowError) as error:
                    detect(row.values)
                assert error.value.rule == "unknown-format"


@pytest.mark.parametrize(("name", "equal"), [("hotpotqa", 500), ("multitask_multimethod", 2058)])
def test_both_layouts_of_fireact_give_the_same_conversations(name: str, equal: int) -> None:
    in_messages, _ = conversations(f"fireact/{name}.jsonl")
    in_alpaca, _ = conversations(f"fireact/alpaca_format/{name}.json")
    # A question may stand in a file several times, solved in different ways: they are compared as bags.
    assert sum((Counter(map(repr, in_messages)) & Counter(map(repr, in_alpaca))).values()) == equal
    assert len(in_messages) == len(in_alpaca) == equal


def test_declared_tools_are_those_called_but_for_three_calls_that_chatgpt_made_up() -> None:
    unknown = Counter(
        file
        for file in FILES
        for conversation in conversations(file)[0]
        for step in conversation.steps()
        if step.kind == "call" and conversation.tools and step.tool not in {tool.name for tool in conversation.tools}
    )
    assert unknown == {"toolbench/toolllama_examples.json": 3}


# What format and rules together refuse of it, the layout of each file being found by itself.
REFUSED = {
    "fireact/multitask_multimethod.jsonl": {"orphan-observation": 5},
    "fireact/alpaca_format/multitask_multimethod.json": {"orphan-observation": 5},
    "llamafactory_demos/glaive_toolcall_zh_demo.json": {"missing-argument": 4, "orphan-observation": 2},
    "toolbench/toolllama_examples.json": {"unknown-tool": 3},
}


def test_every_file_of_the_corpus_is_read_as_a_user_would_read_it() -> None:
    others = {path for pattern in OTHERS for path in CORPUS.glob(pattern)}
    found = {p for p in CORPUS.rglob("*") if p.suffix in (".json", ".jsonl", ".csv")} - others
    assert {path.relative_to(CORPUS).as_posix() for path in found} == set(FILES)
    for path in sorted(found):
        file, refused = path.relative_to(CORPUS).as_posix(), Counter[str]()
        kept = 0
        for outcome in read_part(Card(name="x", format="", path=str(path)), path):
            kept += outcome.conversation is not None
            refused.update({f.rule for f in outcome.findings if f.severity == "error"})
        assert refused == REFUSED.get(file, {}), file
        assert kept == FILES[file][1] - refused.total(), file


@pytest.mark.parametrize("file", FILES)
def test_every_conversation_is_held_by_the_layouts_that_hold_calls(file: str) -> None:
    for name in ("sharegpt", "ms_swift"):
        layout = FORMATS[name]
        assert layout.write is not None
        for conversation in conversations(file)[0]:
            assert layout.read(layout.write(conversation)) == conversation
