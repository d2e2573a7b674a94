"""Rules over Conversations, each a finding with its place and remedy. docs/rules.md describes every one."""

from agentswift.check.calls import faulty_calls
from agentswift.check.rules import RULES, Hit, Rule
from agentswift.check.tools import faulty_tools
from agentswift.check.turns import silences, unpaired_results
from agentswift.check.words import placeholders
from agentswift.conversation import Conversation, Source
from agentswift.rows import Finding

__all__ = ["RULES", "Rule", "check_conversation"]

_WATCHES = (faulty_tools, faulty_calls, unpaired_results, silences, placeholders)


def check_conversation(conversation: Conversation) -> list[Finding]:
    """Return what is wrong with a conversation, none when all is well; an error means that its row is refused.

    A finding's path is a place in the Conversation ($.turns[1].steps[0].arguments.city), not in the file's row.
    """
    return [_finding(hit, conversation.source) for watch in _WATCHES for hit in watch(conversation)]


def _finding(hit: Hit, source: Source) -> Finding:
    rule = RULES[hit.rule]
    return Finding.of(source, hit.path, rule.id, rule.severity, rule.message.format(**hit.values), rule.fix)
