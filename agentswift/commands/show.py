"""`agentswift show`: the very tokens and weights that `train` would read, drawn before any GPU is paid for."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from agentswift.compose import command
from agentswift.errors import UsageError
from agentswift.schema.runs import Show, ShowOutput

if TYPE_CHECKING:
    from agentswift.engine.draw import Drawn
    from agentswift.engine.prepare import Prepared


@command("show", shape=Show)
def main(run: Show) -> None:
    """Draw tokens by field and weight, as train would read them."""
    if run.rows != "all" and not run.rows.isdigit():
        raise UsageError(f"rows={run.rows}: a number of rows, or all")
    from agentswift.engine.draw import budget_of, draw
    from agentswift.engine.prepare import gathered, prepare, spoken
    from agentswift.report.progress import Progress

    corpus = gathered(run.data, run.registry, run.hub)
    model = spoken(run.model, run.template, run.hub)
    with Progress("encoding", "rows") as progress:
        prepared = prepare(corpus, model.encoder, progress)
    chosen = _chosen(run.rows, prepared)
    drawn = draw(prepared, model.encoder, run.loss_scale.fields, chosen)
    if run.output is ShowOutput.jsonl:
        _jsonl(drawn)
        return
    settings = f"{run.template.agent_template}, {model.chat_template}, loss scale {run.loss_scale.name}"
    budget = budget_of(prepared, run.loss_scale.fields)
    if run.output is ShowOutput.html:
        from agentswift.report.show_page import write_show_page

        file = Path(run.file or Path(run.output_dir) / "show.html")
        write_show_page(file, list(drawn), budget, settings)
        print(f"{len(chosen)} of {len(prepared.datasets)} rows drawn: {file}")
        return
    from agentswift.report.tokens import print_rows

    print_rows(drawn, budget, settings)
    refused = f", {corpus.refused} refused (agentswift check says why)" if corpus.refused else ""
    whole = len(prepared.datasets)
    over = int((prepared.encodings.lengths > run.max_length).sum())
    print(f"{len(chosen)} of {whole} rows drawn{refused}; {over} are longer than max_length={run.max_length}.")
    print("Next: agentswift train with the same options; dry_run=true first shows the whole plan")


def _chosen(rows: str, prepared: "Prepared") -> list[int]:
    """Return which rows are drawn: all, or the first n of each dataset."""
    if rows == "all":
        return list(range(len(prepared.datasets)))
    counts: dict[str, int] = {}
    chosen = []
    for index, name in enumerate(prepared.datasets):
        counts[name] = counts.get(name, 0) + 1
        if counts[name] <= int(rows):
            chosen.append(index)
    return chosen


def _jsonl(drawn: "Iterator[Drawn]") -> None:
    """Print one JSON a row; a reader that stops early (head) ends it without a word."""
    keys = ("dataset", "row", "text", "input_ids", "labels", "weights", "fields")
    try:
        for row in drawn:
            values = asdict(row)
            print(json.dumps({key: values[key] for key in keys}, ensure_ascii=False))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
