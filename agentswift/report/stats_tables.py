"""What a mix holds as tables, the same for the terminal and the page, and as one JSON a dataset and field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby, islice
from typing import Any, NamedTuple

from agentswift.report.tables import ENDS, ends
from agentswift.stats import Figures, Holding, Lengths, lengths
from agentswift.weights import Share

_SHOWN = 6  # arguments named a tool
LANGUAGES = {"zh": "Chinese", "en": "English"}


class Table(NamedTuple):
    """A title, a line about it, the columns' names, and rows of text."""

    title: str
    hint: str
    columns: Sequence[str]
    rows: list[list[str]]


def tables(held: Holding, most: int, max_length: int) -> Iterator[Table]:
    """Yield the tables of a mix; those of lengths and shares only where there was a tokenizer."""
    whole = held.whole.figures()
    yield _datasets(held, whole)
    if held.tokens is not None and any(held.tokens.values()):
        yield _lengths(held.tokens, max_length)
    if held.budget is not None:
        yield fields(held.budget.shares(by_dataset=True))
        if len(held.budget.sums) > 1:
            yield by_dataset(held.budget.datasets())
            yield fields(held.budget.shares())._replace(title="tokens and weight by field, all datasets")
    yield _tools(whole, most)
    given = sum(whole["types"].values())
    types = [[kind, f"{count:,}", percent(count, given)] for kind, count in whole["types"].items()]
    yield Table("argument types", "of the values given in calls", ["type", "values", "share"], types)


def _datasets(held: Holding, whole: Figures) -> Table:
    known = ["read", "kept", "refused", "duplicates"]
    known += [c for c in ("over_length", "cut", "set_aside") if any(getattr(o, c) for o in held.ledgers.values())]
    columns = ["dataset", *known]
    columns += ["turns", "calls", "rows without a call", "tools", *LANGUAGES.values()]
    rows = []
    for name, tally in held.tallies.items():
        ledger = held.ledgers[name]
        rows.append([name, *_figures([getattr(ledger, c) for c in known], tally.figures())])
    if len(rows) > 1:
        ledgers = held.ledgers.values()
        sums = [sum(getattr(ledger, c) for ledger in ledgers) for c in known]
        rows.append(["all", *_figures(sums, whole)])
    return Table("rows", "what was read, and what the kept rows hold", columns, rows)


def _figures(counted: list[int], of: Figures) -> list[str]:
    languages = [of["languages"].get(name, 0) for name in LANGUAGES]
    numbers = [*counted, of["turns"], of["calls"], of["without_calls"], of["tools"], *languages]
    return [f"{number:,}" for number in numbers]


def _lengths(tokens: Mapping[str, Sequence[int]], max_length: int) -> Table:
    found = {name: lengths(rows, max_length) for name, rows in tokens.items() if rows}
    if len(found) > 1:
        found["all"] = lengths([n for rows in tokens.values() for n in rows], max_length)
    columns = ["dataset", "tokens", "shortest", "median", "mean", "90 %", "99 %", "longest", f"over {max_length}"]
    return Table("tokens a row", "in the model's own tokens", columns, [_row(name, of) for name, of in found.items()])


def _row(name: str, of: Lengths) -> list[str]:
    numbers = [of["tokens"], of["shortest"], of["median"], round(of["mean"]), of["p90"], of["p99"], of["longest"]]
    return [name, *(f"{number:,}" for number in [*numbers, of["over"]])]


def fields(shares: Sequence[Share]) -> Table:
    """Return each field's share of the tokens and of the weight of its dataset (of all, where none is named)."""
    columns = ["field", "tokens", "share of the tokens", "trained", "weight", "share of the weight"]
    rows, named = [], any(share.dataset for share in shares)
    if scheduled := any(share.end_share is not None for share in shares):
        columns += ENDS
    for dataset, group in groupby(shares, key=lambda share: share.dataset):
        of = list(group)
        tokens = sum(share.tokens for share in of)
        for s in of:
            cells = [s.field, f"{s.tokens:,}", percent(s.tokens, tokens), f"{s.trained:,}", f"{s.weight:,.1f}"]
            rows.append(
                [*([dataset] if named else []), *cells, f"{100 * s.share:.1f} %", *(ends(s) if scheduled else ())]
            )
    return Table(
        "tokens and weight by field",
        "what is read and what is trained: a field's share of the loss is its share of the weight",
        ["dataset", *columns] if named else columns,
        rows,
    )


def by_dataset(shares: Sequence[Share]) -> Table:
    """Return each dataset's share of all tokens and of all weight (`Budget.datasets`)."""
    table = fields([replace(share, field=share.dataset, dataset="") for share in shares])
    hint = "each row once: the shares of a mix are not applied (train dry_run=true shows its plan)"
    return Table("tokens and weight by dataset", hint, ["dataset", *table.columns[1:]], table.rows)


def _tools(whole: Figures, most: int) -> Table:
    rows = [
        [tool, f"{calls:,}", percent(calls, whole["calls"]), _arguments(whole["arguments"].get(tool, {}))]
        for tool, calls in islice(whole["called"].items(), most)
    ]
    more = len(whole["called"]) - len(rows)
    hint = f"the {len(rows)} most called; {more} more: most={len(whole['called'])}" if more > 0 else "by calls"
    return Table("tools", hint, ["tool", "calls", "share", "arguments given"], rows)


def _arguments(of: Mapping[str, Mapping[str, int]]) -> str:
    said = [f"{name} {'|'.join(kinds)}" for name, kinds in islice(of.items(), _SHOWN)]
    return ", ".join([*said, *([f"… {len(of) - _SHOWN} more"] if len(of) > _SHOWN else [])])


def percent(part: float, whole: float) -> str:
    """Return a share as text; – of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def records(held: Holding, max_length: int) -> Iterator[dict[str, Any]]:
    """Yield everything as JSON: one record a dataset ("what": "dataset"), and one a dataset's field ("field")."""
    for name, tally in held.tallies.items():
        ledger = asdict(held.ledgers[name])
        if held.tokens is None:
            del ledger["over_length"]  # known where there was a tokenizer alone
        counted = {"what": "dataset", **ledger, **tally.figures()}
        rows = held.tokens[name] if held.tokens is not None else []
        yield {**counted, "lengths": lengths(rows, max_length) if rows else None}
    for share in held.budget.shares(by_dataset=True) if held.budget is not None else ():
        yield {"what": "field", **asdict(share)}
