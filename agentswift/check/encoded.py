"""Rules over encoded rows, and what they lose to max_length: pure functions of fields and weights, a token each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agentswift.check.rules import Hit


def faulty_encoding(fields: Sequence[str], weights: Sequence[float], max_length: int, scale: str) -> Iterator[Hit]:
    """Find rows that train nothing, that train tools' results, and that are longer than `max_length` tokens."""
    whole = sum(weights)
    if not whole:
        yield Hit("all-masked", "$", {"tokens": len(weights), "scale": scale})
    if seen := sum(w > 0 and f == "observation" for f, w in zip(fields, weights, strict=True)):
        yield Hit("trained-observation", "$", {"tokens": seen, "scale": scale})
    if (over := len(weights) - max_length) > 0:
        share = sum(weights[max_length:]) / whole if whole else 0.0
        yield Hit("over-length", "$", {"tokens": len(weights), "most": max_length, "over": over, "share": share})


@dataclass
class Losses:
    """What a data set loses to max_length, in rows, tokens and weight."""

    max_length: int
    lengths: list[int] = field(default_factory=list)
    tokens: int = 0  # of rows that are too long
    weight: float = 0.0  # likewise
    all_weight: float = 0.0

    def add(self, weights: Sequence[float]) -> None:
        """Count a row."""
        self.lengths.append(len(weights))
        self.all_weight += (whole := sum(weights))
        if len(weights) > self.max_length:
            self.tokens, self.weight = self.tokens + len(weights), self.weight + whole

    def __str__(self) -> str:
        over, rows = sum(length > self.max_length for length in self.lengths), len(self.lengths)
        longest = max(self.lengths, default=0)
        if not over:
            return f"no row of {rows} is over max_length={self.max_length}; the longest has {longest} tokens"
        weight = 100 * self.weight / self.all_weight if self.all_weight else 0.0
        enough = sorted(self.lengths)[int(0.99 * (rows - 1))]
        return (
            f"{over} of {rows} rows are over max_length={self.max_length}: {self.tokens:,} of {sum(self.lengths):,} "
            f"tokens and {weight:.1f} % of the weight are left out with truncation_strategy=delete; 99 % of the rows "
            f"have at most {enough} tokens, the longest {longest}"
        )
