"""The rule over a whole data set that needs nothing but its rows' ids; equal rows are told apart in mix."""

from dataclasses import dataclass, field

from agentswift.check.rules import Hit, finding
from agentswift.conversation import Source
from agentswift.rows import Finding


@dataclass
class Ids:
    """The ids seen so far, a dataset at a time."""

    _first: dict[tuple[str, str], Source] = field(default_factory=dict)

    def see(self, source: Source) -> list[Finding]:
        """Return what is said of a row whose id an earlier row of its dataset has; rows without an id are let pass."""
        first = self._first.setdefault((source.dataset, source.id), source) if source.id else source
        if first is source:
            return []
        values = {
            "id": source.id[:80],
            "first": f"row {first.row} (line {first.line})" if first.line else f"row {first.row}",
        }
        return [finding(Hit("duplicate-id", "$.id", values), source)]
