"""bfcl: questions of the Berkeley function-calling leaderboard, with `ground_truth` where it was joined to them."""

from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Step, Tool
from agentswift.errors import RowError
from agentswift.formats.calls import bad_call, written_call
from agentswift.formats.chat import messages
from agentswift.formats.tools import read_tools
from agentswift.formats.turns import Turns


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row holds a list of turns, each a list of messages, and functions or the classes that hold them."""
    question = row.get("question")
    return (
        isinstance(question, list)
        and bool(question)
        and isinstance(question[0], list)
        and any(key in row for key in ("function", "involved_classes"))
    )


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row, for evaluation: without `ground_truth` it ends with the user's word.

    Of an argument's allowed values the first is taken; one that may be left out ("" among them) is, unless the tool
    requires it. The functions of multi-turn rows lie in files of their own (`involved_classes`) and are not declared.
    """
    question, tools = row.get("question"), read_tools(row.get("function"), "$.function")
    if not isinstance(question, list) or not all(isinstance(turn, list) for turn in question):
        raise RowError("question must be a list of turns", path="$.question", rule="no-messages")
    answers, system, turns = _answers(row.get("ground_truth"), len(question), tools), None, Turns()
    for i, turn in enumerate(question):
        for message in messages({"messages": turn}):
            if message.role == "system" and i == 0:
                system = message.text
            else:
                turns.user(message.text)
        turns.extend(answers[i], f"$.ground_truth[{i}]")
    return turns.conversation(system, tools, is_prompt=True)


def _answers(truth: Any, turns: int, tools: tuple[Tool, ...]) -> list[list[Step]]:
    """Return the steps of each turn: calls as objects, calls as text a turn, or words that would do as the answer."""
    if not isinstance(truth, list) or not truth:
        return [[] for _ in range(turns)]
    if all(isinstance(item, Mapping) for item in truth):
        return [
            [_call(item, f"$.ground_truth[{i}]", tools) for i, item in enumerate(truth)],
            *([] for _ in range(1, turns)),
        ]
    if all(isinstance(item, list) for item in truth):
        calls = [[written_call(str(c), f"$.ground_truth[{i}]", tools) for c in item] for i, item in enumerate(truth)]
        return [*calls, *([] for _ in range(len(calls), turns))]
    return [*([] for _ in range(1, turns)), [Step(kind="text", text=str(truth[0]))]]


def _call(item: Mapping[str, Any], path: str, tools: tuple[Tool, ...]) -> Step:
    if len(item) != 1 or not isinstance(given := next(iter(item.values())), Mapping):
        raise bad_call(f"an expected call is {{name: {{argument: [values]}}}}, not {str(item)[:60]}", path)
    name = next(iter(item))
    required = next((tool.parameters.get("required", ()) for tool in tools if tool.name == name), ())
    return Step(kind="call", tool=name, arguments=_chosen(given, required))


def _chosen(given: Mapping[str, Any], required: Any = ()) -> dict[str, Any]:
    """Return a value for each argument that must be there."""
    values = {name: allowed if isinstance(allowed, list) else [allowed] for name, allowed in given.items()}
    return {
        name: _value(allowed[0] if allowed[0] != "" or len(allowed) == 1 else allowed[1])
        for name, allowed in values.items()
        if allowed and ("" not in allowed or name in required)
    }


def _value(allowed: Any) -> Any:
    """Return a value in which each member of an object, and of a list of objects, is chosen too."""
    if isinstance(allowed, Mapping):
        return _chosen(allowed)
    return [_value(item) for item in allowed] if isinstance(allowed, list) else allowed
