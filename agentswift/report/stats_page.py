"""stats.html: what a mix holds, as tables and plots on one self-contained page."""

from itertools import groupby
from pathlib import Path

from agentswift.report.curve import HEIGHT, LEFT, RIGHT, WIDTH
from agentswift.report.page import write_page
from agentswift.report.plots import STRIP, Bar, histogram, strip
from agentswift.report.stats_tables import LANGUAGES, tables
from agentswift.stats import Holding


def write_stats_page(path: Path, held: Holding, settings: str, most: int, max_length: int) -> None:
    """Write the page whole; `settings` is the line under its title."""
    whole = held.whole.figures()
    lengths = [n for rows in (held.tokens or {}).values() for n in rows]
    tiles = [("rows kept", f"{whole['conversations']:,}"), ("calls", f"{whole['calls']:,}")]
    tiles += [("tools", f"{whole['tools']:,}")] + ([("tokens", f"{sum(lengths):,}")] if lengths else [])
    called = list(whole["called"].items())[:most]
    write_page(
        path,
        "stats",
        title=f"What {', '.join(held.tallies)} holds",
        settings=settings,
        tiles=tiles,
        spread=histogram(lengths, max_length),
        max_length=max_length,
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT},
        strip_width=STRIP,
        fields=_fields(held),
        languages=[(name, strip(_languages(tally.figures()["languages"]))) for name, tally in held.tallies.items()],
        called=[(tool, calls, calls / called[0][1]) for tool, calls in called],
        tables=list(tables(held, most, max_length)),
    )


def _fields(held: Holding) -> list[tuple[str, list[Bar], list[Bar]]]:
    """Return for each dataset its tokens by field and its weight by field."""
    if held.budget is None:
        return []
    found = []
    for dataset, group in groupby(held.budget.shares(by_dataset=True), key=lambda share: share.dataset):
        of = list(group)
        tokens, weight = strip([(s.field, s.tokens) for s in of]), strip([(s.field, s.weight) for s in of])
        found.append((dataset, tokens, weight))
    return found


def _languages(counts: dict[str, int]) -> list[tuple[str, float]]:
    return [(LANGUAGES[name], counts.get(name, 0)) for name in LANGUAGES]
