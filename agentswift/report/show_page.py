"""show.html: rows drawn token by token, with field, weight and id under the pointer."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from agentswift.report.page import write_page
from agentswift.report.tokens import TokenRow, head, segments
from agentswift.weights import Share


def write_show_page(
    path: Path, rows: Iterable[TokenRow], budget: Sequence[Share], settings: str, names: Sequence[str] = ()
) -> None:
    """Write one self-contained page of `rows`; `settings` is the line that says what they were drawn with.

    `names` are the agent templates of rows that come as many times, one after the other: they stand side by side.
    """
    drawn = [(head(row), segments(row)) for row in rows]
    write_page(
        path, "show", title="Tokens and weights", settings=settings, budget=list(budget), rows=drawn, names=list(names)
    )
