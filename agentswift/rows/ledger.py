"""A row and its place, what is found about it, and the ledger of what became of every row."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from agentswift.conversation import Source

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Row:
    """One row; `line` counts from 1 (0: the file has no lines), `row` from 0 over good and bad rows alike."""

    values: dict[str, Any]
    line: int
    row: int


@dataclass(frozen=True)
class Finding:
    """Something about one row; severity "error" refuses the row. `path` is a JSON path inside it.

    `rest_unread`: the rows behind it in its file could not be read, and no one knows how many they are.
    """

    file: str
    line: int
    row: int
    path: str
    rule: str
    severity: Severity
    message: str
    fix: str
    dataset: str = ""
    rest_unread: bool = False

    @classmethod
    def of(cls, source: Source, path: str, rule: str, severity: Severity, message: str, fix: str) -> "Finding":
        """Return a finding about the row that `source` names."""
        return cls(source.file, source.line, source.row, path, rule, severity, message, fix, source.dataset)

    def json(self) -> dict[str, Any]:
        """Return the finding as `check output=jsonl` prints it."""
        return {key: value for key, value in asdict(self).items() if key not in ("dataset", "rest_unread")}


@dataclass
class Ledger:
    """What became of a dataset's rows: read is the sum of all that stands below it, `cut` and `made` apart."""

    dataset: str
    read: int = 0
    kept: int = 0
    refused: int = 0
    duplicates: int = 0
    near_duplicates: int = 0
    contaminated: int = 0  # they hold what an evaluation set asks
    over_length: int = 0
    set_aside: int = 0  # nothing of them is trained as the run is set, or they belong on neither side of its split
    cut: int = 0  # of those kept or made: longer than max_length, and cut
    made: int = 0  # rows made from those that are kept; they were not read

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for once."""
        left_out = self.refused + self.duplicates + self.near_duplicates + self.contaminated + self.over_length
        return self.read == self.kept + left_out + self.set_aside
