"""Qwen's ✿FUNCTION✿, as Qwen-Agent and ms-swift's qwen_en and qwen_zh speak it; results in the agent's own slot.

    我来查。                                      } generated,
    ✿FUNCTION✿: get_weather                      } up to the
    ✿ARGS✿: {"city": "北京"}                     } stop word
    ✿RESULT✿:晴，25度                             } put in (ms-swift: no space before it, a line end behind)
    ✿RETURN✿: 北京今天晴。                         } the model's, after a result; with no call before it, plain words

Several calls at once stand one after another before one ✿RESULT✿:, each further result brings its own. Words before a
call are its thought (`thinking` has what lies between). ms-swift writes the arguments as a Python dict, here they
are JSON.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.agent_templates.sections import Labels, call_parts, read_call_at, result_label, tolerant
from agentswift.agent_templates.spans import Part, Piece, Place, Reading, alternating, joined
from agentswift.agent_templates.thinking import read_words, word_parts
from agentswift.conversation import Step, Tool

_LABELS = Labels("✿FUNCTION✿", "✿ARGS✿", "✿RESULT✿", thought="", final="✿RETURN✿")


@dataclass(eq=False)
class Qwen:
    """Qwen's format in one language: `tool` is one tool's part, `instructions` hold {tools} and {names}."""

    name: str
    tool: str
    instructions: str
    stop: tuple[str, ...] = (_LABELS.stop,)
    observation_place: Place = "assistant"

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the conversation's own prompt, then the tools and how to call them."""
        if not tools:
            return joined([(system or "", "system", -1)], "given")
        text = self.instructions.format(
            tools="\n\n".join(map(self._tool_part, tools)), names=",".join(tool.name for tool in tools)
        )
        return joined([(system or "", "system", -1), (text, "tools", -1)], "given")

    def _tool_part(self, tool: Tool) -> str:
        parameters = json.dumps(dict(tool.parameters), ensure_ascii=False)
        return self.tool.format(name=tool.name, description=tool.description, parameters=parameters)

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's words as they are."""
        return joined([(text, "user", -1)], "given")

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a generation for each run of steps up to a result, and a piece for each result."""
        return alternating(
            steps,
            lambda run, pieces: _generation(run, after_observation=bool(pieces)),
            lambda step, pieces, *_: f"{result_label(pieces, _LABELS.stop)}{step.text}\n",
        )

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return words and calls; loosely only where the exact labels leave something not understood."""
        if not is_agent:
            return Reading((Step(kind="text", text=text),))
        return tolerant(lambda loosely: _read(text, tools, loosely=loosely), ("call",))

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return the result: all but its label and the last line end."""
        if labelled:
            text = text.removeprefix("\n").removeprefix(_LABELS.stop)
        return (Step(kind="observation", text=text.removesuffix("\n")),)


def _generation(run: Sequence[tuple[int, Step]], *, after_observation: bool) -> Piece:
    parts: list[Part] = []
    for (index, step), following in zip(run, [*(step.kind for _, step in run[1:]), None], strict=True):
        if step.kind == "call":
            parts += call_parts(step, index, _LABELS)
        elif step.kind == "answer" and after_observation:
            end = "" if following is None else "\n"
            parts += [(f"{_LABELS.final}:", "label", index, "answer"), (f" {step.text}{end}", "answer", index)]
        else:
            parts += word_parts(step, index, following)
    if run[-1][1].kind == "call":
        parts.append((_LABELS.stop, "label", run[-1][0], "observation"))
    return joined(parts, "generated")


def _read(text: str, tools: Sequence[Tool], *, loosely: bool) -> Reading:
    sections, stray = _LABELS.cut(text, loosely=loosely)
    steps: list[Step] = []
    problems = list(stray)
    for at, section in enumerate(sections):
        following = sections[at + 1].label if at + 1 < len(sections) else None
        if section.label == "action":
            call, found = read_call_at(sections, at, tools)
            steps.append(call)
            problems += found
        elif section.label == "final":
            steps.append(Step(kind="answer", text=section.text))
        elif not section.label:
            words = read_words if following != "final" else _before_return
            steps += words(section.text, before_call=following == "action")
    return Reading(tuple(steps), tuple(problems))


def _before_return(text: str, *, before_call: bool) -> list[Step]:
    """Return the thoughts in words before ✿RETURN✿, whose line end the writer put behind `</think>`."""
    *thoughts, rest = read_words(f"{text}\n", before_call=before_call)
    if rest.kind == "thought":
        return [*thoughts, rest]
    left = rest.text.removesuffix("\n")
    return [*thoughts, Step(kind="thought", text=left)] if left else thoughts
