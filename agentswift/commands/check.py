"""`agentswift check`: every row that cannot or should not be trained on, found before any model is loaded."""

import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agentswift.compose import command
from agentswift.errors import DataError
from agentswift.schema.groups import Data, Dedup
from agentswift.schema.runs import Check, ShowOutput

if TYPE_CHECKING:
    from agentswift.cards import Card
    from agentswift.check.encoded import Losses
    from agentswift.conversation import Conversation
    from agentswift.corpus import Corpus
    from agentswift.rows import Finding
    from agentswift.schema.groups import Model

MOST_SEVERE = ("error", "warning", "info")


@command("check", shape=Check)
def main(run: Check) -> int:
    """Check the rows of a mix or of one file; print what is wrong, where, and how to mend it."""
    if run.fix:
        _mend(run)
    corpus = _gathered(run)
    losses = [] if run.model is None else [str(_encoded(run, run.model, corpus))]
    last = [*losses, *unchecked(run), verdict(corpus, run.data)]
    if run.output is ShowOutput.jsonl:
        for finding in corpus.findings:
            print(json.dumps(finding.json(), ensure_ascii=False))
        print("\n".join(last), file=sys.stderr)
    elif run.output is ShowOutput.html:
        from agentswift.report.check_page import write_check_page

        page = Path(run.file or "check.html").with_suffix(".html")
        write_check_page(page, by_rule(corpus.findings), list(corpus.ledgers.values()), last, run.most)
        print(f"{last[-1]}\n{page}")
    else:
        print("\n".join([*grouped(corpus.findings, run.most), ledgers(corpus), *last, _next(corpus, run.data)]))
    return 0 if corpus.is_allowed(run.data.max_refused) else 1


def _mend(run: Check) -> None:
    """Write the copy and say what was changed; from here on the copy is what is checked."""
    from agentswift.check.copy import mended
    from agentswift.convert.rows_out import RowsOut
    from agentswift.report.visible import visible

    source, target = Path(str(run.data.path)).expanduser(), Path(str(run.file)).expanduser()
    rows = 0
    with RowsOut(target, overwrite=run.overwrite) as out:
        for row in mended(source):
            if row.rest_unread and run.data.max_refused != "-1":
                raise DataError(
                    f"{source}:{row.line}: the rest of it cannot be read, and a copy would not have it; nothing was "
                    "written. Mend this place or fetch the file again (fix=false says what is wrong); "
                    "or copy what is before it: data.max_refused=-1"
                )
            rows += bool(row.changes)
            for change in row.changes:
                where = f"{source}:{row.line}" if row.line else f"{source} row {row.row}"
                print(visible(f"mended  {where}  {change.path}: {change.said}"), file=sys.stderr)
            if row.raw is not None and not out.is_array:
                out.copy(row.raw)
            elif row.values is not None:
                out.write(row.values)
            elif not row.changes:
                print(f"not in the copy  {source} row {row.row}: it cannot be read", file=sys.stderr)
    done = f"{rows} rows mended: {target} has {out.rows}, {source} is as it was. What follows is of the copy.\n"
    print(done, file=sys.stderr if run.output is ShowOutput.jsonl else sys.stdout)
    run.data.path = str(target)


def _gathered(run: Check) -> "Corpus":
    """Read the data, with the name of the part that is being read shown on a terminal."""
    from rich.console import Console

    from agentswift.cards import find_cards
    from agentswift.check import check_options
    from agentswift.check.ids import Ids
    from agentswift.corpus import Corpus, streams
    from agentswift.engine.hub import local_copy
    from agentswift.spool import Spool

    corpus, ids = Corpus(), Ids()
    with Console(stderr=True).status("reading cards") as status:

        def local(card: "Card") -> Path:
            status.update(f"checking {card.name}")
            return local_copy(card, run.hub.value)

        for name, conversations in streams(corpus, run.data, find_cards(run.registry), local):
            kept: Spool[Conversation] = Spool()
            corpus.parts[name] = kept
            for conversation in conversations:
                corpus.findings += (*ids.see(conversation.source), *check_options(conversation, run.also))
                if run.model is not None:
                    kept.append(conversation)
    return corpus


def _encoded(run: Check, model: "Model", corpus: "Corpus") -> "Losses":
    """Encode what was kept as `train` would, and check lengths, masks and weights."""
    from agentswift.check import finding
    from agentswift.check.encoded import Losses, faulty_encoding
    from agentswift.engine.prepare import prepare, spoken
    from agentswift.report.progress import Progress
    from agentswift.weights import Scale, in_training

    speaker = spoken(model, run.template, run.hub)
    with Progress("encoding", "rows") as progress:
        prepared = prepare(corpus, speaker.encoder, progress)
    losses, rows, scale = Losses(run.max_length), prepared.encodings, Scale.of(run.loss_scale)
    for index, conversation in enumerate(prepared.conversations):
        spans, span_ids = rows.spans(index), rows.span_ids(index).tolist()
        start, end = in_training(scale, span_ids, spans, prepared.datasets[index])
        weights = list(map(max, start.tolist(), end.tolist()))
        fields = [spans[at].field for at in span_ids]
        hits = faulty_encoding(fields, weights, run.max_length, run.loss_scale.name)
        corpus.findings += [finding(hit, conversation.source) for hit in hits]
        losses.add(weights)
    return losses


def unchecked(run: Check) -> list[str]:
    """Return the line that says what was not looked for and how it would be; none where all was."""
    from agentswift.check import BY_OPTION

    left = [] if run.model is not None else ["lengths, masks and weights (model=NAME)"]
    if options := [rule for rule in BY_OPTION if rule not in run.also]:
        left.append(f"{', '.join(options)} (also=[{','.join([*run.also, *options])}])")
    if run.data.dedup is not Dedup.near:
        left.append("near duplicates (data.dedup=near)")
    if not run.data.decontaminate:
        left.append("contamination (data.decontaminate=[EVALUATION_SET])")
    return [f"not checked: {'; '.join(left)}"] if left else []


def by_rule(findings: "list[Finding]") -> "list[tuple[str, list[Finding]]]":
    """Return the findings by rule, errors first and then the frequent ones."""
    groups: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.rule].append(finding)
    return sorted(groups.items(), key=lambda g: (MOST_SEVERE.index(g[1][0].severity), -len(g[1]), g[0]))


def grouped(findings: "list[Finding]", most: int) -> Iterator[str]:
    """Yield the lines that show findings by rule, `most` of each."""
    from agentswift.check import RULES
    from agentswift.report.visible import visible

    for rule, found in by_rule(findings):
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
    """Return the table of what became of every row."""
    from agentswift.report.check_page import ledger_columns
    from agentswift.report.tables import table

    columns = ledger_columns(list(corpus.ledgers.values()))
    return table("rows", columns, [[str(getattr(x, c)) for c in columns] for x in corpus.ledgers.values()])


def verdict(corpus: "Corpus", data: Data) -> str:
    """Return one line: rows read and refused, whether that is allowed, and warnings."""
    from agentswift.corpus import not_read

    warnings = sum(finding.severity == "warning" for finding in corpus.findings)
    refused = f"{corpus.refused} of {corpus.read} rows are refused"
    if not corpus.refused:
        refused = f"no row of {corpus.read} is refused"
    elif corpus.is_allowed(data.max_refused):
        refused += f", which data.max_refused={data.max_refused} lets go"
    return f"{refused}{not_read(corpus)}; warnings: {warnings}. docs/rules.md explains each rule."


def _next(corpus: "Corpus", data: Data) -> str:
    options = _options(data)
    if corpus.refused:
        without = f"agentswift train {options} data.max_refused={-1 if corpus.unread else corpus.refused}"
        return f"Next: mend the rows and check again; or train without them: {without}"
    return f"Next: agentswift show {options}"


def _options(data: Data) -> str:
    """Return the words of a command line that name this data again."""
    if data.path is not None:
        layout = f" data.format={data.format}" if data.format else ""
        return f"{shlex.quote(f'data.path={data.path}')}{layout}"
    (name, share), *others = data.parts.items()
    return f"data={name}" if share == 1.0 and not others else "data=… (as here)"
