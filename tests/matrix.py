"""Formats × agent templates: what of each format's rows survives write → read. `python -m tests.matrix` writes it."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from agentswift.agent_templates import AGENT_TEMPLATES, read_turn
from agentswift.agent_templates.spans import AgentTemplate
from agentswift.conversation import Conversation, Step
from agentswift.errors import RowError
from agentswift.formats import FORMATS, detect
from agentswift.rows import Row, read_rows

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "formats.md"
CORPUS = Path(os.environ.get("AGENTSWIFT_CORPUS", ROOT.parent / "shared" / "data"))
MOST = 500  # rows a file: the whole corpus is gone through in tests/rows/test_agent_templates_corpus.py
FILES = {  # file → format; "": detected
    "fireact/hotpotqa.jsonl": "",
    "fireact/multitask_multimethod.jsonl": "",
    "fireact/alpaca_format/hotpotqa.json": "",
    "llamafactory_demos/glaive_toolcall_en_demo.json": "",
    "llamafactory_demos/glaive_toolcall_zh_demo.json": "",
    "llamafactory_demos/alpaca_en_demo.json": "",
    "llamafactory_demos/alpaca_zh_demo.json": "",
    "llamafactory_demos/identity.json": "",
    "llamafactory_demos/reason_tool_use_demo_50.jsonl": "",
    "ms_agent_samples/ms_agent_doc_record.jsonl": "",
    "self_cognition/llama3_tutorial_self_cognition.json": "self_cognition",
    "self_cognition/swift_v2_self_cognition.jsonl": "self_cognition",
    "toolbench/toolllama_examples.json": "",
}


# Layouts that no file of the corpus and no table has under their own name; the keys are those of the data sets' cards.
OWN: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    (
        "query_response",
        "a row as ms-swift's",
        {"query": "你是？", "response": "我是小助。", "history": [["你好", "您好！"]]},
    ),
    (
        "coig_cqia",
        "a row of the card's keys",
        {
            "instruction": "解释这个词",
            "input": "画蛇添足",
            "output": "做多余的事。",
            "domain": ["百科"],
            "human_verified": True,
        },
    ),
    (
        "ms_bench",
        "a row of the card's keys",
        {
            "id": "1",
            "conversations": [{"from": "user", "value": "写一句话"}, {"from": "assistant", "value": "春天来了。"}],
        },
    ),
)


@dataclass
class Line:
    """One format: where its rows are from, what was read and refused, and per template the rows that came back."""

    rows: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by rule
    whole: Counter[str] = field(default_factory=Counter)  # template → rows that survive
    lost: dict[str, list[str]] = field(default_factory=dict)  # template → what became of the others

    @property
    def read(self) -> int:
        return self.rows - self.refused.total()


def rows() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the format, the place and the row of every sample: the corpus, what is written by us, the tests' tables."""
    talk: list[Conversation] = []
    for file, named in FILES.items():
        for row in read_rows(CORPUS / file):
            if isinstance(row, Row) and row.row < MOST:
                name = named or detect(row.values).name
                yield name, f"{file} row {row.row}", row.values
                if name in ("messages", "sharegpt"):
                    talk.append(FORMATS[name].read(row.values)) if not row.row % 10 else None
    for name, layout in FORMATS.items():
        for conversation in talk if layout.write else ():
            with suppress(RowError):  # what the layout cannot hold: convert says it of every row
                yield name, "written by us", layout.write(conversation)  # type: ignore[misc]
    yield from OWN
    seen = set[str]()  # a table may be imported from one test into another
    for name, place, values in tabled():
        if (text := repr((name, values))) not in seen:
            seen.add(text)
            yield name, place, values


def tabled() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the rows in the tables and constants of the tests of formats: those that are to be read."""
    for file in sorted((ROOT / "tests" / "unit").glob("test_formats*.py")):
        module = import_module(f"tests.unit.{file.stem}")
        tables = [mark.args[1] for test in vars(module).values() for mark in getattr(test, "pytestmark", ())]
        constants = [value for name, value in vars(module).items() if name.isupper()]
        for number, (name, values) in enumerate(found([*tables, *constants])):
            with suppress(RowError):  # a table of rows to be refused
                FORMATS[name or detect(values).name].read(values)
                yield name or detect(values).name, f"{file.name}, its row {number}", values


def found(table: Any, named: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows within a table, with the format that stands beside them, if one does."""
    if isinstance(table, (list, tuple)):
        beside = next((item for item in table if isinstance(item, str) and item in FORMATS), named)
        for item in table:
            yield from found(item, beside if isinstance(table, tuple) else "")
    elif isinstance(table, Mapping) and all(isinstance(key, str) for key in table):
        yield named, table
        yield from (pair for value in table.values() for pair in found(value))


def matrix() -> dict[str, Line]:
    """Return a line for every format that has sample rows, in FORMATS' order."""
    lines = {name: Line() for name in FORMATS}
    for name, place, values in rows():
        line = lines[name]
        line.rows += 1
        try:
            conversation = FORMATS[name].read(values)
        except RowError as error:
            line.refused[error.rule] += 1
            continue
        for template in AGENT_TEMPLATES.values():
            if said := lost(template, conversation):
                line.lost.setdefault(template.name, []).append(f"{place}: {said}")
            else:
                line.whole[template.name] += 1
    return {name: line for name, line in lines.items() if line.rows}


def lost(template: AgentTemplate, conversation: Conversation) -> str:
    """Return how what is read back of a conversation differs from what was written; "" where it does not."""
    for turn in conversation.turns:
        is_agent = bool(conversation.tools) or any(step.kind != "text" for step in turn.steps)
        if turn.steps:
            back = read_turn(template, template.write(turn.steps), conversation.tools, is_agent)
            if back != turn.steps:
                return difference(turn.steps, back)
    return ""


def difference(written: tuple[Step, ...], back: tuple[Step, ...]) -> str:
    """Say in a few words where `back` parts from `written`."""
    kinds, read = [s.kind for s in written], [s.kind for s in back]
    if kinds != read:
        at = next((i for i, (a, b) in enumerate(zip(kinds, read, strict=False)) if a != b), min(len(kinds), len(read)))
        return f"{', '.join(kinds[at : at + 3]) or 'nothing'} is read as {', '.join(read[at : at + 3]) or 'nothing'}"
    step = next(a for a, b in zip(written, back, strict=True) if a != b)
    return f"the {step.kind} is read with another {'tool or arguments' if step.kind == 'call' else 'text'}"


def page(lines: dict[str, Line]) -> str:
    """Return docs/formats.md."""
    names = list(AGENT_TEMPLATES)
    out = [HEAD, f"| format | rows | read | {' | '.join(names)} |", "|---" * (len(names) + 3) + "|"]
    for name, line in lines.items():
        cells = [f"{line.whole[t]}" + (f" [^{name}-{t}]" if t in line.lost else "") for t in names]
        refused = ", ".join(f"{rule} {count}" for rule, count in sorted(line.refused.items()))
        out.append(
            f"| `{name}` | {line.rows} | {line.read}{f' ({refused})' if refused else ''} | {' | '.join(cells)} |"
        )
    missing = [f"`{name}`" for name in FORMATS if name not in lines]
    out.append(f"\nNo sample rows: {', '.join(missing)}.\n" if missing else "")
    for name, line in lines.items():
        for template, said in line.lost.items():
            more = f"; {len(said) - 2} more" if len(said) > 2 else ""
            out.append(f"[^{name}-{template}]: {'; '.join(said[:2])}{more}.")
    return "\n".join(out).rstrip("\n") + "\n"


HEAD = f"""# Formats × agent templates

Written by `python -m tests.matrix`; `tests/rows/test_matrix.py` compares it with what the code does. Do not edit it.

*rows* are samples: the corpus (up to {MOST} rows of a file), rows that we write in the layouts that we write, and those
in the tables of `tests/unit/test_formats*.py` that are to be read. *read* became Conversations; the others are refused,
by rule. Under each agent template: of the rows read, those of which every turn, written as that template writes it, is
read back the same. Where it is fewer, a note says why: spans and weights are right all the same, and `convert` says it
of every row.
"""

if __name__ == "__main__":
    PAGE.write_text(page(matrix()), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written")
