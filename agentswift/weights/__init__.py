"""A loss scale's weights on tokens: which span a token lies in is fixed, what it weighs is decided here."""

from agentswift.weights.budget import Budget, Share, budget
from agentswift.weights.faults import check_scale
from agentswift.weights.scale import Scale, in_training, mapping_of, progressed
from agentswift.weights.spans import PARTS, SpanRow, Weighing

__all__ = [
    "PARTS",
    "Budget",
    "Scale",
    "Share",
    "SpanRow",
    "Weighing",
    "budget",
    "check_scale",
    "in_training",
    "mapping_of",
    "progressed",
]
