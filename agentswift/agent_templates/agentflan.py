"""agentflan: a JSON object an act, as the ToolBench parts of Agent-FLAN (HF internlm/Agent-FLAN) hold them.

    {"thought": "…", "action": "get_weather", "args": {"city": "北京"}}          } generated, then the stop token
    {"response": "RESULT"}                                                      } a user's turn
    {"thought": "…", "action": "FinalAction", "args": {"return_type": "give_answer", "final_answer": "…"}}

The data spell the keys in many ways, on purpose; one way is written here, all are read. Several calls at once are
an object a line. The wording of the prompt is ours: in the data every row has its own.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentswift.agent_templates.calls import arguments_text, call_in, json_string
from agentswift.agent_templates.json_calls import declared, found_in
from agentswift.agent_templates.json_text import read_json
from agentswift.agent_templates.spans import Part, Piece, Place, Problem, Reading, alternating, joined
from agentswift.conversation import Step, Tool

FINAL_ACTION = "FinalAction"
_GIVE = '{"return_type": "give_answer", "final_answer": "'
_INSTRUCTIONS = """You can call these APIs:
{tools}

Act step by step. Each step is one JSON object:
{"thought": what you think, "action": the name of an API, one of [{names}], "args": its arguments as a JSON object}
The result comes back as {"response": result}. End with the action FinalAction:
{"thought": what you think, "action": "FinalAction", \
"args": {"return_type": "give_answer", "final_answer": the answer to the user}}"""
# As the data spell them, in lower case and without spaces or underscores.
_THOUGHT = ("thought", "innerthought", "cot", "reasoning", "thinking")
_ACTION = ("action", "api", "tool", "command", "name", "apiname", "toolname", "function")
_ARGUMENTS = ("args", "arguments", "parameters", "params", "actioninput", "input", "kwargs")


@dataclass(eq=False)
class AgentFlan:
    """The template."""

    name: str = "agentflan"
    stop: tuple[str, ...] = ()
    observation_place: Place = "user"

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the conversation's own prompt, then the APIs and how to call them."""
        if not tools:
            return joined([(system or "", "system", -1)], "given")
        lines = [json.dumps(declared(tool)["function"], ensure_ascii=False) for tool in tools]
        names = ", ".join(tool.name for tool in tools)
        text = _INSTRUCTIONS.replace("{names}", names, 1).replace("{tools}", "\n".join(lines), 1)
        return joined([(f"{system}\n\n" if system else "", "system", -1), (text, "tools", -1)], "given")

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's words as they are."""
        return joined([(text, "user", -1)], "given")

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a generation for each run of steps up to a result, and a piece for each result."""
        return alternating(steps, lambda run, _: _generation(run), _result)

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return the steps in the objects; words around them are the answer, and a problem."""
        if not is_agent:
            return Reading((Step(kind="text", text=text),))
        values, rest = found_in(text, _is_act)
        steps: list[Step] = []
        problems: list[Problem] = []
        for found in values:
            problems += _stray(found.words, steps)
            problems += [Problem("repaired", "the act is not JSON as written")] if found.repaired else []
            problems += _act(found.value, tools, steps)
        problems += _stray(rest, steps)
        if not values:
            said = f"no JSON object with thought, action and args: {text.strip()[:60]!r}"
            problems.append(Problem("unparsable", said))
        return Reading(tuple(steps), tuple(problems))

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return the result in the object; text that is none is the result itself."""
        found = read_json(text)
        inner = found.value.get("response") if found and isinstance(found.value, dict) else None
        return (Step(kind="observation", text=inner if isinstance(inner, str) else text),)


AGENTFLAN = AgentFlan()


def _result(step: Step, pieces: list[Piece], is_first: bool, is_last: bool) -> str:
    line = "" if is_first else "\n"
    return f'{line}{{"response": "{json_string(step.text)}"}}'


def _generation(run: Sequence[tuple[int, Step]]) -> Piece:
    parts: list[Part] = []
    for at, (index, step) in enumerate(run):
        following = run[at + 1][1].kind if at + 1 < len(run) else None
        after_thought = at > 0 and run[at - 1][1].kind == "thought"
        end = "" if following is None else "\n"
        if step.kind == "thought":
            goes_on = following in ("call", "answer")
            parts += [('{"thought": "', "label", index, "thought"), (json_string(step.text), "thought", index)]
            parts.append(('", ' if goes_on else f'"}}{end}', "label", index, "thought"))
        elif step.kind == "text":
            parts.append((step.text + end, "text", index))
        else:
            parts.append(('"action": "' if after_thought else '{"action": "', "label", index, step.kind))
            parts += _acted(step, index, end)
    return joined([_named(part) for part in parts], "generated")


def _acted(step: Step, index: int, end: str) -> list[Part]:
    if step.kind == "answer":
        return [
            (f'{FINAL_ACTION}", "args": {_GIVE}', "label", index, "answer"),
            (json_string(step.text), "answer", index),
            (f'"}}}}{end}', "label", index, "answer"),
        ]
    return [
        (json_string(step.tool), "action", index),
        ('", "args": ', "label", index, "action_input"),
        (arguments_text(step), "action_input", index),
        (f"}}{end}", "label", index, "action_input"),
    ]


def _named(part: Part) -> Part:
    """A label before a call introduces its action."""
    return (*part[:3], "action") if part[3:] == ("call",) else part


def _keyed(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    for key, item in value.items():
        if re.sub(r"[ _-]", "", str(key)).lower() in names:
            return item
    return None


def _is_act(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return isinstance(_keyed(value, _ACTION), str) or isinstance(_keyed(value, _THOUGHT), str)


def _act(value: Mapping[str, Any], tools: Sequence[Tool], steps: list[Step]) -> Sequence[Problem]:
    """Add an object's thought and its call or answer to `steps`; return what is wrong with it."""
    thought, action, arguments = (_keyed(value, names) for names in (_THOUGHT, _ACTION, _ARGUMENTS))
    if isinstance(thought, str):
        steps.append(Step(kind="thought", text=thought))
    if not isinstance(action, str):
        return ()
    if action.strip() == FINAL_ACTION and isinstance(arguments, dict):
        answer = arguments.get("final_answer")
        if arguments.get("return_type", "give_answer") == "give_answer" and isinstance(answer, str):
            steps.append(Step(kind="answer", text=answer))
            return ()
    call, problems = call_in({"name": action, "arguments": arguments}, tools)
    steps.append(call)
    return problems


def _stray(words: str, steps: list[Step]) -> list[Problem]:
    if not (said := words.strip()):
        return []
    steps.append(Step(kind="answer", text=said))
    return [Problem("stray_text", f"text outside the JSON objects: {said[:60]!r}")]
