"""What a mix holds, row by row: shares, order, the held-out part, rows told apart. Pure functions of plain data."""

from agentswift.mix.account import Line, account, far_off
from agentswift.mix.contamination import EvaluationSet, Overlap, contaminated
from agentswift.mix.draw import Mix, order
from agentswift.mix.near import Near, NearRows, near_duplicates
from agentswift.mix.plan import Asked, plan
from agentswift.mix.questions import questions
from agentswift.mix.sameness import fingerprint
from agentswift.mix.sieve import LeftOut, Sieve
from agentswift.mix.split import Sides, divide, split

__all__ = [
    "Asked",
    "EvaluationSet",
    "LeftOut",
    "Line",
    "Mix",
    "Near",
    "NearRows",
    "Overlap",
    "Sides",
    "Sieve",
    "account",
    "contaminated",
    "divide",
    "far_off",
    "fingerprint",
    "near_duplicates",
    "order",
    "plan",
    "questions",
    "split",
]
