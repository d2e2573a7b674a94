"""A span of an encoded conversation, and one set of weights that says what it weighs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from agentswift.conversation import WRITTEN

Part = Literal["", "key", "value", "punctuation"]
PARTS: tuple[Part, ...] = get_args(Part)  # of the arguments of a call; "" is all that is not told apart
_SAID_OF = {"key": "keys", "value": "values", "punctuation": "punctuation"}  # a part → its key under `arguments`


@dataclass(frozen=True)
class SpanRow:
    """A row of an encoded conversation's span table, as the cache keeps it: no loss scale is in it yet."""

    field: str
    of: str  # for a label, the field that it introduces
    step: int  # within its turn; -1: none
    turn: int  # -1: before the first
    weight: float  # the message's own, ≥ 0; 0 where it is not trained
    part: str = ""  # of action_input: key, value or punctuation


@dataclass(frozen=True)
class Weighing:
    """One set of weights: a loss scale's at one end of its schedule, for one dataset."""

    fields: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, float] = field(default_factory=dict)
    arguments: Mapping[str, float] = field(default_factory=dict)
    end_of_turn: float = 1.0
    turns: str = "all"

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Weighing":
        """Return the set that a loss scale's mapping says, what else stands in it left aside."""
        return cls(**{name: said[name] for name in cls.__dataclass_fields__ if name in said})

    def table(self, spans: Sequence[SpanRow]) -> list[float]:
        """Return what a token of each span weighs, and 0 behind all: what a token of no span (-1) picks."""
        first = _last_turn(spans) if self.turns == "last" else -1
        return [*(self.span(span) if span.turn >= first else 0.0 for span in spans), 0.0]

    def span(self, span: SpanRow) -> float:
        """Return what a token of `span` weighs: its field's weight times its message's."""
        weight = self.field(span.field, span.of)
        if span.field == "action_input" and span.part:
            weight *= float(self.arguments.get(_SAID_OF[span.part], 1.0))
        return weight * span.weight

    def field(self, name: str, of: str = "") -> float:
        """Return a field's weight: unless named 1 where the model writes it, 0 where it only reads it.

        `of`: the field that a label introduces.
        """
        if name == "end_of_turn":
            return float(self.end_of_turn)
        if name == "label" and of in self.labels:
            return float(self.labels[of])
        named = self.fields.get(name)
        return float(name in WRITTEN) if named is None else float(named)


def _last_turn(spans: Sequence[SpanRow]) -> int:
    """Return the last turn in which the agent writes anything."""
    return max((span.turn for span in spans if span.field in WRITTEN), default=-1)
