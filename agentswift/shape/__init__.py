"""Options that change what is trained: a Conversation → itself otherwise, and others made from it. Seeded, pure."""

from agentswift.shape.shaping import as_given, shaped

__all__ = ["as_given", "shaped"]
