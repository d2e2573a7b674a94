"""`agentswift check`: every row that cannot or should not be trained on, found before any model is loaded."""

import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agentswift.compose import command
from agentswift.schema.groups import Data
from agentswift.schema.runs import Check, Output

if TYPE_CHECKING:
    from agentswift.cards import Card
    from agentswift.corpus import Corpus
    from agentswift.rows import Finding

MOST_SEVERE = ("error", "warning", "info")


@command("check", shape=Check)
def main(run: Check) -> int:
    """Check the rows of a mix or of one file; print what is wrong, where, and how to mend it."""
    corpus = _gathered(run)
    if run.output is Output.jsonl:
        for finding in corpus.findings:
            print(json.dumps(finding.json(), ensure_ascii=False))
        print(verdict(corpus), file=sys.stderr)
    else:
        print(
            "\n".join([*grouped(corpus.findings, run.most), ledgers(corpus), verdict(corpus), _next(corpus, run.data)])
        )
    return 1 if corpus.refused else 0


def _gathered(run: Check) -> "Corpus":
    """Read the data, with the name of the part that is being read shown on a terminal."""
    from rich.console import Console

    from agentswift.cards import find_cards
    from agentswift.corpus import gather
    from agentswift.engine.hub import local_copy

    with Console(stderr=True).status("reading cards") as status:

        def local(card: "Card") -> Path:
            status.update(f"checking {card.name}")
            return local_copy(card, run.hub.value)

        return gather(run.data, find_cards(run.registry), local)


def grouped(findings: "list[Finding]", most: int) -> Iterator[str]:
    """Yield the lines that show findings by rule, errors first and then the frequent ones, `most` a rule."""
    from agentswift.check import RULES
    from agentswift.report.visible import visible

    groups: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.rule].append(finding)
    for rule, found in sorted(groups.items(), key=lambda g: (MOST_SEVERE.index(g[1][0].severity), -len(g[1]), g[0])):
        about = f": {RULES[rule].about}" if rule in RULES else ""
        rows = len({(finding.file, finding.row) for finding in found})
        yield f"{found[0].severity}  {rule}  {len(found)}× in {rows} row{'s' * (rows != 1)}{about}"
        for finding in found[:most]:
            yield visible(f"  {place(finding)}  {finding.path}")
            yield visible(f"      {finding.message}")
            yield f"      fix: {finding.fix}"
        if len(found) > most:
            yield f"  … and {len(found) - most} more: most={len(found)} shows all, output=jsonl too"
        yield ""


def place(finding: "Finding") -> str:
    """Return file:line, the file as seen from here; the row where the file has no lines."""
    file = Path(finding.file)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"{shown}:{finding.line}" if finding.line else f"{shown} row {finding.row}"


def ledgers(corpus: "Corpus") -> str:
    """Return the table of what became of every row. Lengths are not known here: `train dry_run=true` counts them."""
    from agentswift.report.tables import table

    columns = ["dataset", "read", "kept", "refused", "duplicates"]
    return table("rows", columns, [[str(getattr(x, c)) for c in columns] for x in corpus.ledgers.values()])


def verdict(corpus: "Corpus") -> str:
    """Return one line: rows read and refused, and warnings."""
    read = sum(ledger.read for ledger in corpus.ledgers.values())
    warnings = sum(finding.severity == "warning" for finding in corpus.findings)
    refused = f"{corpus.refused} of {read} rows are refused" if corpus.refused else f"no row of {read} is refused"
    return f"{refused}; warnings: {warnings}. docs/rules.md explains each rule."


def _next(corpus: "Corpus", data: Data) -> str:
    options = _options(data)
    if corpus.refused:
        without = f"agentswift train {options} data.max_refused={corpus.refused}"
        return f"Next: mend the rows and check again; or train without them: {without}"
    return f"Next: agentswift show {options}"


def _options(data: Data) -> str:
    """Return the words of a command line that name this data again."""
    if data.path is not None:
        layout = f" data.format={data.format}" if data.format else ""
        return f"{shlex.quote(f'data.path={data.path}')}{layout}"
    (name, share), *others = data.parts.items()
    return f"data={name}" if share == 1.0 and not others else "data=… (as here)"
