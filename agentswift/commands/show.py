"""`agentswift show`: the very tokens and weights that `train` would read, drawn before any GPU is paid for."""

import json
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from agentswift.compose import command
from agentswift.errors import UsageError
from agentswift.schema.groups import Dedup, Truncation
from agentswift.schema.runs import Show, ShowOutput
from agentswift.weights import Scale

if TYPE_CHECKING:
    from agentswift.conversation import Conversation
    from agentswift.corpus import Corpus
    from agentswift.engine.draw import Drawing, Drawn
    from agentswift.engine.encode import Encoder
    from agentswift.selection import Selection

_KEYS = ("dataset", "row", "text", "input_ids", "labels", "weights", "fields")


@command("show", shape=Show)
def main(run: Show) -> None:
    """Draw tokens by field and weight, as train would read them."""
    if run.rows != "all" and not (run.rows.isdigit() and int(run.rows)):
        raise UsageError(f"rows={run.rows}: a number of rows, or all")
    from agentswift.corpus import Corpus
    from agentswift.engine.draw import Drawing
    from agentswift.engine.prepare import spoken
    from agentswift.selection import Selection, up_to

    if run.dataset is not None:
        run.data = up_to(run.data, run.dataset)
    names = run.templates or [run.template.agent_template]
    models = {n: spoken(run.model, replace(run.template, agent_template=n), run.hub) for n in names}
    scale, encoders = Scale.of(run.loss_scale), {name: model.encoder for name, model in models.items()}
    drawing = Drawing(encoders, scale, run.max_length, run.truncation_strategy)
    corpus, wanted = Corpus(), Selection(run.tool, run.rule, run.grep)
    conversations = (
        _longest(run, corpus, wanted, drawing.encoders[names[0]]) if run.longest else _first(run, corpus, wanted)
    )
    drawn = drawing.draw(conversations)
    try:
        drawn = chain([next(drawn)], drawn)
    except StopIteration:
        raise wanted.miss(corpus) from None
    if run.output is ShowOutput.jsonl:
        _jsonl(drawn, run.templates)
        return
    kept = run.template.thinking.value
    settings = f"{', '.join(names)}, {models[names[0]].chat_template}, thoughts {kept}, loss scale {scale.title}"
    (_html if run.output is ShowOutput.html else _text)(run, corpus, drawing, drawn, settings)


def _most(rows: str) -> int | None:
    return None if rows == "all" else int(rows)


def _first(run: Show, corpus: "Corpus", wanted: "Selection") -> "Iterator[Conversation]":
    """Yield the first rows wanted of each dataset; no more of a file is read than that takes.

    With dataset= those before it are read whole: their rows are no rows of it.
    """
    from agentswift.cards import find_cards
    from agentswift.corpus import streams
    from agentswift.engine.hub import local_copy

    local = partial(local_copy, hub=run.hub.value)
    for name, kept in streams(corpus, run.data, find_cards(run.registry), local):
        if run.dataset in (None, name):
            yield from islice(wanted.of(kept, corpus.findings), _most(run.rows))
        else:
            deque(kept, maxlen=0)


def _longest(run: Show, corpus: "Corpus", wanted: "Selection", encoder: "Encoder") -> "Iterator[Conversation]":
    """Yield the rows wanted of each dataset that have the most tokens, after reading and encoding every one."""
    from agentswift.engine.prepare import gathered, prepare
    from agentswift.report.progress import Progress

    whole = gathered(run.data, run.registry, run.hub)
    corpus.ledgers, corpus.findings = whole.ledgers, whole.findings
    if run.dataset is not None:
        whole.parts = {run.dataset: whole.parts[run.dataset]}
    with Progress("encoding", "rows") as progress:
        prepared = prepare(whole, encoder, progress)
    longest = sorted(range(len(prepared.datasets)), key=lambda i: (-prepared.encodings.lengths[i], i))
    for name in whole.parts:
        rows = (prepared.conversations[i] for i in longest if prepared.datasets[i] == name)
        yield from islice(wanted.of(rows, whole.findings), _most(run.rows))


def _text(run: Show, corpus: "Corpus", drawing: "Drawing", drawn: "Iterator[Drawn]", settings: str) -> None:
    from agentswift.report.pager import paged
    from agentswift.report.stats_tables import by_dataset
    from agentswift.report.tables import table as rows_of
    from agentswift.report.tokens import budget_table, print_rows

    with paged() as out:
        print_rows(drawn, settings, run.templates, out)
        table = budget_table(drawing.shares(), by="template" if run.templates else "dataset")
        if not run.templates and len(drawing.budget.sums) > 1:
            whole = by_dataset(drawing.budget.datasets())
            table += "\n" + rows_of(whole.title, whole.columns, whole.rows)
        print("\n".join(["", table, *drawing.scale.notes()]), file=out)
        print(_read(run, corpus, drawing), file=out)
        print("Next: agentswift train with the same options; dry_run=true first shows the whole plan", file=out)


def _html(run: Show, corpus: "Corpus", drawing: "Drawing", drawn: "Iterator[Drawn]", settings: str) -> None:
    from agentswift.report.show_page import write_show_page

    rows, file = list(drawn), Path(run.file or Path(run.output_dir) / "show.html")
    write_show_page(file, rows, drawing.shares(), settings, run.templates)
    print(f"{_read(run, corpus, drawing)}\n{file}")


def _jsonl(drawn: "Iterator[Drawn]", templates: list[str]) -> None:
    """Print one JSON a row (and template, where several are asked for)."""
    for row, name in zip(drawn, cycle(templates or [""]), strict=False):
        values = asdict(row)
        named = ({"template": name} if name else {}) | ({"made": row.made} if row.made else {})
        print(json.dumps(named | {key: values[key] for key in _KEYS}, ensure_ascii=False))
        sys.stdout.flush()


def _read(run: Show, corpus: "Corpus", drawing: "Drawing") -> str:
    """Say what was drawn of what was read: the budget is of those rows."""
    read = sum(ledger.read for ledger in corpus.ledgers.values())
    refused = f", {corpus.refused} of them refused (agentswift check says why)" if corpus.refused else ""
    whole = run.longest or run.rows == "all"
    rest = "" if whole else "; what comes after was not read (rows=all reads all, stats sums all)"
    if not whole and run.dataset is None and len(run.data.names) > 1 and run.data.dedup is not Dedup.none:
        rest += (
            ".\nA row of a later dataset may be a duplicate of one not read, which train leaves out (rows=all tells)"
        )
    over = f"{drawing.over} longer than max_length={run.max_length}"
    if run.truncation_strategy is not Truncation.delete:
        over += f" (truncation_strategy={run.truncation_strategy.value})"
    return f"{drawing.rows} row{'s' * (drawing.rows != 1)} drawn, {over}; {read} read{refused}{rest}."
