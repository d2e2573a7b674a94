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
prompt, here it stands before the tools. ms_agent, lagent and toolbench are kinds of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.agent_templates.sections import Labels, Section, call_parts, read_call_at, result_label, tolerant
from agentswift.agent_templates.spans import Part, Piece, Place, Problem, Reading, alternating, joined
from agentswift.conversation import Field, Step, Tool

REACT = Labels()


@dataclass(eq=False, kw_only=True)
class React:
    """ReAct in one language: `tool` is one tool's line, `instructions` hold {tools} and {names}."""

    name: str
    instructions: str
    tool: str = ""
    between: str = "\n\n"  # tools' lines
    comma: str = ","  # between their names
    labels: Labels = REACT
    stop: tuple[str, ...] = (REACT.stop,)
    observation_place: Place = "assistant"
    before_result: str = ""  # between the label and the result

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the conversation's own prompt, a blank line, and the tools with how to call them."""
        if not tools:
            return joined([(system or "", "system", -1)], "given")
        lines = self.between.join(self.tool_line(number, tool) for number, tool in enumerate(tools, 1))
        text = self.instructions.format(tools=lines, names=self.names(tools))
        return joined([(f"{system}\n\n" if system else "", "system", -1), (text, "tools", -1)], "given")

    def names(self, tools: Sequence[Tool]) -> str:
        """Return the tools' names, as the instructions list them."""
        return self.comma.join(tool.name for tool in tools)

    def tool_line(self, number: int, tool: Tool) -> str:
        """Return what is said of the tool; `number` counts from 1."""
        parameters = json.dumps(dict(tool.parameters), ensure_ascii=False)
        return self.tool.format(name=tool.name, description=tool.description, parameters=parameters)

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's words as they are."""
        return joined([(text, "user", -1)], "given")

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a generation for each run of steps up to a result, and a piece for each result."""
        return alternating(
            steps,
            lambda run, _: self._generation(run),
            lambda step, pieces, *_: f"{self._result_label(pieces)}{self.before_result}{step.text}\n",
        )

    def _result_label(self, pieces: list[Piece]) -> str:
        return result_label(pieces, self.labels.stop) if self.stop else self.labels.stop

    def _generation(self, run: Sequence[tuple[int, Step]]) -> Piece:
        parts: list[Part] = []
        for index, step in run:
            end = "" if index == run[-1][0] else "\n"
            if step.kind == "call":
                parts += self.call_parts(step, index, is_last=not end)
            elif step.kind == "thought":
                parts += self._labelled(self.labels.thought, step, index, end)
            elif step.kind == "answer":
                parts += self.answer_parts(step, index, end)
            else:
                parts.append((step.text + end, "text", index))
        return joined(parts, "generated")

    def _labelled(self, label: str, step: Step, index: int, end: str) -> list[Part]:
        field: Field = "thought" if step.kind == "thought" else "answer"
        return [(f"{label}:", "label", index, field), (self.labels.after(step.text) + end, field, index)]

    def call_parts(self, step: Step, index: int, *, is_last: bool) -> list[Part]:
        """Return a call's lines, and the stop word after the last before a result."""
        parts = call_parts(step, index, self.labels)
        if is_last and self.stop:
            return [*parts, (self.labels.stop, "label", index, "observation")]
        if is_last:  # the stop token follows, on the same line
            text, *rest = parts[-1]
            return [*parts[:-1], (text.removesuffix("\n"), *rest)]
        return parts

    def answer_parts(self, step: Step, index: int, end: str) -> list[Part]:
        """Return the answer behind its label."""
        return self._labelled(self.labels.final, step, index, end)

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return the steps between labels; loosely only where the exact labels leave something not understood."""
        if not is_agent:
            return Reading((Step(kind="text", text=text),))
        return tolerant(lambda loosely: self._read(text, tools, loosely=loosely), ("call", "answer"))

    def _read(self, text: str, tools: Sequence[Tool], *, loosely: bool) -> Reading:
        sections, stray = self.labels.cut(text, loosely=loosely)
        if len(sections) == 1 and not sections[0].label:
            return _unlabelled(text)
        steps: list[Step] = []
        problems = list(stray)
        for at, section in enumerate(sections):
            if section.label == "action":
                step, found = self.read_action(sections, at, tools)
                steps.append(step)
                problems += found
            elif section.label != "action_input" and (section.label or section.text.strip()):
                problems += _misplaced(section, steps)
                steps.append(Step(kind="answer" if section.label == "final" else "thought", text=section.text))
        if problems and all(step.kind == "thought" for step in steps):
            problems.append(Problem("unparsable", "neither an Action with its Action Input nor a Final Answer"))
        return Reading(tuple(steps), tuple(problems))

    def read_action(
        self, sections: Sequence[Section], at: int, tools: Sequence[Tool]
    ) -> tuple[Step, tuple[Problem, ...]]:
        """Return the call whose Action is sections[at]."""
        return read_call_at(sections, at, tools)

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return the result: all but its label and the last line end."""
        if labelled:
            text = text.removeprefix("\n").removeprefix(self.labels.stop)
        return (Step(kind="observation", text=text.removeprefix(self.before_result).removesuffix("\n")),)


def _unlabelled(text: str) -> Reading:
    """Take words in no format for the answer: whoever asked had better see them."""
    problem = Problem("unparsable", f"no Thought, Action or Final Answer: {text.strip()[:60]!r}")
    return Reading((Step(kind="answer", text=text),) if text.strip() else (), (problem,))


def _misplaced(section: Section, steps: Sequence[Step]) -> list[Problem]:
    if not section.label:
        return [Problem("stray_text", f"text with no label: {section.text.strip()[:60]!r}")]
    if section.label == "final" and any(step.kind == "call" for step in steps):
        return [Problem("stray_text", "a Final Answer that did not wait for the call's result")]
    return []
