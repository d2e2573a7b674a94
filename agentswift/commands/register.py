"""`agentswift register`: a dataset of one's own gets a name, and shows at once what becomes of its rows."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from agentswift.agent_templates import find_agent_template
from agentswift.agent_templates.spans import AgentTemplate, Piece
from agentswift.cards import Card, check_name, find_cards, save_card, user_registry
from agentswift.compose import command
from agentswift.compose.search_path import options_here
from agentswift.conversation import Conversation, Step
from agentswift.corpus import Outcome, read_part
from agentswift.errors import CardError, DataError, RowError, UsageError
from agentswift.formats import FORMATS, detect, find_format
from agentswift.rows import Finding, Row, read_rows
from agentswift.schema.runs import Register
from agentswift.stats import figures
from agentswift.weights import Scale, SpanRow, Weighing

ROWS = 100  # read through the card: enough to see a wrong format, little enough for any file


@command("register", shape=Register)
def main(run: Register) -> None:
    """Make a dataset of your own known by a name, and show what becomes of its rows."""
    folder = Path(run.registry[0]) if run.registry else user_registry()
    template = find_agent_template(run.template.agent_template)
    _check_new(run, folder)
    path = Path(run.path).expanduser().absolute()
    card = Card(
        name=run.name,
        format=_format(run.format, path),
        path=str(path),
        license=run.license or "",
        about=run.description or "",
        source=f"register name={run.name}",
        trusted=True,
    )
    outcomes = list(islice(read_part(card, path), ROWS))
    kept = [outcome.conversation for outcome in outcomes if outcome.conversation is not None]
    if not kept:
        raise DataError(_no_row(card, outcomes))
    file = save_card(card, folder)
    print(f"{card.name} is registered, as {card.format}{'' if run.format else ' (found out)'}: {file}")
    _print_outcomes(outcomes, kept)
    chosen = next((c for c in kept if c.is_agent), kept[0])
    print(f"\nOne conversation under template={template.name} and loss_scale={run.loss_scale.name}:\n")
    print("\n".join(_lines(chosen, template, Scale.of(run.loss_scale).weighing(card.name))))
    given = "" if folder == user_registry() else f" registry={shlex.quote(f'[{folder}]')}"
    print(f"\nNext: agentswift show data={card.name}{given}\n      agentswift train data={card.name}{given}")


def weighted(conversation: Conversation, template: AgentTemplate, weighing: Weighing) -> list[tuple[float, str, str]]:
    """Return (weight, field, text) of each span in order, by characters: no tokenizer, no chat template is asked."""
    spans = list(_spans(conversation, template))
    weights = weighing.table([span for span, _ in spans])
    return [(weight, span.field, text) for weight, (span, text) in zip(weights, spans, strict=False)]


def _spans(conversation: Conversation, template: AgentTemplate) -> Iterator[tuple[SpanRow, str]]:
    tools = conversation.tools
    yield from _of_piece(template.system(conversation.system, tools), -1, ())
    for number, turn in enumerate(conversation.turns):
        if turn.user is not None:
            yield from _of_piece(template.user(turn.user, tools, turn=number), number, ())
        for piece in template.write(turn.steps):
            yield from _of_piece(piece, number, turn.steps)


def _of_piece(piece: Piece, turn: int, steps: Sequence[Step]) -> Iterator[tuple[SpanRow, str]]:
    for span in piece.spans:
        step = steps[span.step] if steps and span.step >= 0 else None
        own = 1.0 if step is None else step.weight * step.train
        yield SpanRow(span.field, span.of, span.step, turn, own), piece.text[span.start : span.end]


def _lines(conversation: Conversation, template: AgentTemplate, weighing: Weighing) -> Iterator[str]:
    yield "  weight  field         text"
    for weight, field, text in weighted(conversation, template, weighing):
        shown = json.dumps(text if len(text) <= 160 else f"{text[:150]} …", ensure_ascii=False)
        yield f"  {weight:6g}  {field:12}  {shown}"


def _check_new(run: Register, folder: Path) -> None:
    """Raise CardError for a name that is taken, unless by a card that register wrote and may write anew."""
    check_name(run.name)
    cards = find_cards([f for f in run.registry if Path(f).is_dir()])
    if known := cards.get(run.name):
        file = folder / f"{run.name}.yaml"
        is_own = [c for c in cards.values() if c.source.rpartition(":")[0] == str(file)] == [known]
        if not (is_own and run.overwrite):
            way = "overwrite=true writes it anew" if is_own else "Take another name"
            raise CardError(f"{run.name!r} is already registered at {known.source}. {way}")
    if mix := options_here().files.get("data", {}).get(run.name):
        raise CardError(f"{run.name!r} is the name of a mix already: {mix}. Take another name")


def _format(given: str | None, path: Path) -> str:
    """Return the format's name: as given (`pkg.mod:function` is tried when the rows are read), or found by a row."""
    if given:
        return given if ":" in given else find_format(given).name
    if path.is_dir():
        raise UsageError(f"path={path} is a folder: name the layout of its files, format=NAME. {', '.join(FORMATS)}")
    for row in islice(read_rows(path), ROWS):
        if isinstance(row, Row):
            try:
                return detect(row.values).name
            except RowError as error:
                raise DataError(f"{path}:{row.line}: {error}. {error.fix}") from error
    raise DataError(f"{path}: none of its first {ROWS} rows can be read. agentswift check path={path} says why")


def _no_row(card: Card, outcomes: Sequence[Outcome]) -> str:
    first = next(_errors(outcomes))
    return (
        f"none of the first {len(outcomes)} rows of {card.path} can be used as {card.format}; nothing was written.\n"
        f"The first: {_place(first)}: {first.message} ({first.rule}). {first.fix}\n"
        "Is it another format? agentswift list what=formats"
    )


def _print_outcomes(outcomes: Sequence[Outcome], kept: Sequence[Conversation]) -> None:
    has = figures(kept)
    spoken = ", ".join(f"{count} {language}" for language, count in has["languages"].items())
    print(f"{len(outcomes)} rows read: {len(kept)} kept, {len(outcomes) - len(kept)} refused")
    print(f"{has['turns']} turns, {has['calls']} calls of {has['tools']} tools; {spoken}")
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    for (severity, rule), count in Counter((f.severity, f.rule) for f in findings).most_common():
        first = next(f for f in findings if (f.severity, f.rule) == (severity, rule))
        print(f"  {count:4} {severity} {rule}: first {_place(first)}: {first.message}")


def _errors(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    return (f for outcome in outcomes for f in outcome.findings if f.severity == "error")


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line} {finding.path}"
