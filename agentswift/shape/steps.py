"""What of a conversation is trained: calls that failed, thoughts, turns before the last."""

from collections.abc import Iterable
from dataclasses import replace

from agentswift.check.failures import failure
from agentswift.conversation import Conversation, Step, Turn


def without_thoughts(conversation: Conversation) -> Conversation:
    """Leave out what the agent thinks; a turn of nothing but thoughts stays as it is."""
    return replace(conversation, turns=tuple(replace(turn, steps=_spoken(turn.steps)) for turn in conversation.turns))


def _spoken(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.kind != "thought") or steps


def without_failed_calls(conversation: Conversation) -> Conversation:
    """Read, but do not train, each call whose result says that it failed; what is made of the failure is trained."""
    return replace(conversation, turns=tuple(replace(turn, steps=_masked(turn.steps)) for turn in conversation.turns))


def _masked(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    failed = {call for call, result in _results(steps) if failure(steps[result].text)}
    return tuple(untrained(step) if at in failed else step for at, step in enumerate(steps))


def _results(steps: tuple[Step, ...]) -> Iterable[tuple[int, int]]:
    """Yield the places of each call and of its result: calls stand together, their results follow in the same order."""
    waiting: list[int] = []
    for at, step in enumerate(steps):
        if step.kind == "call":
            waiting.append(at)
        elif step.kind == "observation" and waiting:
            yield waiting.pop(0), at
        else:
            waiting.clear()


def last_turn_only(conversation: Conversation) -> Conversation:
    """Train only the last turn in which the agent does anything; those before are read."""
    last = max((at for at, turn in enumerate(conversation.turns) if turn.steps), default=0)
    return replace(conversation, turns=(*read(conversation.turns[:last]), *conversation.turns[last:]))


def read(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Return turns that are read and not trained."""
    return tuple(replace(turn, steps=tuple(map(untrained, turn.steps))) for turn in turns)


def untrained(step: Step) -> Step:
    """Return `step` as something that is read."""
    return replace(step, train=False)
