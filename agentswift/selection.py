"""Which rows one wants to look at: those that call a tool, of which a rule says something, in which a text stands."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from agentswift.check import RULES
from agentswift.conversation import Conversation
from agentswift.corpus import Corpus
from agentswift.errors import DataError, UsageError, did_you_mean
from agentswift.rows import Finding
from agentswift.schema.groups import Data


@dataclass
class Selection:
    """What is asked of a row (None: nothing), all of it at once; and what was seen, to help after a miss."""

    tool: str | None = None  # it calls this tool
    rule: str | None = None  # `check` says this of it
    grep: str | None = None  # this text stands in what is said or called, capitals or not
    read: int = 0
    called: set[str] = field(default_factory=set)

    def of(self, conversations: Iterable[Conversation], findings: Sequence[Finding]) -> Iterator[Conversation]:
        """Yield the conversations that are wanted; `findings` may grow while they are read."""
        at, flagged = 0, set[tuple[str, int]]()
        for conversation in conversations:
            flagged |= {(f.file, f.row) for f in findings[at:] if f.rule == self.rule}
            at = len(findings)
            if self._wants(conversation, (conversation.source.file, conversation.source.row) in flagged):
                yield conversation

    def _wants(self, conversation: Conversation, is_flagged: bool) -> bool:
        self.read += 1
        calls = {step.tool for step in conversation.steps() if step.kind == "call"}
        self.called |= calls
        if (self.tool is not None and self.tool not in calls) or (self.rule is not None and not is_flagged):
            return False
        return self.grep is None or any(self.grep.casefold() in text.casefold() for text in texts(conversation))

    def miss(self, corpus: Corpus) -> DataError:
        """Return the error that says why no row was found, and what there is instead."""
        said = [f"{name}={value}" for name in ("tool", "rule", "grep") if (value := getattr(self, name)) is not None]
        near = ""
        if self.tool is not None and self.tool not in self.called:
            near = did_you_mean(self.tool, self.called, otherwise="Tools called: ")
        elif self.rule is not None and (refused := self._refused(corpus.findings)):
            near = f" {refused} rows are refused by it, so none of them is trained on: agentswift check shows them"
        elif self.rule is not None and self.rule not in RULES:
            near = did_you_mean(self.rule, RULES)
        asked = f" with {' and '.join(said)}" if said else ""
        return DataError(f"no row{asked} among {self.read} kept ({corpus.refused} refused).{near}")

    def _refused(self, findings: Iterable[Finding]) -> int:
        return len({(f.file, f.row) for f in findings if f.rule == self.rule and f.severity == "error"})


def texts(conversation: Conversation) -> Iterator[str]:
    """Yield all that is said or called in a conversation; the tools' declarations are left aside."""
    yield conversation.system or ""
    for turn in conversation.turns:
        yield turn.user or ""
    for step in conversation.steps():
        yield step.text
        if step.kind == "call":
            yield f"{step.tool} {json.dumps(step.arguments, ensure_ascii=False, default=str)}"


def up_to(data: Data, name: str) -> Data:
    """Return `data` as far as this part: those before it decide which of its rows are duplicates.

    Raises UsageError for a name that is none of the parts that give rows.
    """
    names = data.names
    if name not in names:
        raise UsageError(f"dataset={name}: not a part of the mix.{did_you_mean(name, names, otherwise='Parts: ')}")
    if data.path is not None:
        return data
    return replace(data, parts={part: data.parts[part] for part in names[: names.index(name) + 1]})
