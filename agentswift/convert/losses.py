"""What a target cannot hold of a Conversation, found by reading back what was written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentswift.conversation import Conversation, Step, Tool


@dataclass(frozen=True)
class Loss:
    """Something of a Conversation, at `path` in it, that reading back does not give; `minor`: lossy=true allows it.

    Rules: lost-content (words, calls, tools), lost-kind (the words are there, but a thought is not told from an
    answer), lost-schema (part of a tool's JSON Schema) and lost-weights (`loss` and `loss_scale` of a step); all but
    the first are minor.
    """

    rule: str
    path: str
    message: str

    @property
    def minor(self) -> bool:
        """Whether all words, calls and tools are there still."""
        return self.rule != "lost-content"


def losses(given: Conversation, back: Conversation) -> Iterator[Loss]:
    """Yield what of `given` is missing or different in `back`: at most one a rule and turn."""
    if given.system != back.system:
        yield _content("$.system", "the system prompt", given.system, back.system)
    for i, tool in enumerate(given.tools):
        if i >= len(back.tools) or not _is_tool(tool, back.tools[i]):
            yield _content(f"$.tools[{i}]", "a tool", tool, back.tools[i] if i < len(back.tools) else None)
    if len(given.tools) < len(back.tools):
        yield _content("$.tools", "the list of tools", given.tools, back.tools)
    for i, turn in enumerate(given.turns):
        path = f"$.turns[{i}]"
        if i >= len(back.turns) or turn.user != back.turns[i].user:
            yield _content(f"{path}.user", "the user's word", turn.user, back.turns[i : i + 1])
            return  # what follows would only repeat it
        yield from _of_steps(turn.steps, back.turns[i].steps, path)
    if len(given.turns) < len(back.turns):
        yield _content("$.turns", "the end of the conversation", "nothing", back.turns[len(given.turns)])


def _of_steps(given: tuple[Step, ...], back: tuple[Step, ...], path: str) -> Iterator[Loss]:
    for j, step in enumerate(given):
        if j >= len(back) or _words(step) != _words(back[j]):
            yield _content(f"{path}.steps[{j}]", f"{step.kind}", step.text or step.tool, back[j : j + 1] or "nothing")
            return
    if len(given) < len(back):
        yield _content(f"{path}.steps", "the end of the turn", "nothing", back[len(given)])
        return
    for rule, said, differs in (
        ("lost-kind", "is read back as", lambda a, b: a.kind != b.kind),
        ("lost-weights", "loses its loss flag or weight, as", lambda a, b: _flags(a) != _flags(b)),
    ):
        for j, (step, other) in enumerate(zip(given, back, strict=True)):
            if differs(step, other):
                yield Loss(rule, f"{path}.steps[{j}]", f"{step.kind} {said} {other.kind}")
                break


def _is_tool(given: Tool, back: Tool) -> bool:
    same = (given.name, given.description) == (back.name, back.description)
    return same and is_held(given.parameters, back.parameters)


_NOTHING: tuple[Any, ...] = ([], {}, "", None)


def is_held(given: Any, back: Any) -> bool:
    """Whether the schema `back` says all that `given` says; an empty list or text says nothing."""
    if isinstance(given, Mapping) and isinstance(back, Mapping):
        return all(value in _NOTHING or is_held(value, back.get(key)) for key, value in given.items())
    return bool(given == back)


def _words(step: Step) -> tuple[Any, ...]:
    return step.text, step.tool, dict(step.arguments)


def _flags(step: Step) -> tuple[bool, float]:
    return step.train, step.weight


def _content(path: str, what: str, given: object, back: object) -> Loss:
    return Loss("lost-content", path, f"{what} is not held: {str(given)[:60]!r} comes back as {str(back)[:60]!r}")
