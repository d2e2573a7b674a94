"""Rules over real rows: how often each fires on the corpus, and that faults sown among real rows are found."""

import os
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from agentswift.cards import Card
from agentswift.check import BY_OPTION, check_options
from agentswift.corpus import read_part

pytestmark = pytest.mark.rows
ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", ROOT.parent / "shared" / "data"))
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: AGENTSWIFT_CORPUS")
# Rows by rule, each looked at: what stands here is wrong with the rows, not with the rule.
EXPECTED: dict[str, dict[str, int]] = {
    "fireact/hotpotqa.jsonl": {},
    "fireact/multitask_multimethod.jsonl": {"orphan-observation": 5, "wrong-order": 2, "garbled-text": 2},
    "llamafactory_demos/glaive_toolcall_en_demo.json": {"ill-typed-argument": 1},
    "llamafactory_demos/glaive_toolcall_zh_demo.json": {
        "missing-argument": 4,
        "ill-typed-argument": 2,
        "orphan-observation": 2,
    },
    "llamafactory_demos/alpaca_en_demo.json": {},
    "llamafactory_demos/alpaca_zh_demo.json": {},
    "llamafactory_demos/identity.json": {"placeholder-left": 85},
    "llamafactory_demos/reason_tool_use_demo_50.jsonl": {"unknown-argument": 1},
    "ms_agent_samples/ms_agent_doc_record.jsonl": {},
    "self_cognition/llama3_tutorial_self_cognition.json": {"placeholder-left": 74},
    "self_cognition/swift_v2_self_cognition.jsonl": {"placeholder-left": 69},
    "toolbench/toolllama_examples.json": {
        "unknown-tool": 3,
        "repeated-call": 2,
        "call-in-prose": 1,
    },
}


@needs_corpus
@pytest.mark.parametrize("name", EXPECTED)
def test_rules_fire_on_real_rows_with_reason_only(name: str) -> None:
    counts = Counter[str]()
    for outcome in read_part(Card(name="real", format="", path=str(CORPUS / name)), CORPUS / name):
        counts.update({finding.rule for finding in outcome.findings})
    assert counts == EXPECTED[name]


ELSEWHERE = {"duplicate row", "near duplicate", "duplicate id", "far too long", "evaluation question"}  # not by row


@needs_corpus
def test_every_kind_of_sown_fault_is_found_in_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    sown = import_module("seeded").sow(CORPUS, good=20, each=1)
    monkeypatch.delitem(sys.modules, "seeded_kinds")
    file = tmp_path / "seeded.jsonl"
    file.write_bytes(b"\n".join(sown.lines) + b"\n")
    named = import_module("faults").NAMED
    found: dict[int, set[str]] = {}
    for outcome in read_part(Card(name="sown", format="messages", path=str(file)), file):
        also = check_options(outcome.conversation, tuple(BY_OPTION)) if outcome.conversation else ()
        for finding in (*outcome.findings, *also):
            found.setdefault(finding.line, set()).add(finding.rule)
    kinds = {line: kind for line, kind in sown.faults.items() if kind not in ELSEWHERE}
    assert len(kinds) >= 45
    assert {kind for line, kind in kinds.items() if not found.get(line, set()) & named[kind]} == set()
