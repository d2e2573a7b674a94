"""What a model wrote, read and scored: predictions.jsonl, from which scores.json can be reckoned again."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentswift.agent_templates import find_agent_template
from agentswift.agent_templates.spans import AgentTemplate
from agentswift.conversation import Step, Tool
from agentswift.engine.evaluate import Evaluation
from agentswift.files import write_json, write_text
from agentswift.score import Score, language_of, score_step, summarize


def predictions(evaluation: Evaluation, written: Sequence[str], template: AgentTemplate) -> Iterator[dict[str, Any]]:
    """Yield one record a question: all that is needed to read and score it again."""
    for question, prompt, prediction in zip(evaluation.questions, evaluation.texts, written, strict=True):
        asked = question.asked
        record = {
            "dataset": question.dataset,
            "row": asked.source.row,
            "line": asked.source.line,
            "id": asked.source.id,
            "language": language_of(asked),
            "case": question.case,
            "agent_template": template.name,
            "is_agent": asked.is_agent or any(s.kind == "call" for s in question.expected),
            "after_observation": bool(asked.turns[-1].steps),
            "tools": [asdict(tool) for tool in asked.tools],
            "prompt": prompt,
            "prediction": prediction,
            "expected": [_plain(step) for step in question.expected],
        }
        yield record | _scored(record)


def _scored(record: dict[str, Any]) -> dict[str, Any]:
    """Read a record's prediction and score it: the steps read, the problems, the figures."""
    tools = [Tool(**tool) for tool in record["tools"]]
    reading = find_agent_template(record["agent_template"]).read(
        record["prediction"], tools, is_agent=record["is_agent"], after_observation=record["after_observation"]
    )
    expected = [Step(**step) for step in record["expected"]]
    figures = score_step(
        expected, reading.steps, reading.problems, tools, language=record["language"], case=record["case"]
    )
    return {
        "read": [_plain(step) for step in reading.steps],
        "problems": [asdict(problem) for problem in reading.problems],
        "figures": figures,
    }


def _plain(step: Step) -> dict[str, Any]:
    """Return a step as JSON without what says nothing; `Step(**…)` makes it again."""
    named = {"text": step.text, "tool": step.tool, "arguments": dict(step.arguments)}
    return {"kind": step.kind, **{k: v for k, v in named.items() if v}}


def save(records: Sequence[dict[str, Any]], folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Write FOLDER/predictions.jsonl and scores.json (`facts` and the figures of each part); return the latter."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    write_text(folder / "predictions.jsonl", "".join(f"{line}\n" for line in lines))
    scores = {**facts, "parts": parts(records)}
    write_json(folder / "scores.json", scores)
    return scores


def parts(records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the summary of each part's figures, by the part's name."""
    scores: defaultdict[str, list[Score]] = defaultdict(list)
    for record in records:
        scores[record["dataset"]].append(record["figures"])
    return {name: summarize(rows) for name, rows in scores.items()}


def recompute(file: Path) -> dict[str, Any]:
    """Read and score every prediction in predictions.jsonl again; return the parts of scores.json."""
    with file.open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return parts([record | _scored(record) for record in records])
