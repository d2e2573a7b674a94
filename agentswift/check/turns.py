"""Rules over the order of turns and steps."""

import json
from collections.abc import Iterator

from agentswift.check.rules import Hit
from agentswift.conversation import Conversation, Step

Placed = tuple[str, Step]  # a step's JSON path, the step


def unpaired_results(conversation: Conversation) -> Iterator[Hit]:
    """Pair observations with calls, first with first, from one word of the user's to the next."""
    said = exchanges(conversation)
    for number, exchange in enumerate(said, 1):
        waiting: list[int] = []
        for i, (path, step) in enumerate(exchange):
            if step.kind == "call":
                waiting.append(i)
            elif step.kind == "observation" and waiting:
                del waiting[: _results_in(step.text, len(waiting))]
            elif step.kind == "observation":
                yield Hit("orphan-observation", path, {})
        # A row may end in calls: nothing is said in ignorance of their results.
        end = len(exchange) if number < len(said) else _last_word(exchange)
        for path, step in (exchange[i] for i in waiting if i < end):
            yield Hit("call-without-observation", path, {"tool": step.tool})


def _results_in(text: str, calls: int) -> int:
    """Return how many of the `calls` that wait a result answers: all, where it is a list of results, one for each."""
    if calls > 1 and text.lstrip().startswith("[{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return 1
        if len(found) == calls and all(isinstance(r, dict) and ("tool_call_id" in r or "name" in r) for r in found):
            return calls
    return 1


def exchanges(conversation: Conversation) -> list[list[Placed]]:
    """Split the steps where the user speaks; turns in which the user says nothing go on with the one before."""
    found: list[list[Placed]] = []
    for t, turn in enumerate(conversation.turns):
        if turn.user is not None or not found:
            found.append([])
        found[-1] += [(f"$.turns[{t}].steps[{s}]", step) for s, step in enumerate(turn.steps)]
    return found


def _last_word(exchange: list[Placed]) -> int:
    return max((i for i, (_, step) in enumerate(exchange) if step.kind not in ("call", "observation")), default=-1)


def silences(conversation: Conversation) -> Iterator[Hit]:
    """Find turns in which the agent does nothing, answers that say nothing, and rows that train nothing."""
    for t, turn in enumerate(conversation.turns):
        if not any(step.kind in ("call", "observation", "answer") or step.text.strip() for step in turn.steps):
            yield Hit("empty-assistant", f"$.turns[{t}]", {})
        for s, step in enumerate(turn.steps):
            if step.kind == "answer" and _is_trained(step) and not step.text.strip():
                yield Hit("empty-answer", f"$.turns[{t}].steps[{s}].text", {})
    if not any(_is_trained(step) for step in conversation.steps()):
        yield Hit("nothing-to-train", "$.turns", {})


def _is_trained(step: Step) -> bool:
    return step.train and step.weight > 0 and step.kind != "observation"
