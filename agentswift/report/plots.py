"""Bars as plain geometry, in SVG units: how values are spread, and what a whole is made of; a template draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.report.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, ticks

_BINS = 40
STRIP = 640  # SVG units, the width of a whole


@dataclass(frozen=True)
class Bar:
    """A rectangle, what it says under the pointer, and the name of what it stands for."""

    name: str
    x: str
    y: str
    width: str
    height: str
    said: str


@dataclass(frozen=True)
class Histogram:
    """Bars over a pair of axes; ticks are (position, label); `limit` is where max_length stands, if within."""

    bars: list[Bar]
    x_ticks: list[tuple[str, str]]
    y_ticks: list[tuple[str, str]]
    limit: str | None


def histogram(values: Sequence[int], limit: int) -> Histogram | None:
    """Return how `values` are spread over up to 40 bins of whole numbers; None for no value."""
    if not values:
        return None
    low, high = min(values), max(values)
    size = max(1, -(-(high - low + 1) // _BINS))
    counts = [0] * ((high - low) // size + 1)
    for value in values:
        counts[(value - low) // size] += 1
    end = low + size * len(counts)
    across = (WIDTH - RIGHT - LEFT) / (end - low)
    y_ticks = ticks(0, max(counts), whole=True)
    up = (HEIGHT - BOTTOM - TOP) / max(*y_ticks, *counts)

    def x(value: float) -> float:
        return LEFT + (value - low) * across

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - count * up

    return Histogram(
        bars=[
            Bar(
                name="",
                x=_number(x(low + i * size)),
                y=_number(y(count)),
                width=_number(max(1.0, size * across - 1)),
                height=_number(count * up),
                said=f"{low + i * size:,} to {low + (i + 1) * size - 1:,}: {count:,}",
            )
            for i, count in enumerate(counts)
            if count
        ],
        x_ticks=[(_number(x(t)), f"{t:,.0f}") for t in ticks(low, max(high, low + 1), whole=True) if t <= end],
        y_ticks=[(_number(y(t)), f"{t:,.0f}") for t in y_ticks],
        limit=_number(x(limit)) if low <= limit <= end else None,
    )


def strip(parts: Sequence[tuple[str, float]]) -> list[Bar]:
    """Return a whole as bars side by side, each (name, amount) as wide as its share; none where the whole is 0."""
    whole, x, bars = sum(amount for _, amount in parts), 0.0, []
    for name, amount in parts:
        if amount:
            width = STRIP * amount / whole
            bars.append(Bar(name, _number(x), "0", _number(width), "18", f"{name} {100 * amount / whole:.1f} %"))
            x += width
    return bars


def _number(value: float) -> str:
    return f"{value:.1f}"
