"""What a mix holds, row by row: shares, order, the held-out part, rows told apart. Pure functions of plain data."""

from agentswift.mix.contamination import EvaluationSet, Overlap, contaminated
from agentswift.mix.draw import order
from agentswift.mix.near import Near, NearRows, near_duplicates
from agentswift.mix.plan import plan
from agentswift.mix.questions import questions
from agentswift.mix.sameness import fingerprint
from agentswift.mix.sieve import LeftOut, Sieve
from agentswift.mix.split import split

__all__ = [
    "EvaluationSet",
    "LeftOut",
    "Near",
    "NearRows",
    "Overlap",
    "Sieve",
    "contaminated",
    "fingerprint",
    "near_duplicates",
    "order",
    "plan",
    "questions",
    "split",
]
