"""Rules over calls, each held against the tools of its own row."""

from collections.abc import Iterator

from agentswift.agent_templates.arguments import problems_of
from agentswift.check.rules import Hit
from agentswift.conversation import Conversation
from agentswift.errors import did_you_mean


def faulty_calls(conversation: Conversation) -> Iterator[Hit]:
    """Find calls of undeclared tools and arguments against the schema; a row that declares no tools has neither."""
    tools = {tool.name: tool for tool in conversation.tools}
    if not tools:
        return
    for t, turn in enumerate(conversation.turns):
        for s, step in enumerate(turn.steps):
            if step.kind != "call":
                continue
            path = f"$.turns[{t}].steps[{s}]"
            if step.tool not in tools:
                yield Hit(
                    "unknown-tool", f"{path}.tool", {"tool": step.tool[:60], "near": did_you_mean(step.tool, tools)}
                )
                continue
            for problem in problems_of(tools[step.tool], step.arguments):
                rule = problem.kind.replace("_", "-")
                yield Hit(rule, f"{path}.arguments.{problem.path}", {"trouble": problem.message})
