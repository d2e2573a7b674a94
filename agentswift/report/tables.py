"""Tables for a terminal, the same without colour where there is none; and the before/after table of scores."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from agentswift.report.visible import visible
from agentswift.score import FIGURES
from agentswift.weights import Share

Summary = Mapping[str, Any]  # what score.summarize returns
_SHOWN = ("exact_call", "tool_name", "argument_f1", "valid_format", "made_up_tool", "missed_call", "no_call")
_LESS_IS_BETTER = {"made_up_tool", "missed_call", "wrong_call"}
ENDS = ["weight at the end", "share at the end"]  # of weights that change over the run
BEFORE_AFTER = ("held out", "figure", "rows", "base", "tuned", "change")


def is_terminal() -> bool:
    """Whether colours can be shown: standard output is a terminal and NO_COLOR is not set (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, terminal: bool | None = None) -> str:
    """Return a table as text: drawn by rich on a terminal, else plain aligned lines; figures stand to the right.

    `terminal` None asks standard output. A Chinese character is two cells wide.
    """
    cells = [[visible(str(cell)).replace("\n", " ") for cell in row] for row in rows]
    numeric = [all(_is_figure(row[at]) for row in cells) and bool(cells) for at in range(len(columns))]
    draw = _rich if (is_terminal() if terminal is None else terminal) else _plain
    return draw(title, list(columns), cells, numeric)


def ends(share: Share) -> list[str]:
    """Return the cells of ENDS."""
    return [f"{share.end_weight or 0:,.1f}", f"{100 * (share.end_share or 0):.1f} %"]


def before_after(
    base: Mapping[str, Summary] | None, tuned: Mapping[str, Summary], *, terminal: bool | None = None
) -> str:
    """Return the scores of the base and the tuned model side by side, part by part (known, unseen)."""
    return table("before and after", BEFORE_AFTER, before_after_rows(base, tuned), terminal=terminal)


def before_after_rows(base: Mapping[str, Summary] | None, tuned: Mapping[str, Summary]) -> list[tuple[str, ...]]:
    """Return one row a part and figure, then exact_call by language; rows are the figure's own denominator."""
    rows = []
    for part, after in tuned.items():
        before = (base or {}).get(part, {})
        rows += [_compared(part, name, name, before, after) for name in _SHOWN if after.get(name) is not None]
        before_by = before.get("by_language", {})
        for language, figures in after.get("by_language", {}).items():
            if figures.get("exact_call") is not None:
                said = f"exact_call {language}"
                rows.append(_compared(part, said, "exact_call", before_by.get(language, {}), figures))
    return rows


def _compared(part: str, said: str, name: str, before: Summary, after: Summary) -> tuple[str, ...]:
    old, new = before.get(name), after.get(name)
    change = "" if old is None or new is None else f"{100 * (new - old):+.1f}"
    note = f"{said} (less is better)" if name in _LESS_IS_BETTER else said
    return part, note, str(after.get(FIGURES[name][1], "")), _percent(old), _percent(new), change


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _is_figure(cell: str) -> bool:
    return (
        cell in ("", "–") or cell.replace(",", "").replace("%", "").strip().lstrip("+-−").replace(".", "", 1).isdigit()
    )


def _plain(title: str, columns: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        padded = []
        for cell, width, right in zip(cells, widths, numeric, strict=True):
            gap = " " * (width - cell_len(cell))
            padded.append(gap + cell if right else cell + gap)
        return "  ".join(padded).rstrip()

    return "\n".join([title, *(f"  {line(cells)}" for cells in (columns, *rows))])


def _rich(title: str, columns: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column, right in zip(columns, numeric, strict=True):
        drawn.add_column(Text(column), justify="right" if right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    console = Console(force_terminal=True)
    with console.capture() as capture:
        console.print(drawn)
    return capture.get().rstrip("\n")
