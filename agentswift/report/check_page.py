"""check.html: findings by rule, and what became of the rows."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from agentswift.check import RULES
from agentswift.report.page import write_page
from agentswift.rows import Finding, Ledger

_ALWAYS = ("dataset", "read", "kept", "refused", "duplicates")


def ledger_columns(ledgers: Sequence[Ledger], *always: str) -> list[str]:
    """Return what a table of ledgers shows: the everyday counts, `always`, and what else is not 0 for all."""
    shown = (*_ALWAYS, *always)
    others = [f.name for f in fields(Ledger) if f.name not in shown]
    return [*shown, *(name for name in others if any(getattr(ledger, name) for ledger in ledgers))]


def write_check_page(
    path: Path, rules: Sequence[tuple[str, list[Finding]]], ledgers: Sequence[Ledger], last: Sequence[str], most: int
) -> None:
    """Write one self-contained page: `most` findings a rule, the counts of all; `last` are the lines that end it."""
    groups = [
        {
            "rule": rule,
            "severity": found[0].severity,
            "about": RULES[rule].about if rule in RULES else "",
            "count": len(found),
            "rows": len({(finding.file, finding.row) for finding in found}),
            "found": found[:most],
            "fix": found[0].fix,
        }
        for rule, found in rules
    ]
    columns = ledger_columns(ledgers)
    counts = [[getattr(ledger, column) for column in columns] for ledger in ledgers]
    title = "What is wrong with the rows"
    write_page(path, "check", title=title, groups=groups, columns=columns, counts=counts, last=list(last))
