"""Real rows converted: ms_agent to AgentFabric, and every set to each layout and text and back."""

import json
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.cards import Card
from agentswift.commands.convert import main
from agentswift.convert.losses import losses
from agentswift.convert.targets import find_target
from agentswift.corpus import read_part
from agentswift.errors import RowError
from agentswift.formats import FORMATS
from tests.unit.test_convert_experiment import run
from tests.unit.test_convert_ms_agent import INPUTS, schemas
from tests.unit.test_convert_round_trip import LAYOUTS, READ_AGAIN

CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.rows,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS} (AGENTSWIFT_CORPUS)"),
]
FILES = {
    "ms_agent_samples/ms_agent_doc_record.jsonl": 1,
    "toolbench/toolllama_examples.json": 50,
    "fireact/hotpotqa.jsonl": 500,
    "llamafactory_demos/glaive_toolcall_en_demo.json": 300,
    "llamafactory_demos/glaive_toolcall_zh_demo.json": 300,
}


@pytest.mark.parametrize("to", ["agentfabric_zh", "agentfabric_en"])
def test_the_real_record_becomes_agentfabrics(to: str, tmp_path: Path) -> None:
    given, file = CORPUS / "ms_agent_samples" / "ms_agent_doc_record.jsonl", tmp_path / "fabric.jsonl"
    assert main.task(run(given, file, to=to)) == 0
    messages: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["messages"]
    tools = schemas(messages)
    assert set(tools) == {"hm_recipe_recommend", "hm_product_marketing", "hm_product_info", "hm_product_recommend"}
    assert tools["hm_product_info"]["required"] == ["sku_code_list", "sku_name_list", "property_list"]
    assert tools["hm_product_recommend"]["properties"]["keywords_dict"]["type"] == "object"
    calls = 0
    for message in messages:
        names = (
            re.findall(r"^Action: (.*)$", message["content"], re.MULTILINE) if message["role"] == "assistant" else []
        )
        for name, arguments in zip(names, INPUTS.findall(message["content"]), strict=False):
            Draft202012Validator.check_schema(tools[name])
            Draft202012Validator(tools[name]).validate(json.loads(arguments))
            calls += 1
    assert calls == 3
    assert sum("<result>" in m["content"] and m.get("loss") is False for m in messages) == 3


@pytest.mark.parametrize("file", FILES)
def test_rows_come_back_from_every_layout_and_text_that_is_read_again(file: str) -> None:
    """A row that is written without a finding is read back equal; what is refused is refused by name."""
    card = Card(name="x", format="", path=str(CORPUS / file))
    kept = [o.conversation for o in read_part(card, CORPUS / file) if o.conversation is not None][: FILES[file]]
    assert kept
    done: Counter[tuple[str, str]] = Counter()
    for name in [*LAYOUTS, *READ_AGAIN]:
        for segments in (True, False) if name in AGENT_TEMPLATES else (True,):
            target = find_target(name, segments=segments)
            for conversation in kept:
                try:
                    row = json.loads(json.dumps(target.write(conversation), ensure_ascii=False))
                except RowError as error:
                    done[name, error.rule] += 1
                    continue
                if found := list(target.lost(conversation, row)):
                    done[name, found[0].rule] += 1
                    continue
                back = FORMATS[READ_AGAIN.get(name, name)].read(row)
                if name == "ms_agent":  # its prompt ends every description with one full stop, there or not
                    back = replace(back, tools=conversation.tools)
                lost = [loss for loss in losses(conversation, back) if not loss.minor]
                done[name, "lost unsaid" if lost else "equal"] += 1
    print(file, dict(done))
    assert not [key for key in done if key[1] == "lost unsaid"]
    assert all(done[name, "equal"] == len(kept) for name in ("openai", "messages"))
