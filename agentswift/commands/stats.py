"""`agentswift stats`: what a mix holds, as tables, as a page with plots, or as JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from agentswift.compose import command
from agentswift.schema.groups import Truncation
from agentswift.schema.runs import ShowOutput, Stats
from agentswift.weights import Scale

if TYPE_CHECKING:
    from agentswift.schema.groups import Model
    from agentswift.stats import Holding


@command("stats", shape=Stats)
def main(run: Stats) -> None:
    """Say what a mix holds: rows, turns, tools, languages, lengths, and where tokens and weight lie."""
    from agentswift.report.stats_tables import records, tables

    held, settings = _counted(run) if run.model is None else _encoded(run, run.model)
    if run.output is ShowOutput.jsonl:
        for record in records(held, run.max_length):
            print(json.dumps(record, ensure_ascii=False))
        return
    if run.output is ShowOutput.html:
        from agentswift.report.stats_page import write_stats_page

        file = Path(run.file or Path(run.output_dir) / "stats.html")
        write_stats_page(file, held, settings, run.most, run.max_length)
        print(f"what {', '.join(held.tallies)} holds: {file}")
        return
    from agentswift.report.tables import table

    print(settings)
    for title, hint, columns, rows in tables(held, run.most, run.max_length):
        print(f"\n{table(f'{title} ({hint})', columns, rows)}")


def _counted(run: Stats) -> "tuple[Holding, str]":
    """Count the rows as they are read; none is held."""
    from agentswift.cards import find_cards
    from agentswift.corpus import Corpus, streams
    from agentswift.engine.hub import local_copy
    from agentswift.stats import Holding, Tally

    corpus, tallies = Corpus(), dict[str, Tally]()
    for name, rows in streams(corpus, run.data, find_cards(run.registry), lambda c: local_copy(c, run.hub.value)):
        tally = tallies[name] = Tally()
        for conversation in rows:
            tally.add(conversation)
    return Holding(corpus.ledgers, tallies), "no model, so no lengths and no weights: model=NAME gives them"


def _encoded(run: Stats, model: "Model") -> "tuple[Holding, str]":
    """Count rows, tokens and weight in what `train` would read, from its cache where it was encoded before."""
    from agentswift.engine.cut import truncate
    from agentswift.engine.draw import summed
    from agentswift.engine.fitting import trained
    from agentswift.engine.prepare import gathered, prepare, spoken
    from agentswift.report.progress import Progress
    from agentswift.stats import Holding, Tally

    corpus = gathered(run.data, run.registry, run.hub)
    speaker = spoken(model, run.template, run.hub)
    with Progress("encoding", "rows") as progress:
        prepared = prepare(corpus, speaker.encoder, progress)
        truncate(prepared, speaker.encoder, run.truncation_strategy, run.max_length, progress)
    tallies = {name: Tally() for name in corpus.parts}
    for name, rows in corpus.parts.items():
        for conversation in rows:
            tallies[name].add(conversation)
    tokens: dict[str, list[int]] = {name: [] for name in corpus.parts}
    for name, length in zip(prepared.datasets, prepared.encodings.lengths.tolist(), strict=True):
        tokens[name].append(length)
    weigh = Scale.of(run.loss_scale)
    budget = summed(prepared, weigh, trained(prepared, run.max_length, weigh))
    held = Holding(corpus.ledgers, tallies, tokens, budget)
    scale = f"loss scale {weigh.title}"
    if run.truncation_strategy is not Truncation.delete:
        scale += f", rows over {run.max_length} tokens cut: {run.truncation_strategy.value}"
    settings = f"{model.model}, {run.template.agent_template}, {speaker.chat_template}, {scale}"
    return held, "\n".join([settings, *weigh.notes()])
