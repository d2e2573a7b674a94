"""`agentswift convert`: rows to another layout or to an agent template's text; others' lists and commands into ours."""

import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from agentswift.compose import command
from agentswift.errors import RowError, UsageError
from agentswift.schema.runs import Convert, Thoughts

if TYPE_CHECKING:
    from agentswift.convert.rows_out import LeftOut
    from agentswift.convert.stream import Converted
    from agentswift.convert.targets import Target
    from agentswift.convert.types import Types
    from agentswift.corpus import Outcome


@command("convert", shape=Convert)
def main(run: Convert) -> int:
    """Turn rows into another layout or an agent template's text; others' lists and training commands into ours."""
    if run.to in ("cards", "experiment"):
        from agentswift.commands import convert_settings

        return convert_settings.cards(run) if run.to == "cards" else convert_settings.experiment(run)
    return _rows(run)


def _rows(run: Convert) -> int:
    from agentswift.convert.rows_out import LeftOut, RowsOut
    from agentswift.convert.stream import convert
    from agentswift.convert.targets import find_target
    from agentswift.convert.types import Types
    from agentswift.report.progress import Progress

    target = find_target(run.to, segments=run.segments)
    given, file = Path(run.path).expanduser(), Path(run.file).expanduser()
    if given.is_dir() and file.absolute().is_relative_to(given.absolute()):
        raise UsageError(
            f"file={run.file} lies in path={run.path}, and would be read as rows of it: name another place"
        )
    types = Types() if _infers(run, given) else None
    left_out = LeftOut(file, overwrite=run.overwrite)
    with ExitStack() as stack:
        out = stack.enter_context(RowsOut(file, overwrite=run.overwrite))
        stack.enter_context(left_out)
        if types is not None:
            counted = stack.enter_context(Progress("learning types", "rows"))
            for number, outcome in enumerate(_outcomes(run, given), 1):
                if outcome.conversation is not None:
                    types.learn(outcome.conversation)
                counted(number, 0)
        progress = stack.enter_context(Progress("converting", "rows"))
        done = convert(
            _outcomes(run, given, types),
            target,
            out,
            lossy=run.lossy,
            refused=left_out,
            read=lambda rows: progress(rows, 0),
        )
    print("\n".join(_said(run, done, target, types, left_out)))
    return 1 if done.ledger.refused else 0


def _outcomes(run: Convert, given: Path, types: "Types | None" = None) -> "Iterator[Outcome]":
    from agentswift.cards import Card
    from agentswift.conversation import Conversation
    from agentswift.convert.stream import without_thoughts
    from agentswift.corpus import read_part

    def dress(conversation: Conversation) -> Conversation:
        conversation = types.fill(conversation) if types is not None else conversation
        return without_thoughts(conversation) if run.thoughts is Thoughts.drop else conversation

    card = Card(name=given.stem or "data", format=run.format or "", path=str(given.absolute()), trusted=True)
    return read_part(card, given, dress)


def _infers(run: Convert, given: Path) -> bool:
    """Whether types are learnt first, which reads the file twice: as asked, else for rows of ms_agent."""
    if run.infer_types is not None or run.format or given.is_dir():
        return run.format == "ms_agent" if run.infer_types is None else run.infer_types
    from agentswift.formats import detect
    from agentswift.rows import Row, read_rows

    try:
        return any(isinstance(r, Row) and detect(r.values).name == "ms_agent" for r in islice(read_rows(given), 1))
    except RowError:
        return False


def _said(
    run: Convert, done: "Converted", target: "Target", types: "Types | None", left_out: "LeftOut"
) -> Iterator[str]:
    """Yield what became of the rows, by rule, and last the counts and the next command."""
    from agentswift.commands.check import place
    from agentswift.report.visible import visible

    for (severity, rule), count in sorted(done.counts.items()):
        first = done.first[severity, rule]
        yield visible(f"{severity}  {rule}  {count}×: first {place(first)}  {first.path}: {first.message}")
        yield f"    fix: {first.fix}"
    if types is not None:
        untold = f"; {len(types.untold)} stay without, for no call uses them" if types.untold else ""
        yield f"types found for {len(types.given)} parameters from the calls of the file{untold}"
    if done.columns:
        named = ", ".join(f"{name} ({count} rows)" for name, count in done.columns.most_common())
        yield visible(f"columns that are not carried over, as the layout has no such thing: {named}")
    ledger = done.ledger
    yield f"{ledger.read} rows read: {ledger.kept} written as {target.name} to {run.file}, {ledger.refused} refused"
    if ledger.refused:
        yield f"each refused row, with its line and why: {left_out.path}"
    if target.is_text:
        yield f"Next: swift sft --dataset {shlex.quote(run.file)}"
    else:
        yield f"Next: agentswift train {shlex.quote(f'data.path={run.file}')} data.format={target.name}"
