"""A stream of conversations → what is trained of them: each made into others, then each cut and masked as asked."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random

from agentswift.conversation import Conversation, Tool
from agentswift.errors import UsageError, did_you_mean
from agentswift.mix.chance import seeded
from agentswift.schema.groups import Data, Thoughts
from agentswift.shape.disguised import names_swapped, tools_added, tools_renamed
from agentswift.shape.steps import last_turn_only, without_failed_calls, without_thoughts
from agentswift.shape.toolbox import with_tools
from agentswift.shape.unanswerable import argument_missing, tool_removed

Known = dict[str, Tool]  # name → a tool that some row before has declared
Make = Callable[[Conversation, Known, Random], Conversation | None]

NEGATIVES: dict[str, Make] = {
    "tool_removed": tool_removed,
    "argument_missing": lambda c, _, chance: argument_missing(c, chance),
    "tools_added": tools_added,
    "tools_renamed": lambda c, _, chance: tools_renamed(c, chance),
    "names_swapped": lambda c, _, chance: names_swapped(c, chance),
}
_MOST_KNOWN = 1000  # tools remembered, to be put among others


def shaped(name: str, conversations: Iterable[Conversation], data: Data, known: Known) -> Iterator[Conversation]:
    """Yield what is trained of the part `name`: each conversation, and right after it those made from it.

    `known` holds the tools of the rows so far, over all parts. One `data.seed`, one result; which rows are made, and
    how, hangs on a part's name and rows alone, but for the tools that `tools_added` takes from other parts.
    """
    quotas = [_Quota(kind, share, seeded(data.seed, "negatives", kind, name)) for kind, share in data.negatives.items()]
    for number, conversation in enumerate(conversations):
        made = [one for quota in quotas if (one := quota.made(conversation, known)) is not None]
        for tool in conversation.tools if len(known) < _MOST_KNOWN else ():
            known.setdefault(tool.name, tool)
        for one in (conversation, *made):
            yield _finished(one, data, seeded(data.seed, "tools", name, number, one.source.made))


def as_given(data: Data) -> Data:
    """Return `data` with the rows and tools that it was given: what a model is asked when it is scored.

    What is masked stays so: a row of which nothing is trained is then left out here as it was there, and a split of
    the rows comes out the same.
    """
    return replace(data, negatives={}, tools="given")


def check_kinds(kinds: Iterable[str]) -> None:
    """Raise UsageError for a kind of negatives that there is not."""
    for kind in kinds:
        if kind not in NEGATIVES:
            raise UsageError(f"data.negatives.{kind}: no such kind.{did_you_mean(kind, NEGATIVES)}")


class _Quota:
    """Makes one kind of rows: `share` of the rows seen so far, as evenly spread as the rows allow, by chance."""

    def __init__(self, kind: str, share: float, chance: Random) -> None:
        self.kind, self.share, self.chance = kind, share, chance
        self.seen, self.done, self.wait = 0, 0, chance.random()

    def made(self, conversation: Conversation, known: Known) -> Conversation | None:
        self.seen += 1
        if self.share * self.seen < self.done + self.wait:
            return None
        one = NEGATIVES[self.kind](conversation, known, self.chance)
        if one is None:
            return None  # the next row that can be made into one is
        self.done, self.wait = self.done + 1, self.chance.random()
        return replace(one, source=replace(conversation.source, made=self.kind))


def _finished(conversation: Conversation, data: Data, chance: Random) -> Conversation:
    if data.thoughts is Thoughts.drop:
        conversation = without_thoughts(conversation)
    if data.mask_failed_calls:
        conversation = without_failed_calls(conversation)
    if data.last_turn_only:
        conversation = last_turn_only(conversation)
    return with_tools(conversation, data.tools, chance)
