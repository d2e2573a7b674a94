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
    """Something about one row; severity "error" refuses the row. `path` is a JSON path inside it."""

    file: str
    line: int
    row: int
    path: str
    rule: str
    severity: Severity
    message: str
    fix: str
    dataset: str = ""

    @classmethod
    def of(cls, source: Source, path: str, rule: str, severity: Severity, message: str, fix: str) -> "Finding":
        """Return a finding about the row that `source` names."""
        return cls(source.file, source.line, source.row, path, rule, severity, message, fix, source.dataset)

    def json(self) -> dict[str, Any]:
        """Return the finding as `check output=jsonl` prints it."""
        return {key: value for key, value in asdict(self).items() if key != "dataset"}


@dataclass
class Ledger:
    """What became of a dataset's rows; read = kept + refused + duplicates + over_length, always."""

    dataset: str
    read: int = 0
    kept: int = 0
    refused: int = 0
    duplicates: int = 0
    over_length: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for once."""
        return self.read == self.kept + self.refused + self.duplicates + self.over_length
