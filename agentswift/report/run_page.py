"""report.html of a training run: what was asked, what went in, how the loss went, what came out."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from agentswift.redact import redact
from agentswift.report.curve import HEIGHT, LEFT, WIDTH, Chart, field_curves, loss_curve, series
from agentswift.report.page import write_page
from agentswift.report.tables import BEFORE_AFTER, before_after_rows
from agentswift.report.tokens import TokenRow, head, segments
from agentswift.weights import Share

LEDGER = ("dataset", "read", "kept", "refused", "duplicates", "over_length")
RARE = ("near_duplicates", "contaminated", "set_aside", "made")  # shown where one is not 0; old runs do not have them
# What else may lie in a run's folder, linked where it does.
BESIDE = ("run.yaml", "run.json", "logging.jsonl", "left_out.jsonl", "engine.log", "scores.json")


def write_run_page(
    path: Path,
    *,
    title: str,
    settings: Mapping[str, Any],
    ledgers: Sequence[Mapping[str, Any]],
    curve: Sequence[Mapping[str, Any]],
    budget: Sequence[Share],
    scores: Mapping[str, Any] | None,
    samples: Sequence[TokenRow],
) -> None:
    """Write the page whole. `settings` may be nested, and its "run" is the line under the title.

    `curve` is the records of logging.jsonl, `ledgers` one dict a dataset (a Ledger's
    columns), `scores` {"base": {part: summary} or absent, "tuned": {part: summary}}.
    """
    chart = loss_curve(curve)
    compared = before_after_rows(scores.get("base"), scores["tuned"]) if scores else []
    write_page(
        path,
        "run",
        title=title,
        subtitle=settings.get("run", ""),
        settings=list(_flat(redact({key: value for key, value in settings.items() if key != "run"}))),
        links=[name for name in BESIDE if (path.parent / name).exists()],
        tiles=_tiles(ledgers, budget, curve, compared),
        ledger_columns=_columns(ledgers),
        ledgers=[*ledgers, *([_total(ledgers)] if len(ledgers) > 1 else [])],
        chart=chart,
        field_charts=[(figure, of) for figure in ("loss", "acc") if (of := field_curves(curve, figure))],
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT},
        said=_said(chart),
        budget=list(budget),
        score_columns=BEFORE_AFTER,
        scores=compared,
        samples=[(head(row), segments(row)) for row in samples],
    )


def _tiles(
    ledgers: Sequence[Mapping[str, Any]],
    budget: Sequence[Share],
    curve: Sequence[Mapping[str, Any]],
    scores: Sequence[tuple[str, ...]],
) -> list[tuple[str, str]]:
    """Return the figures that one looks for first, as (name, figure)."""
    total = _total(ledgers)
    tiles = [("rows kept", f"{total['kept']:,} of {total['read']:,}")]
    tokens, trained = sum(share.tokens for share in budget), sum(share.trained for share in budget)
    if tokens:
        tiles.append(("tokens trained", f"{trained:,} of {tokens:,}"))
    if losses := [loss for _, loss in series(curve, "loss") if isfinite(loss)]:
        tiles.append(("train loss", f"{losses[0]:.3g} → {losses[-1]:.3g}"))
    if held_out := [loss for _, loss in series(curve, "eval_loss") if isfinite(loss)]:
        tiles.append(("least eval loss", f"{min(held_out):.3g}"))
    exact = [row for row in scores if row[1] == "exact_call"]
    return tiles + [(f"exact calls, {part}", f"{base} → {tuned}") for part, _, _, base, tuned, _ in exact]


def _total(ledgers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"dataset": "all"} | {name: sum(ledger[name] for ledger in ledgers) for name in _columns(ledgers)[1:]}


def _columns(ledgers: Sequence[Mapping[str, Any]]) -> list[str]:
    return [*LEDGER, *(name for name in RARE if any(ledger.get(name) for ledger in ledgers))]


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings under dotted names, as one would type them."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", "null" if value is None else value


def _said(chart: Chart | None) -> str:
    """Return what the curve does not show of itself: means of several records, and losses that are no number."""
    if chart is None:
        return ""
    notes = [
        f"each point of {line.name} is the mean of {line.records} records" for line in chart.lines if line.records > 1
    ]
    if chart.left_out:
        notes.append(f"{chart.left_out} records are left out: their loss is no finite number")
    return "; ".join(notes)
