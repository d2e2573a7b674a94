"""Rules over rows, Conversations, whole data sets and encoded rows, each a finding with its place and remedy.

docs/rules.md describes every one.
"""

from collections.abc import Collection, Mapping
from typing import Any

from agentswift.check.answers import empty_words, heedless
from agentswift.check.calls import faulty_calls
from agentswift.check.layout import faulty_layout
from agentswift.check.options import BY_OPTION
from agentswift.check.rules import RULES, Hit, Rule, finding
from agentswift.check.tools import faulty_tools
from agentswift.check.turns import silences, unpaired_results
from agentswift.check.words import spoiled_texts
from agentswift.conversation import Conversation, Source
from agentswift.rows import Finding

__all__ = ["BY_OPTION", "RULES", "Hit", "Rule", "check_conversation", "check_options", "check_row", "finding"]

_WATCHES = (faulty_tools, faulty_calls, unpaired_results, silences, spoiled_texts, heedless, empty_words)


def check_conversation(conversation: Conversation) -> list[Finding]:
    """Return what is wrong with a conversation, none when all is well; an error means that its row is refused.

    A finding's path is a place in the Conversation ($.turns[1].steps[0].arguments.city), not in the file's row.
    """
    return [finding(hit, conversation.source) for watch in _WATCHES for hit in watch(conversation)]


def check_options(conversation: Conversation, also: Collection[str]) -> list[Finding]:
    """Return what the rules named in `also`, keys of BY_OPTION, find."""
    return [finding(hit, conversation.source) for rule in also for hit in BY_OPTION[rule](conversation)]


def check_row(row: Mapping[str, Any], source: Source) -> list[Finding]:
    """Return what is wrong with a row as its file has it, whatever its Conversation; paths are places in the row."""
    return [finding(hit, source) for hit in faulty_layout(row)]
