"""ReAct: labelled lines, results put into the agent's own slot.

    Thought: …                                   } generated,
    Action: get_weather                          } up to the
    Action Input: {"city": "北京"}               } stop word
    Observation:RESULT                           } the result and a line end are put in, with no space before (ms-swift)
    Thought: …
    Final Answer: …

Several calls at once stand one after another before one Observation:; the second result brings its own label. A line
that begins with a label inside a thought cannot be read back (`is_readable` tells); inside an answer it can.
ms-swift 4.6 writes the arguments as a Python dict (ENGINE T4), here they are JSON; it forgets the row's own system
prompt, here it stands before the tools.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from agentswift.agent_templates.sections import (
    FINAL,
    OBSERVATION,
    Labels,
    Section,
    call_parts,
    read_call_at,
    result_label,
    tolerant,
)
from agentswift.agent_templates.spans import Part, Piece, Problem, Reading, joined
from agentswift.conversation import Step, Tool

_LABELS = Labels(("Thought", "Action", "Action Input", "Observation", FINAL))
_Run = Sequence[tuple[int, Step]]


@dataclass(eq=False)
class React:
    """ReAct in one language: `tool` is one tool's line, `instructions` hold {tools} and {names}."""

    name: str
    tool: str
    instructions: str
    stop: tuple[str, ...] = (OBSERVATION,)
    observation_place: Literal["assistant", "user"] = "assistant"

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the conversation's own prompt, a blank line, and the tools with how to call them."""
        if not tools:
            return joined([(system or "", "system", -1)], "given")
        lines = [
            self.tool.format(
                name=tool.name,
                description=tool.description,
                parameters=json.dumps(dict(tool.parameters), ensure_ascii=False),
            )
            for tool in tools
        ]
        text = self.instructions.format(tools="\n\n".join(lines), names=",".join(tool.name for tool in tools))
        return joined([(f"{system}\n\n" if system else "", "system", -1), (text, "tools", -1)], "given")

    def user(self, text: str, tools: Sequence[Tool]) -> Piece:
        """Return the user's words as they are."""
        return joined([(text, "user", -1)], "given")

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a generation for each run of steps up to a result, and a piece for each result."""
        pieces: list[Piece] = []
        for is_result, group in groupby(enumerate(steps), key=lambda numbered: numbered[1].kind == "observation"):
            run = list(group)
            if not is_result:
                pieces.append(_generation(run))
                continue
            for index, step in run:
                text = f"{result_label(pieces)}{step.text}\n"
                pieces.append(joined([(text, "observation", index)], "observation"))
        return pieces

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return the steps between labels; loosely only where the exact labels leave something not understood."""
        if not is_agent:
            return Reading((Step(kind="text", text=text),))
        return tolerant(lambda loosely: _read(text, tools, loosely=loosely), ("call", "answer"))

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return the result: all but its label and the last line end."""
        if labelled:
            text = text.removeprefix("\n").removeprefix(OBSERVATION)
        return (Step(kind="observation", text=text.removesuffix("\n")),)


def _generation(run: _Run) -> Piece:
    parts: list[Part] = []
    for index, step in run:
        end = "" if index == run[-1][0] else "\n"
        if step.kind == "call":
            parts += call_parts(step, index)
        elif step.kind == "thought":
            parts += [("Thought:", "label", index, "thought"), (f" {step.text}{end}", "thought", index)]
        elif step.kind == "answer":
            parts += [(f"{FINAL}:", "label", index, "answer"), (f" {step.text}{end}", "answer", index)]
        else:
            parts.append((step.text + end, "text", index))
    if run[-1][1].kind == "call":
        parts.append((OBSERVATION, "label", run[-1][0], "observation"))
    return joined(parts, "generated")


def _read(text: str, tools: Sequence[Tool], *, loosely: bool) -> Reading:
    sections, stray = _LABELS.cut(text, loosely=loosely)
    if len(sections) == 1 and not sections[0].label:
        return _unlabelled(text)
    steps: list[Step] = []
    problems = list(stray)
    for at, section in enumerate(sections):
        if section.label == "Action":
            call, found = read_call_at(sections, at, tools)
            steps.append(call)
            problems += found
        elif section.label != "Action Input" and (section.label or section.text.strip()):
            problems += _misplaced(section, steps)
            steps.append(Step(kind="answer" if section.label == FINAL else "thought", text=section.text))
    if problems and all(step.kind == "thought" for step in steps):
        problems.append(Problem("unparsable", "neither an Action with its Action Input nor a Final Answer"))
    return Reading(tuple(steps), tuple(problems))


def _unlabelled(text: str) -> Reading:
    """Take words in no format for the answer: whoever asked had better see them."""
    problem = Problem("unparsable", f"no Thought, Action or Final Answer: {text.strip()[:60]!r}")
    return Reading((Step(kind="answer", text=text),) if text.strip() else (), (problem,))


def _misplaced(section: Section, steps: Sequence[Step]) -> list[Problem]:
    if not section.label:
        return [Problem("stray_text", f"text with no label: {section.text.strip()[:60]!r}")]
    if section.label == FINAL and any(step.kind == "call" for step in steps):
        return [Problem("stray_text", "a Final Answer that did not wait for the call's result")]
    return []
