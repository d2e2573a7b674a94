"""Files → rows, each with its line; findings about rows; and the ledger that counts what became of each."""

from agentswift.rows.ledger import Finding, Ledger, Row, Severity
from agentswift.rows.read import data_files, read_rows

__all__ = ["Finding", "Ledger", "Row", "Severity", "data_files", "read_rows"]
