"""Predicted against expected steps of an agent's first generation → figures, a row and over rows."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from agentswift.agent_templates.spans import Problem
from agentswift.conversation import Conversation, Step, Tool

HAN = re.compile(r"[\u4e00-\u9fff]")
# A figure → (how it is found, over which rows): for tables and reports.
FIGURES: dict[str, tuple[str, str]] = {
    "valid_format": ("text that the agent template reads without an unparsable part", "rows"),
    "exact_call": ("the very calls expected, names and arguments JSON-equal", "calls"),
    "tool_name": ("the names of the tools expected, in order", "calls"),
    "argument_f1": ("mean F1 of the arguments' leaves", "calls"),
    "missed_call": ("no call where one is expected", "calls"),
    "no_call": ("an answer in words where no call is expected", "no_call_rows"),
    "wrong_call": ("a call where none is expected", "no_call_rows"),
    "made_up_tool": ("a call of a tool that the row does not declare", "tool_rows"),
}
Leaf = tuple[int, str, tuple[str | int, ...], str, Any]  # call, tool, place in its arguments, JSON type, value


class Score(TypedDict):
    """One row's figures: 1.0 or 0.0 (argument_f1: between), None where the figure does not apply to the row."""

    language: str
    case: str
    valid_format: float | None
    exact_call: float | None
    tool_name: float | None
    argument_f1: float | None
    missed_call: float | None
    no_call: float | None
    wrong_call: float | None
    made_up_tool: float | None


def first_generation(conversation: Conversation) -> tuple[Conversation, tuple[Step, ...]]:
    """Cut before the agent's first generation: what it is prompted with, and the steps expected of it.

    The expected steps reach to the first observation or the turn's end. An agent that never speaks gives the
    whole conversation and no steps.
    """
    for number, turn in enumerate(conversation.turns):
        kinds = [step.kind for step in turn.steps]
        start = next((i for i, kind in enumerate(kinds) if kind != "observation"), None)
        if start is not None:
            end = next((i for i in range(start, len(kinds)) if kinds[i] == "observation"), len(kinds))
            asked = replace(turn, steps=turn.steps[:start])
            return replace(conversation, turns=(*conversation.turns[:number], asked)), turn.steps[start:end]
    return conversation, ()


def language_of(conversation: Conversation) -> str:
    """Return "zh" when what the user says has a Chinese character, else "en"."""
    return "zh" if any(HAN.search(turn.user or "") for turn in conversation.turns) else "en"


def score_step(
    expected: Sequence[Step],
    predicted: Sequence[Step],
    problems: Sequence[Problem],
    tools: Sequence[Tool],
    *,
    language: str = "",
    case: str = "",
) -> Score:
    """Score one generation: `predicted` and `problems` are what the agent template read in it.

    Exact match of calls is BFCL's AST check and ToolBench's Act.EM made stricter: the same tools, in the same order
    (BFCL lets parallel calls change places), arguments JSON-equal to the one expected answer (BFCL lists several).
    Argument F1 compares leaves (call, tool, place, value), so arguments given to another tool count for nothing.
    made_up_tool is ToolBench's HalluRate; no_call is BFCL's irrelevance, and asks for readable words as well.
    """
    wanted, got = _calls(expected), _calls(predicted)
    valid = all(problem.kind != "unparsable" for problem in problems)
    truth, guess = set(_leaves(wanted)), set(_leaves(got))
    said = any(step.kind in ("answer", "text") and step.text.strip() for step in predicted)
    declared = {tool.name for tool in tools}
    return Score(
        language=language,
        case=case,
        valid_format=float(valid),
        exact_call=float(valid and truth == guess) if wanted else None,
        tool_name=float([c.tool for c in wanted] == [c.tool for c in got]) if wanted else None,
        argument_f1=2 * len(truth & guess) / (len(truth) + len(guess)) if wanted else None,
        missed_call=float(not got) if wanted else None,
        no_call=None if wanted else float(valid and said and not got),
        wrong_call=None if wanted else float(bool(got)),
        made_up_tool=float(any(c.tool not in declared for c in got)) if declared else None,
    )


def summarize(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the mean of each figure over the rows it applies to, and how many those are; None over no rows.

    The same again under "by_language" and, where rows name a case, "by_case". FIGURES says which count is whose
    denominator: rows, calls (a call is expected), no_call_rows (none is), tool_rows (tools are declared).
    """
    summary = _figures(scores)
    summary["by_language"] = _grouped([s["language"] for s in scores], scores)
    if cases := _grouped([s["case"] for s in scores], scores):
        summary["by_case"] = cases
    return summary


def _figures(scores: Sequence[Score]) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "rows": len(scores),
        "calls": sum(s["exact_call"] is not None for s in scores),
        "no_call_rows": sum(s["no_call"] is not None for s in scores),
        "tool_rows": sum(s["made_up_tool"] is not None for s in scores),
    }
    rows: Sequence[Mapping[str, Any]] = scores
    return counts | {figure: _mean([row[figure] for row in rows if row[figure] is not None]) for figure in FIGURES}


def _grouped(names: Sequence[str], scores: Sequence[Score]) -> dict[str, dict[str, Any]]:
    groups: defaultdict[str, list[Score]] = defaultdict(list)
    for name, score in zip(names, scores, strict=True):
        if name:
            groups[name].append(score)
    return {name: _figures(groups[name]) for name in sorted(groups)}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _calls(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.kind == "call"]


def _leaves(calls: Sequence[Step]) -> Iterator[Leaf]:
    """Yield scalars and empty containers, so that two lists of calls are equal exactly when their leaves are.

    JSON equality: 1 is 1.0 and keys have no order, but True is not 1.
    """
    for number, call in enumerate(calls):
        waiting: list[tuple[tuple[str | int, ...], Any]] = [((), call.arguments)]
        while waiting:
            place, value = waiting.pop()
            if isinstance(value, Mapping) and value:
                waiting += [((*place, key), item) for key, item in value.items()]
            elif isinstance(value, list | tuple) and value:
                waiting += [((*place, index), item) for index, item in enumerate(value)]
            else:
                yield (number, call.tool, place, *_typed(value))


def _typed(value: Any) -> tuple[str, Any]:
    """Tell True from 1 and {} from [], which Python takes for equal or cannot hash."""
    if isinstance(value, Mapping):
        return "object", None
    if isinstance(value, list | tuple):
        return "array", None
    return ("boolean", value) if isinstance(value, bool) else ("scalar", value)
