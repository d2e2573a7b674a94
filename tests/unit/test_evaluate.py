import json
from pathlib import Path
from typing import Any

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.conversation import Conversation, Source, Step, Tool, Turn
from agentswift.engine.evaluate import Evaluation, _shares, questions
from agentswift.engine.predictions import parts, predictions, recompute, save

WEATHER = Tool(name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
CALL = Step(kind="call", tool="weather", arguments={"city": "朝阳"})
ANSWER = Step(kind="answer", text="晴。")


def asked(row: int, *steps: Step, file: str = "") -> Conversation:
    source = Source(dataset="d", file=file, line=row + 1, row=row)
    return Conversation(tools=(WEATHER,), turns=(Turn(user=f"朝阳 {row}?", steps=steps),), source=source)


@pytest.mark.parametrize(
    ("sizes", "samples", "shares"),
    [
        ([150, 100], None, [150, 100]),
        ([150, 100], 96, [48, 48]),
        ([150, 10], 96, [86, 10]),
        ([10, 150, 20], 90, [10, 60, 20]),
        ([5, 5], 100, [5, 5]),
        ([5, 5], 3, [2, 1]),
        ([], 3, []),
    ],
)
def test_a_sample_is_spread_over_the_parts(sizes: list[int], samples: int | None, shares: list[int]) -> None:
    assert sorted(_shares(sizes, samples)) == sorted(shares)
    assert [a for a, size in zip(_shares(sizes, samples), sizes, strict=True) if a > size] == []


def test_a_sample_is_fixed_and_a_smaller_one_lies_within_it() -> None:
    rows = [asked(i, CALL) for i in range(50)]

    def drawn(samples: int, seed: int = 1, **more: Any) -> list[int]:
        return [q.asked.source.row for q in questions({"a": rows, **more}, samples, seed)[0] if q.dataset == "a"]

    assert drawn(20) == drawn(20) == sorted(drawn(20))
    assert set(drawn(10)) < set(drawn(20))
    assert drawn(20) != drawn(20, seed=2)
    assert drawn(20, b=rows[:40]) == drawn(10)


def test_rows_without_an_agents_word_are_counted() -> None:
    found, silent = questions({"a": [asked(0, CALL), asked(1)]}, None, 1)
    assert (len(found), silent) == (1, 1)
    assert found[0].expected == (CALL,)
    assert found[0].asked.turns[-1].steps == ()


def test_the_case_that_a_row_names_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"case": "no_tool_fits"}\n{"case": 3}\n', encoding="utf-8")
    found, _ = questions({"a": [asked(0, ANSWER, file=str(file)), asked(1, CALL, file=str(file))]}, None, 1)
    assert [q.case for q in found] == ["no_tool_fits", ""]


def records(template: str) -> list[dict[str, Any]]:
    """Score three answers: the right call, an answer instead of a call, and something that cannot be read."""
    found, _ = questions({"known": [asked(0, CALL), asked(1, CALL)], "unseen": [asked(2, ANSWER)]}, None, 1)
    agent = find_agent_template(template)
    right = agent.write((CALL,))[0].text
    words = agent.write((ANSWER,))[0].text
    evaluation = Evaluation(found, [[1]] * 3, ["asked"] * 3, 0, 0)
    return list(predictions(evaluation, [right, words, words], agent))


@pytest.mark.parametrize("template", ["react_en", "react_zh", "hermes", "agentfabric_zh", "agentfabric_en"])
def test_predictions_are_scored_by_part(template: str) -> None:
    summary = parts(records(template))
    assert summary["known"]["exact_call"] == 0.5
    assert summary["known"]["missed_call"] == 0.5
    assert summary["unseen"]["no_call"] == 1.0
    assert summary["known"]["by_language"]["zh"]["rows"] == 2


@pytest.mark.parametrize("template", ["react_en", "hermes"])
def test_every_figure_can_be_reckoned_again_from_the_predictions(tmp_path: Path, template: str) -> None:
    scores = save(records(template), tmp_path, {"checkpoint": None})
    file = tmp_path / "predictions.jsonl"
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8")) == scores
    assert recompute(file) == scores["parts"]
    assert "朝阳" in file.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    lines[1] |= {"prediction": lines[0]["prediction"], "figures": None, "read": None, "problems": None}
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert recompute(file)["known"]["exact_call"] == 1.0
