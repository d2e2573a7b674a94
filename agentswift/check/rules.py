"""What can be wrong with a row: one rule an entry of the table; docs/rules.md has a section for each."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from agentswift.conversation import Source
from agentswift.rows import Finding, Severity


@dataclass(frozen=True)
class Rule:
    """A rule; `message` has {places} that a Hit's values fill. An error refuses its row, a warning does not."""

    id: str
    severity: Severity
    about: str
    message: str
    fix: str


class Hit(NamedTuple):
    """A rule that is broken, at a JSON path (of the Conversation or of the row), with the values of its message."""

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
    Rule(
        "control-token",
        "warning",
        "a chat template's own token in the text",
        "{token} stands in the text: a tokenizer reads it as the end or the beginning of a message",
        "take it out, or write it with a space in it; split the row where several messages were pasted into one",
    ),
    Rule(
        "garbled-text",
        "warning",
        "text that was read in the wrong encoding once",
        "{text!r} is text that was decoded wrongly",
        "make the row again from its source, read as UTF-8",
    ),
    Rule(
        "unheeded-error",
        "warning",
        "a tool's error after which the agent goes on as if nothing had happened",
        "the tool failed ({error}), and the agent neither tries again nor says so",
        "let the agent call again or tell of the failure, or leave the row out",
    ),
    Rule(
        "repeated-observation",
        "warning",
        "an answer that is a tool's result word for word",
        "this answer repeats what {tool} returned, and adds nothing",
        "let the agent answer the question in its own words",
    ),
    Rule(
        "call-in-prose",
        "warning",
        "a call that is told in words, where none is made",
        "the agent says that it calls {tool!r} ({text!r}), and no call follows",
        "make it a call of the row's layout, or take the words out",
    ),
    Rule(
        "repeated-call",
        "warning",
        "the same call again, with the same result",
        "calls {tool!r} with the same arguments as just before, and gets the same",
        "leave the second call and its result out",
    ),
    Rule(
        "no-last-answer",
        "warning",
        "a row that ends with a tool's result",
        "the row ends with a tool's result: the agent does nothing about it",
        "add the answer, or end the row with the call",
    ),
    Rule(
        "wrong-order",
        "warning",
        "messages in an order in which no one talks",
        "{trouble}",
        "put the messages in the order in which they were said",
    ),
    Rule(
        "format-mismatch",
        "warning",
        "a prompt that asks for one notation of calls, and answers in another",
        "the prompt asks for {asked}, the answers are written in {written}",
        "write both in one: agentswift convert does it; with format=agentfabric or ms_agent both are written anew",
    ),
    Rule(
        "loss-contradicts",
        "warning",
        "flags of a message that contradict each other",
        "{trouble}",
        "keep one: loss says whether a message of the agent is trained, loss_scale (weight) how much",
    ),
    Rule(
        "rejected-row",
        "error",
        "a row that its own label calls a bad answer",
        "label is false: in preference data (KTO) this marks an answer that a model is to avoid",
        "leave the row out; or remove the column `label` where it means something else",
    ),
    Rule(
        "unread-column",
        "info",
        "a column of answers to avoid, which is not read",
        "{column} is not read, here or in any row of this dataset: only the other answer is trained",
        "nothing, where that is wanted; preference training is ms-swift's own (swift rlhf)",
    ),
    Rule(
        "mixed-languages",
        "warning",
        "an answer in another language than the question",
        "the user writes {asked}, the agent answers in {answered}",
        "translate one of the two, or leave the row out; also=[] does not look for it",
    ),
    Rule(
        "personal-data",
        "warning",
        "an e-mail address, telephone number, identity number or key",
        "{what}: {shown}",
        "replace it by a made-up one (example.com, 555-0100)",
    ),
    Rule(
        "duplicate-id",
        "warning",
        "two rows of one dataset with the same id",
        "the id {id!r} is {first}'s too",
        "give each row an id of its own; fix=true numbers them",
    ),
    Rule(
        "all-masked",
        "warning",
        "a row of which no token has a weight",
        "none of its {tokens} tokens has a weight under the loss scale {scale}",
        "give what it trains a weight: loss_scale=…, or leave the row out",
    ),
    Rule(
        "trained-observation",
        "warning",
        "a tool's result that is trained",
        "{tokens} tokens of tools' results have a weight under the loss scale {scale}: the model learns to invent them",
        "loss_scale.fields.observation=0",
    ),
    Rule(
        "over-length",
        "info",
        "a row that is longer than max_length, and is left out with truncation_strategy=delete",
        "{tokens} tokens, max_length={most}: left out with truncation_strategy=delete; {over} are too many, with "
        "{share:.0%} of its weight",
        "a larger max_length, or shorten the row",
    ),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}


def finding(hit: Hit, source: Source) -> Finding:
    """Return what is said of a row that breaks a rule."""
    rule = RULES[hit.rule]
    return Finding.of(source, hit.path, rule.id, rule.severity, rule.message.format(**hit.values), rule.fix)
