"""From the parts of a mix to Conversations: cards and files are read, checked, told apart, and every row is counted."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

from agentswift.cards import Card, Cards
from agentswift.check import Hit, check_conversation, check_row, finding
from agentswift.conversation import Conversation, Source, Tool
from agentswift.errors import CardError, DataError, RowError
from agentswift.files import write_text
from agentswift.formats import Format, detect, find_format
from agentswift.mix import EvaluationSet, Sieve, questions
from agentswift.rows import Finding, Ledger, Row, data_files, read_rows
from agentswift.rows.columns import Watched, renamed
from agentswift.schema.groups import Data
from agentswift.shape import shaped
from agentswift.shape.dressing import dressed
from agentswift.spool import Spool

_REJECTED = frozenset({"rejected", "rejected_response"})  # columns of preference data, told of once a dataset
Local = Callable[[Card], Path]  # a card → its file or folder on this disk (raises HubError)


@dataclass
class Corpus:
    """What a mix's parts hold: kept conversations a part, what became of every row, and why."""

    parts: dict[str, Sequence[Conversation]] = field(default_factory=dict)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Rows read, over all parts."""
        return sum(ledger.read for ledger in self.ledgers.values())

    @property
    def refused(self) -> int:
        """Rows refused, over all parts."""
        return sum(ledger.refused for ledger in self.ledgers.values())

    @property
    def unread(self) -> list[str]:
        """Files, as FILE:LINE, whose rest could not be read: rows in no ledger, and no one knows how many."""
        return [f"{f.file}:{f.line}" for f in self.findings if f.rest_unread]

    def is_allowed(self, max_refused: str) -> bool:
        """Whether no more rows are refused than `max_refused` allows; a file's unread rest is any number."""
        most = allowance(self, max_refused)
        return self.refused <= most and (most == math.inf or not self.unread)


def gather(data: Data, cards: Cards, local: Local) -> Corpus:
    """Read every part of `data`. Raises CardError or DataError for a part that cannot be read at all."""
    corpus = Corpus()
    for name, conversations in streams(corpus, data, cards, local):
        corpus.parts[name] = Spool(conversations)
    return corpus


def streams(corpus: Corpus, data: Data, cards: Cards, local: Local) -> Iterator[tuple[str, Iterator[Conversation]]]:
    """Yield each part's name and its kept conversations as they are read; whoever has seen enough may stop early.

    `corpus` counts the rows read so far and why some are left out; its `parts` stay as they are.
    """
    sieve = Sieve(data.dedup, data.near, _evaluation(data, cards, local))
    known: dict[str, Tool] = {}
    for card in part_cards(data, cards):
        ledger = corpus.ledgers[card.name] = Ledger(card.name)
        kept = _kept(corpus, ledger, data, card, local(card), sieve)
        yield card.name, _trained(corpus, ledger, shaped(card.name, kept, data, known))


def _trained(corpus: Corpus, ledger: Ledger, conversations: Iterable[Conversation]) -> Iterator[Conversation]:
    """Yield conversations of which something is trained; the others are counted and named."""
    for conversation in conversations:
        if conversation.source.made:
            ledger.made += 1
        elif not any(s.train and s.weight > 0 and s.kind != "observation" for s in conversation.steps()):
            ledger.kept, ledger.set_aside = ledger.kept - 1, ledger.set_aside + 1
            corpus.findings.append(_set_aside(conversation.source))
            continue
        yield conversation


def _kept(corpus: Corpus, ledger: Ledger, data: Data, card: Card, path: Path, sieve: Sieve) -> Iterator[Conversation]:
    told = set[str]()
    for outcome in read_part(card, path, lambda c: dressed(c, data, card.format)):
        ledger.read += outcome.counts
        if outcome.conversation is not None and (new := _REJECTED.intersection(outcome.unread) - told):
            told |= new
            source = outcome.conversation.source
            corpus.findings += [finding(Hit("unread-column", f"$.{c}", {"column": c}), source) for c in sorted(new)]
        corpus.findings += outcome.findings
        if (conversation := outcome.conversation) is None:
            ledger.refused += outcome.counts
        elif (left_out := sieve.left_out(conversation)) is not None:
            setattr(ledger, left_out.column, getattr(ledger, left_out.column) + 1)
            corpus.findings.append(left_out.finding)
        else:
            ledger.kept += 1
            yield conversation
    if not ledger.read:
        raise DataError(f"{card.name}: no rows in {path}. Is it the right file?")


def allowance(corpus: Corpus, max_refused: str) -> float:
    """Return how many rows may be refused: "3", "0.5%" of the rows read, rounded down, or "-1", any number."""
    if max_refused.endswith("%"):
        return math.floor(Fraction(max_refused[:-1]) * corpus.read / 100)
    return math.inf if max_refused == "-1" else int(max_refused)


def _evaluation(data: Data, cards: Cards, local: Local) -> EvaluationSet:
    """Return what the sets of `data.decontaminate` ask: cards, or files that need no known layout."""
    found = EvaluationSet()
    for name in data.decontaminate:
        known = name in cards or not Path(name).exists()  # what is neither is answered by cards, with the nearest name
        card = cards[name] if known else Card(name=name, format="", path=str(Path(name).absolute()), trusted=True)
        before = len(found.places)
        for file in data_files(local(card)):
            for row in read_rows(file):
                if isinstance(row, Row):
                    found.add(questions(row.values, card.format), f"{file}:{row.line} (row {row.row})")
        if len(found.places) == before:
            raise DataError(f"data.decontaminate: no rows in {name}. Is it the right file?")
    return found


def enforce(corpus: Corpus, max_refused: str) -> str:
    """Return what to say of rows refused and let go, "" where there is none.

    Raises DataError with the refused rows by rule when there are more than `max_refused` allows (see allowance), or
    when the rest of a file was not read.
    """
    most, unread = allowance(corpus, max_refused), not_read(corpus)
    if corpus.is_allowed(max_refused):
        share = f"{corpus.refused} of {corpus.read} rows ({100 * corpus.refused / max(1, corpus.read):.2g} %)"
        allows = "any number" if most == math.inf else f"{most:.0f}"
        said = f"{share} refused and left out; data.max_refused={max_refused} allows {allows}{unread}"
        return said if corpus.refused else ""
    errors = [f for f in corpus.findings if f.severity == "error"]
    first = {f.rule: f for f in reversed(errors)}
    lines = [
        f"  {sum(e.rule == rule for e in errors):6}  {rule}: first {f.file}:{f.line} {f.path}: {f.message}"
        for rule, f in sorted(first.items())
    ]
    raise DataError(
        f"{corpus.refused} rows refused{unread}, and data.max_refused={max_refused}:\n" + "\n".join(lines) + "\n"
        "Mend the rows (agentswift check lists each), or train without them: "
        + ("data.max_refused=-1" if unread else f"data.max_refused={corpus.refused} (or a share: 0.5%; -1: any number)")
    )


def not_read(corpus: Corpus) -> str:
    """Return what is said of files whose rest was not read, to stand behind the rows refused; "" of none."""
    return f"; the rest of {', '.join(corpus.unread)} was not read" if corpus.unread else ""


_LEFT_OUT = {"duplicate", "near-duplicate", "contaminated", "over-length", "cut", "set-aside"}


def write_left_out(file: Path, findings: Iterable[Finding]) -> None:
    """Write one JSON a finding that left its row out, or a part of it; no file where there is none."""
    left_out = (f for f in findings if f.severity == "error" or f.rule in _LEFT_OUT)
    lines = [json.dumps(f.json(), ensure_ascii=False) + "\n" for f in left_out]
    if lines:
        write_text(file, "".join(lines))


def part_cards(data: Data, cards: Cards) -> list[Card]:
    """Return the cards of the parts that give rows to a mix, or one made up for `data.path`."""
    if data.path is not None:
        path = str(Path(data.path).absolute())
        return [Card(name=name, format=data.format or "", path=path, trusted=True) for name in data.names]
    if not data.parts:
        raise DataError("no data: name a card (data=NAME), or a file (data.path=FILE). agentswift list what=datasets")
    found = {name: cards[name] for name in data.parts}  # a name there is not is answered, whatever its share
    if not data.names:
        raise DataError("the mix comes to no row: every share is 0")
    return [found[name] for name in data.names]


@dataclass(frozen=True)
class Outcome:
    """What became of one row: a Conversation, or None when it was refused; `counts` rows read (0 or 1).

    `unread` are the row's columns that hold something the format did not look at.
    """

    conversation: Conversation | None
    findings: tuple[Finding, ...] = ()
    counts: int = 1
    unread: tuple[str, ...] = ()


def read_part(card: Card, path: Path, dress: Callable[[Conversation], Conversation] = replace) -> Iterator[Outcome]:
    """Yield an outcome for each row of a part, as a stream: memory does not grow with the file.

    `dress` changes a conversation before it is checked: a name filled in is no placeholder left behind.
    """
    layout = _layout(card) if card.format not in ("", "auto") else None
    for file in data_files(path):
        for row in read_rows(file):
            if isinstance(row, Finding):
                yield Outcome(None, (replace(row, dataset=card.name),))
                continue
            source = Source(
                dataset=card.name, file=str(file), line=row.line, row=row.row, id=str(row.values.get("id") or "")
            )
            values = Watched(renamed(row.values, card.columns))
            try:
                layout = layout or detect(values)
                conversation = dress(replace(layout.read(values), source=source))
            except RowError as error:
                yield Outcome(None, (_refusal(error, source),))
                continue
            findings = (*check_row(row.values, source), *check_conversation(conversation))
            bad = any(f.severity == "error" for f in findings)
            yield Outcome(None if bad else conversation, findings, unread=values.unread())


def _layout(card: Card) -> Format:
    if ":" not in card.format:
        return find_format(card.format)
    if not card.trusted:
        raise CardError(
            f"{card.source or card.name}: format {card.format!r} is Python, and is only imported from your own "
            "registry folder or an installed plugin"
        )
    module, _, name = card.format.partition(":")
    try:
        read = getattr(import_module(module), name)
    except Exception as error:  # whatever a module of the user's raises
        said = f"{type(error).__name__}: {error}"
        raise CardError(f"{card.source or card.path}: format {card.format!r} cannot be imported: {said}") from error
    return Format(card.format, "the user's own", lambda values: _read_by(read, card.format, values), lambda _: True)


def _read_by(read: Callable[[Mapping[str, Any]], Any], name: str, values: Mapping[str, Any]) -> Conversation:
    """Read a row with the user's own Python. Raises RowError for whatever that raises, or returns that is no such."""
    try:
        conversation = read(values)
    except RowError:
        raise
    except Exception as error:
        said = f"{name} failed: {type(error).__name__}: {error}"
        raise RowError(said, fix=f"correct {name}, or let it raise RowError for rows it cannot read") from error
    if not isinstance(conversation, Conversation):
        raise RowError(f"{name} returned {type(conversation).__name__}, not a Conversation", fix=f"correct {name}")
    return conversation


def _refusal(error: RowError, source: Source) -> Finding:
    return Finding.of(source, error.path, error.rule, "error", str(error), error.fix)


def split_aside(source: Source) -> Finding:
    """Return what is said of a row that declares a tool of the held-out side, and is no row of that side."""
    said = "declares or calls a tool that the held-out rows call: neither trained nor held out"
    return Finding.of(source, "$", "set-aside", "info", said, "nothing, or split_by=row")


def _set_aside(source: Source) -> Finding:
    said = "as the run is set (data.mask_failed_calls, data.last_turn_only) no step of it is trained: left out"
    return Finding.of(source, "$", "set-aside", "info", said, "nothing, or unset the option")


def weighed_out(source: Source, scale: str) -> Finding:
    """Return what is said of a row of which nothing is trained under the run's loss scale."""
    said = f"loss scale {scale} weighs 0 all that is written in it, or its messages do: left out"
    return Finding.of(source, "$", "set-aside", "info", said, "nothing, or another loss_scale")


def over_length(source: Source, length: int, max_length: int, why: str = "") -> Finding:
    """Return what is said of a row of `length` tokens, more than `max_length`, which is not trained on."""
    said = f"{length} tokens, max_length={max_length}: left out{why}"
    return Finding.of(source, "$", "over-length", "info", said, f"max_length={length}, or shorten the row")


def cut(source: Source, strategy: str, before: int, after: int, pieces: int) -> Finding:
    """Return what is said of a row of `before` tokens of which `after` are trained on, in one piece or several."""
    said = f"truncation_strategy={strategy}: {before} tokens cut to {after}" + (
        f", in {pieces} pieces" if pieces > 1 else ""
    )
    return Finding.of(source, "$", "cut", "info", said, f"max_length={before} keeps all of it")
