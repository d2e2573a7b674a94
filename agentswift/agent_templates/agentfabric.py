"""AgentFabric, the prompt of modelscope-agent's RolePlay (2024-04): calls amid free text, results in the agent's slot.

    我来查询天气。                               } generated,
    Action: amap_weather                         } up to the
    Action Input: {"location": "朝阳区"}         } stop word
    Observation: <result>晴，25度</result>       } put in by the runtime,
    Answer: 朝阳区今天晴，25度。                 } with "Answer:"; the model goes on after it

Several calls at once stand one after another before one Observation:, as in RolePlay's parallel prompt; each further
result is `Observation: <result>…</result>`, and Answer: follows the last. Words before a call are its thought, all
others the answer (`thinking` has what lies between).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.agent_templates.sections import Labels, call_parts, read_call_at, result_label, tolerant
from agentswift.agent_templates.spans import Part, Piece, Place, Reading, Run, alternating, joined
from agentswift.agent_templates.thinking import read_words, word_parts
from agentswift.conversation import Step, Tool

_LABELS = Labels(thought="", final="")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
# By the description's language, whatever the prompt's (modelscope_agent/tools/base.py).
_TOOL_ZH = "{name}: {name} API。{description} 输入参数: {parameters} Format the arguments as a JSON object."
_TOOL_EN = "{name}: {name} API. {description} Parameters: {parameters} Format the arguments as a JSON object."
_RESULT = re.compile(r"\A\n?(?:Observation:)? <result>(.*)</result>\n(?:Answer:)?\Z", re.DOTALL)


@dataclass(eq=False)
class AgentFabric:
    """AgentFabric in one language: `tools` holds {tools} and {names}, `prefix` {names}; a role goes in between."""

    name: str
    tools: str
    before_role: str
    after_role: str
    prefix: str
    stop: tuple[str, ...] = (_LABELS.stop,)
    observation_place: Place = "assistant"

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the tools, then the conversation's own prompt as the role; with no tools the prompt alone."""
        if not tools:
            return joined([(system or "", "system", -1)], "given")
        text = self.tools.format(tools="\n\n".join(map(_tool_line, tools)), names=_names(tools))
        parts: list[Part] = [
            (text + self.before_role, "tools", -1),
            (system or "", "system", -1),
            (self.after_role, "tools", -1),
        ]
        return joined(parts, "given")

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's words after a reminder of the tools' names."""
        prefix = self.prefix.format(names=_names(tools)) if tools else ""
        return joined([(prefix, "tools", -1), (text, "user", -1)], "given")

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a generation for each run of steps up to a result, and a piece for each result."""
        return alternating(steps, lambda run, pieces: _generation(run, after_observation=bool(pieces)), _result)

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return words and calls; loosely only where the exact labels leave something not understood."""
        if after_observation:  # what the writer puts between "Answer:" and the words, or the call
            text = text[1:] if text.startswith((" ", "\nAction:")) else text
        if not is_agent:
            return Reading((Step(kind="text", text=text),))
        return tolerant(lambda loosely: _read(text, tools, loosely=loosely), ("call",))

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return what stands between the result's tags; text without them is the result itself."""
        match = _RESULT.match(text)
        return (Step(kind="observation", text=match.group(1) if match else text),)


def _names(tools: Sequence[Tool]) -> str:
    return ",".join(tool.name for tool in tools)


def _tool_line(tool: Tool) -> str:
    line = _TOOL_ZH if _CHINESE.search(tool.description) else _TOOL_EN
    schema = json.dumps(dict(tool.parameters), ensure_ascii=False)
    return line.format(name=tool.name, description=tool.description, parameters=schema)


def _result(step: Step, pieces: list[Piece], is_first: bool, is_last: bool) -> str:
    return f"{result_label(pieces, _LABELS.stop)} <result>{step.text}</result>\n{'Answer:' if is_last else ''}"


def _generation(run: Run, *, after_observation: bool) -> Piece:
    parts: list[Part] = []
    for (index, step), following in zip(run, [*(step.kind for _, step in run[1:]), None], strict=True):
        parts += call_parts(step, index, _LABELS) if step.kind == "call" else word_parts(step, index, following)
    index, last = run[-1]
    if last.kind == "call":
        parts.append((_LABELS.stop, "label", index, "observation"))
    if after_observation:
        text, *rest = parts[0]
        parts[0] = (("\n" if run[0][1].kind == "call" else " ") + text, *rest)
    return joined(parts, "generated")


def _read(text: str, tools: Sequence[Tool], *, loosely: bool) -> Reading:
    sections, stray = _LABELS.cut(text, loosely=loosely)
    steps: list[Step] = []
    problems = list(stray)
    for at, section in enumerate(sections):
        if section.label == "action":
            call, found = read_call_at(sections, at, tools)
            steps.append(call)
            problems += found
        elif not section.label:
            steps += read_words(section.text, before_call=len(sections) > 1)
    return Reading(tuple(steps), tuple(problems))
