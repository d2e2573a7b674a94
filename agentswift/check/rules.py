"""What can be wrong with a Conversation: one rule a line of the table; docs/rules.md has a section for each."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple


@dataclass(frozen=True)
class Rule:
    """A rule; `message` has {places} that a Hit's values fill. An error refuses its row, a warning does not."""

    id: str
    severity: Literal["error", "warning"]
    about: str
    message: str
    fix: str


class Hit(NamedTuple):
    """A rule that a Conversation breaks, at a JSON path of the Conversation, with the values of its message."""

    rule: str
    path: str
    values: dict[str, Any]


_ALL = (
    Rule(
        "unknown-tool",
        "error",
        "a call of a tool that the row does not declare",
        "calls {tool!r}, a tool that this row does not declare.{near}",
        "add the tool to the row's tools, or correct the name",
    ),
    Rule(
        "missing-argument",
        "error",
        "a call without an argument that its tool requires",
        "{trouble}",
        "give the argument, or take it out of the tool's `required`",
    ),
    Rule(
        "unknown-argument",
        "warning",
        "a call with an argument that its tool does not have",
        "{trouble}",
        "correct the argument's name, or add it to the tool's `properties`",
    ),
    Rule(
        "ill-typed-argument",
        "warning",
        "an argument that its tool's schema does not allow",
        "{trouble}",
        "give a value that the schema allows, or correct the schema",
    ),
    Rule(
        "invalid-schema",
        "warning",
        "a tool whose parameters are not a JSON Schema of an object",
        "the parameters of {tool!r} are not a JSON Schema of an object: {trouble}",
        "types are object, array, string, integer, number, boolean and null; `required` is a list of names",
    ),
    Rule(
        "duplicate-tool",
        "error",
        "two tools of one name in one row",
        "the tool {tool!r} is declared twice",
        "keep one of the two, or give them different names",
    ),
    Rule(
        "orphan-observation",
        "error",
        "a tool's result that no call asked for",
        "this observation follows no call",
        "put the call before it, or remove it",
    ),
    Rule(
        "call-without-observation",
        "warning",
        "a call whose result never comes, though the conversation goes on",
        "the conversation goes on after this call of {tool!r} without its result",
        "add the observation, or end the row with the call",
    ),
    Rule(
        "empty-assistant",
        "error",
        "a user's message that the agent does nothing about",
        "the agent neither answers this message nor calls a tool",
        "add the reply, or remove the message",
    ),
    Rule(
        "empty-answer",
        "error",
        "an answer without text",
        "the agent's answer is empty",
        "write the answer, or remove the step",
    ),
    Rule(
        "nothing-to-train",
        "error",
        "a row in which no step is trained",
        "no step of this row is trained",
        'give the agent a step to train, or let one count ("loss": true, weight above 0)',
    ),
    Rule(
        "placeholder-left",
        "warning",
        "a template's placeholder that nobody filled in",
        "{placeholder} still stands in the text",
        "data.model_name=[小助,Helper] data.model_author=[我们,Us] fill NAME and AUTHOR; fill others in the file",
    ),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}
