"""Every turn of the corpus, written by every template, is read back; the ones that cannot be are counted."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentswift.agent_templates import AGENT_TEMPLATES, is_readable
from agentswift.conversation import Conversation
from agentswift.errors import RowError
from agentswift.formats import detect
from agentswift.rows import Row, read_rows

CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", Path(__file__).parents[2].parent / "shared" / "data"))
pytestmark = [pytest.mark.rows, pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus (AGENTSWIFT_CORPUS)")]


def conversations(file: str) -> Iterator[Conversation]:
    for row in read_rows(CORPUS / file):
        if isinstance(row, Row):
            try:
                yield detect(row.values).read(row.values)
            except RowError:
                continue  # counted where formats are tested


@pytest.mark.parametrize(
    ("file", "unreadable"),
    [
        ("fireact/hotpotqa.jsonl", {}),
        ("fireact/multitask_multimethod.jsonl", {}),
        ("llamafactory_demos/glaive_toolcall_en_demo.json", {}),
        ("llamafactory_demos/glaive_toolcall_zh_demo.json", {}),
        ("llamafactory_demos/reason_tool_use_demo_50.jsonl", {}),
        ("llamafactory_demos/alpaca_zh_demo.json", {}),
        ("ms_agent_samples/ms_agent_doc_record.jsonl", {}),
        # row 41's answer spells out a whole call, Action and Action Input: in agentfabric's free text it is one, and
        # toolbench writes an answer as Finish, which that row's tools declare
        ("toolbench/toolllama_examples.json", {"agentfabric_zh": 1, "agentfabric_en": 1, "toolbench": 1}),
    ],
)
def test_the_corpus_is_read_back(file: str, unreadable: dict[str, int]) -> None:
    turns = [(turn.steps, c.tools) for c in conversations(file) for turn in c.turns if turn.steps]
    assert turns
    for name, template in AGENT_TEMPLATES.items():
        missed = [steps for steps, tools in turns if not is_readable(template, steps, tools)]
        assert len(missed) == unreadable.get(name, 0), (name, missed[:1])
