"""Calls as bare JSON at the start of a line, words before them their thought: what llama3 and openai_json share."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentswift.agent_templates.calls import call_in
from agentswift.agent_templates.json_text import read_json
from agentswift.agent_templates.spans import Part, Piece, Place, Problem, Reading, alternating, joined
from agentswift.agent_templates.thinking import read_words, word_parts
from agentswift.conversation import Step, Tool

_OPEN = re.compile(r"^[ \t]*(?P<fence>```\w*\s*)?(?:<\|python_tag\|>)?(?=[{\[])", re.MULTILINE)
_FENCE = re.compile(r"\s*```[ \t]*\n?")
_CLOSE = re.compile(r"[ \t;,]*(?:<\|eo[mt]_id\|>)?\n?")


@dataclass(frozen=True)
class Found:
    """A JSON value that begins a line, and the words before it; `repaired`: it was not written as JSON alone."""

    words: str
    value: Any
    repaired: bool


def found_in(text: str, is_wanted: Callable[[Any], object]) -> tuple[list[Found], str]:
    """Return the wanted JSON values that begin a line of `text`, and the words behind all of them.

    First strictly, those on one line, as templates write them: a thought may quote one that is laid out. Where there
    is none, any; a fence around a value counts only as a pair, as words may end with one.
    """
    strictly = _found_in(text, is_wanted, loosely=False)
    return strictly if strictly[0] else _found_in(text, is_wanted, loosely=True)


def _found_in(text: str, is_wanted: Callable[[Any], object], *, loosely: bool) -> tuple[list[Found], str]:
    values: list[Found] = []
    at = passed = 0
    for mark in _OPEN.finditer(text):
        if mark.start() < max(at, passed) or not (found := read_json(text, mark.end())) or not is_wanted(found.value):
            continue
        fence = _FENCE.match(text, found.end) if mark["fence"] else None
        repaired = found.repaired or bool(fence)
        if not loosely and (repaired or "\n" in text[mark.end() : found.end]):
            passed = found.end
            continue
        start = mark.start() if fence or not mark["fence"] else mark.end("fence")
        values.append(Found(text[at:start], found.value, repaired))
        close = fence or _CLOSE.match(text, found.end)
        at = close.end() if close else found.end
    return values, text[at:]


@dataclass(eq=False)
class JsonCalls(ABC):
    """A template whose calls are JSON by themselves; the stop token ends a generation, results are of the role tool."""

    name: str
    instructions: str  # around the tools, with {tools} where `system` writes them
    stop: tuple[str, ...] = ()
    observation_place: Place = "tool"

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the conversation's own prompt, then the tools and how to call them."""
        parts: list[Part] = [(system or "", "system", -1)]
        if tools:
            parts.append((("\n\n" if system else "") + self.tools_text(tools), "tools", -1))
        return joined(parts, "given")

    def tools_text(self, tools: Sequence[Tool]) -> str:
        """Return the instructions with the tools in them."""
        return self.instructions.replace("{tools}", json.dumps([*map(declared, tools)], ensure_ascii=False, indent=2))

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's words as they are."""
        return joined([(text, "user", -1)], "given")

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a generation for each run of steps up to a result, and a piece for each result."""
        return alternating(steps, lambda run, _: joined(self._generation(run), "generated"), lambda step, *_: step.text)

    def _generation(self, run: Sequence[tuple[int, Step]]) -> Iterator[Part]:
        kinds = [None, *(step.kind for _, step in run), None]
        for at, (index, step) in enumerate(run, 1):
            before, following = kinds[at - 1], kinds[at + 1]
            if step.kind != "call":
                yield from word_parts(step, index, following)
                continue
            yield from self.call_parts(step, index, is_first=before != "call", is_last=following != "call")
            if following not in (None, "call"):
                yield ("\n", "label", index, "action_input")

    @abstractmethod
    def call_parts(self, step: Step, index: int, *, is_first: bool, is_last: bool) -> list[Part]:
        """Return a call's parts; `is_first` and `is_last` of the calls made at once."""

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return words and calls, in whatever wrapping OpenAI or Llama write them."""
        if not is_agent:
            return Reading((Step(kind="text", text=text),))
        values, rest = found_in(text, calls_in)
        if not values:
            return Reading(tuple(read_words(text, before_call=False)))
        steps: list[Step] = []
        problems: list[Problem] = []
        for found in values:
            if found.words:
                steps += read_words(found.words.removesuffix("\n"), before_call=True)
            problems += [Problem("repaired", "the call is not JSON as written")] if found.repaired else []
            for call in calls_in(found.value):
                step, more = call_in(call, tools)
                steps.append(step)
                problems += more
        if rest.strip():
            steps += read_words(rest, before_call=False)
            problems.append(Problem("stray_text", f"text after the last call: {rest.strip()[:60]!r}"))
        return Reading(tuple(steps), tuple(problems))

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return the result, which is all of the message."""
        return (Step(kind="observation", text=text),)


def declared(tool: Tool) -> dict[str, Any]:
    """Return the tool as OpenAI declares it."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def calls_in(value: Any) -> list[Mapping[str, Any]]:
    """Return what a JSON value calls, each {name, arguments or parameters}; none where it is no call."""
    if isinstance(value, list):
        found = [calls_in(item) for item in value]
        return [call for calls in found for call in calls] if all(found) else []
    if not isinstance(value, dict):
        return []
    inner = value.get("tool_calls", value.get("function_call", value.get("function")))
    if isinstance(inner, str):  # {"type": "function", "function": NAME, "parameters": …}
        value, inner = {**value, "name": inner}, None
    if isinstance(inner, (dict, list)):
        return calls_in(inner)
    has_arguments = "arguments" in value or "parameters" in value
    return [value] if isinstance(value.get("name"), str) and has_arguments else []
