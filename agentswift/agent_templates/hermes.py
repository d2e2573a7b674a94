"""Hermes, as Qwen2.5 and Qwen3 speak it: calls are JSON between tags, results a turn of the user's slot.

    Let me look.                                                       } generated, then
    <tool_call>                                                        } the stop token
    {"name": "get_weather", "arguments": {"city": "北京"}}
    </tool_call>
    <tool_response>                                                    } put in, in the user's slot;
    RESULT                                                             } further ones on the next line
    </tool_response>

Words before a call are its thought, all others the answer (`thinking` has what lies between). The tools' wording is
ms-swift 4.6's (agent_template/hermes.py), its two line ends before "# Tools" where there is no system prompt included.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.agent_templates.calls import arguments_text, call_in, json_string
from agentswift.agent_templates.json_calls import declared
from agentswift.agent_templates.json_text import read_json
from agentswift.agent_templates.spans import Part, Piece, Place, Problem, Reading, alternating, joined
from agentswift.agent_templates.thinking import read_words, word_parts
from agentswift.conversation import Step, Tool

_INSTRUCTIONS = """

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""
# At a line's start, or anywhere with an object after it: models name the tag inside prose.
_OPEN = re.compile(r"^<tool_call>|<tool_call>(?=\s*\{)", re.MULTILINE)
_CLOSE = re.compile(r"\s*(?:```\s*)?</tool_call>")
_RESULT = re.compile(r"\A\n?<tool_response>\n(.*)\n</tool_response>\Z", re.DOTALL)


@dataclass(eq=False)
class Hermes:
    """The template; Qwen's stop token ends a generation, so there are no stop words."""

    name: str = "hermes"
    stop: tuple[str, ...] = ()
    observation_place: Place = "user"

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the conversation's own prompt and the tools as JSON, one a line."""
        lines = "\n".join(json.dumps(declared(tool), ensure_ascii=False) for tool in tools)
        text = _INSTRUCTIONS.format(tools=lines) if tools else ""
        return joined([(system or "", "system", -1), (text, "tools", -1)], "given")

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's words as they are."""
        return joined([(text, "user", -1)], "given")

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a generation for each run of steps up to a result, and a piece for each result."""
        return alternating(steps, lambda run, _: _generation(run), _result)

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return words and calls; a call's JSON is decoded where it stands, so it may hold the tags itself."""
        if not is_agent:
            return Reading((Step(kind="text", text=text),))
        steps: list[Step] = []
        problems: list[Problem] = []
        at = 0
        while mark := _OPEN.search(text, at):
            if words := _between(text[at : mark.start()], is_first=at == 0):
                steps += read_words(words.removesuffix("\n"), before_call=True)
            call, found, at = _call_at(text, mark.end(), tools)
            steps += call
            problems += found
        if at == 0:
            return Reading(tuple(read_words(text, before_call=False)))
        if (rest := _between(text[at:], is_first=False)).strip():
            steps += read_words(rest, before_call=False)
            problems.append(Problem("stray_text", f"text after the last call: {rest.strip()[:60]!r}"))
        return Reading(tuple(steps), tuple(problems))

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return what stands between the result's tags; text without them is the result itself."""
        match = _RESULT.match(text)
        return (Step(kind="observation", text=match.group(1) if match else text),)


HERMES = Hermes()


def _result(step: Step, pieces: list[Piece], is_first: bool, is_last: bool) -> str:
    line = "" if is_first else "\n"
    return f"{line}<tool_response>\n{step.text}\n</tool_response>"


def _generation(run: Sequence[tuple[int, Step]]) -> Piece:
    parts: list[Part] = []
    for (index, step), following in zip(run, [*(step.kind for _, step in run[1:]), None], strict=True):
        if step.kind == "call":
            parts += _call_parts(step, index, "" if following is None else "\n")
        else:
            parts += word_parts(step, index, following)
    return joined(parts, "generated")


def _call_parts(step: Step, index: int, end: str) -> list[Part]:
    return [
        ('<tool_call>\n{"name": "', "label", index, "action"),
        (json_string(step.tool), "action", index),
        ('", "arguments": ', "label", index, "action_input"),
        (arguments_text(step), "action_input", index),
        ("}\n</tool_call>" + end, "label", index, "action_input"),
    ]


def _between(text: str, *, is_first: bool) -> str:
    """Return the words between two calls without the line end that closes the first call's line."""
    return text if is_first else text.removeprefix("\n")


def _call_at(text: str, start: int, tools: Sequence[Tool]) -> tuple[list[Step], list[Problem], int]:
    """Return the call between the tags that open at `start`, its problems, and where it ends."""
    fence = re.compile(r"\s*```\w*\s*").match(text, start)
    found = read_json(text, fence.end() if fence else start)
    value = found.value if found else None
    if not found or not isinstance(value, dict) or not isinstance(value.get("name"), str):
        end = text.find("</tool_call>", start)
        end = len(text) if end < 0 else end + len("</tool_call>")
        message = f'no {{"name": …, "arguments": {{…}}}} in <tool_call>: {text[start:end].strip()[:60]!r}'
        return [], [Problem("unparsable", message)], end
    problems = [Problem("repaired", "the call is not JSON as written")] if found.repaired or fence else []
    close = _CLOSE.match(text, found.end)
    if not close:
        problems.append(Problem("repaired", "</tool_call> is missing"))
    step, more = call_in(value, tools)
    return [step], [*problems, *more], close.end() if close else found.end
