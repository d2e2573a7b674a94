"""Tokens drawn by field and weight in a terminal; without colours, the same as labelled lines."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby, islice
from typing import IO, TYPE_CHECKING, Protocol

from agentswift.conversation import FIELDS
from agentswift.report.tables import ENDS, ends, is_terminal, table
from agentswift.report.visible import visible
from agentswift.weights import Share

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

STYLES = {  # what the model writes is bright, what it reads is grey or pale
    "system": "default",
    "tools": "default",
    "user": "blue",
    "marker": "default",
    "thought": "yellow",
    "action": "bold green",
    "action_input": "cyan",
    "observation": "magenta",
    "answer": "bright_green",
    "text": "bright_green",
    "label": "bright_yellow",
    "end_of_turn": "red",
}


class TokenRow(Protocol):
    """A row to draw: its lists have one entry a token, and its tokens joined are its text."""

    @property
    def dataset(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def tokens(self) -> Sequence[str]: ...
    @property
    def input_ids(self) -> Sequence[int]: ...
    @property
    def fields(self) -> Sequence[str]: ...
    @property
    def weights(self) -> Sequence[float]: ...


@dataclass(frozen=True)
class Segment:
    """A run of tokens of one field and one weight."""

    field: str
    weight: float
    tokens: tuple[tuple[str, int], ...]  # text, id

    @property
    def text(self) -> str:
        """The tokens' text."""
        return "".join(text for text, _ in self.tokens)


def segments(row: TokenRow) -> list[Segment]:
    """Return the runs of a row, in order; together they hold every token."""
    tokens = zip(row.fields, row.weights, row.tokens, row.input_ids, strict=True)
    runs = groupby(tokens, key=lambda token: (token[0], token[1]))
    return [
        Segment(field, weight, tuple((visible(text), id_) for _, _, text, id_ in run)) for (field, weight), run in runs
    ]


def print_rows(rows: Iterable[TokenRow], settings: str, names: Sequence[str] = (), out: IO[str] | None = None) -> None:
    """Print the legend and each row as it comes, in colours where the terminal has them.

    `names` are the agent templates of rows that come as many times, one after the other: they are drawn side by side.
    """
    out = out or sys.stdout
    if not is_terminal():
        print(settings, file=out)
        for row, name in zip(rows, cycle(names or [""])):
            print("\n".join(("", _titled(name, row), *plain_lines(row))), file=out, flush=True)
        return
    from rich.console import Console

    # A pager is no terminal, but shows what is sent to it on one.
    console = Console(file=out, highlight=False, force_terminal=True, width=shutil.get_terminal_size().columns)
    console.print(settings, markup=False)
    console.print(legend(FIELDS))
    source = iter(rows)
    for beside in iter(lambda: list(islice(source, max(1, len(names)))), []):
        console.print(_beside(beside, names) if names else _alone(beside[0]))
        out.flush()


def _titled(name: str, row: TokenRow) -> str:
    return f"{name}: {head(row)}" if name else head(row)


def _alone(row: TokenRow) -> "Text":
    from rich.text import Text

    return Text.assemble("\n", (head(row), "bold"), "\n", drawing(row))


def _beside(rows: Sequence[TokenRow], names: Sequence[str]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    drawn = Table(expand=True, show_edge=False, pad_edge=False)
    for name, row in zip(names, rows, strict=True):
        drawn.add_column(Text(_titled(name, row)), ratio=1, overflow="fold")
    drawn.add_row(*map(drawing, rows))
    return drawn


def head(row: TokenRow) -> str:
    """Return one line about a row: where it is from, its tokens, and how many of them are trained."""
    trained = sum(weight > 0 for weight in row.weights)
    made = f", made of it by {how}" if (how := getattr(row, "made", "")) else ""
    piece = f", piece {at}" if (at := getattr(row, "piece", "")) else ""
    out = "; left out by train" if getattr(row, "left_out", False) else ""
    return f"{visible(row.dataset)} row {row.row}{made}{piece}: {len(row.tokens)} tokens, {trained} trained{out}"


def drawing(row: TokenRow) -> "Text":
    """Return a row in colours: by field, dim where the weight is 0, underlined where it is above 1."""
    from rich.text import Text

    drawn = Text()
    for segment in segments(row):
        drawn.append(segment.text, _style(segment.field, segment.weight))
    return drawn


def legend(fields: Sequence[str]) -> "Text":
    """Return the fields' names in their colours, and how weight is shown."""
    from rich.text import Text

    drawn = Text()
    for field in (name for name in FIELDS if name in fields):
        drawn.append(field, STYLES[field]).append("  ")
    drawn.append("weight 0", "dim").append("  ").append("weight > 1", "underline").append("  ")
    return drawn.append("0 < weight < 1", "italic")


def plain_lines(row: TokenRow) -> Iterator[str]:
    """Yield a line a segment: field, weight, tokens, text with its newlines as ↵."""
    for segment in segments(row):
        text = segment.text.replace("\n", "↵")
        yield f"  {segment.field:<12} {segment.weight:>5g} {len(segment.tokens):>5}  {text}"


def budget_table(budget: Sequence[Share], by: str = "dataset") -> str:
    """Return where the loss goes: tokens, trained tokens and the share of all weight, field by field.

    `by` is what the shares are told apart by, where they are.
    """
    columns = ["field", "tokens", "trained", "weight", "share of the weight"]
    if several := len({share.dataset for share in budget}) > 1:
        columns.insert(0, by)
    rows = [[s.field, f"{s.tokens:,}", f"{s.trained:,}", f"{s.weight:,.1f}", f"{100 * s.share:.1f} %"] for s in budget]
    if any(s.end_share is not None for s in budget):
        columns += ENDS
        rows = [[*row, *ends(share)] for share, row in zip(budget, rows, strict=True)]
    if several:
        rows = [[share.dataset, *row] for share, row in zip(budget, rows, strict=True)]
    return table("weight budget", columns, rows)


def _style(field: str, weight: float) -> str:
    style = STYLES.get(field, "default")
    if weight == 0:
        return f"dim {style.removeprefix('bold ')}"
    return style if weight == 1 else f"{style} {'underline' if weight > 1 else 'italic'}"
