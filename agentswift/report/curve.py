"""A loss curve as plain geometry: lines, ticks and labels in SVG units; the page's template draws it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentswift.conversation import FIELDS

WIDTH, HEIGHT = 920, 300  # SVG units
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 10, 44  # room for the axes' labels
_MOST = 400  # points a line: more than there are pixels to tell apart
Point = tuple[float, float]  # step, loss


@dataclass(frozen=True)
class Line:
    """A named line: its SVG path, its points to mark, and how many records each of them is the mean of."""

    name: str
    path: str
    points: list[tuple[str, str, str]]  # x, y, what it says
    records: int


@dataclass(frozen=True)
class Chart:
    """Lines over a common pair of axes; ticks are (position, label)."""

    lines: list[Line]
    x_ticks: list[tuple[str, str]]
    y_ticks: list[tuple[str, str]]
    left_out: int  # records whose loss is no finite number


def loss_curve(records: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Return train and eval loss by step from records of logging.jsonl; None when no record has a finite loss."""
    return _chart({"train loss": series(records, "loss"), "eval loss": series(records, "eval_loss")})


def field_curves(records: Sequence[Mapping[str, Any]], figure: str) -> Chart | None:
    """Return `figure`, loss or acc, of each field by step, in FIELDS' order; None where none was logged."""
    return _chart({field: series(records, f"{figure}/{field}") for field in FIELDS})


def _chart(logged: Mapping[str, list[Point]]) -> Chart | None:
    finite = {name: [p for p in line if math.isfinite(p[1])] for name, line in logged.items()}
    everything = [point for line in finite.values() for point in line]
    if not everything:
        return None
    x_ticks = ticks(min(x for x, _ in everything), max(x for x, _ in everything), whole=True)
    y_ticks = ticks(min(y for _, y in everything), max(y for _, y in everything))
    x = _scale(x_ticks, [x for x, _ in everything], LEFT, WIDTH - RIGHT)
    y = _scale(y_ticks, [y for _, y in everything], HEIGHT - BOTTOM, TOP)
    return Chart(
        lines=[_line(name, line, x, y) for name, line in finite.items() if line],
        x_ticks=[(_number(x(tick)), f"{tick:,.0f}") for tick in x_ticks],
        y_ticks=[(_number(y(tick)), f"{tick:g}") for tick in y_ticks],
        left_out=sum(map(len, logged.values())) - len(everything),
    )


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return 2 to 8 round numbers within [low, high], or around a single value; apart by 1, 2 or 5 × 10ⁿ."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 5))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 6)
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first < 1:
        first, last = math.floor(low / step), math.floor(low / step) + 1
    return [round(n * step, 12) for n in range(first, last + 1)]


def series(records: Sequence[Mapping[str, Any]], key: str) -> list[Point]:
    """Return (step, value) of `key`; NaN for what is no number.

    A step logged again (a resumed run) counts as it was last. The step stands in ms-swift's `global_step/max_steps`,
    "20/100"; a record without one takes its number in the list.
    """
    found: dict[float, float] = {}
    for number, record in enumerate(records, start=1):
        if key in record:
            step = str(record.get("global_step/max_steps", record.get("step", number))).split("/")[0]
            found[float(step) if step.isdigit() else number] = _loss(record[key])
    return sorted(found.items())


def _loss(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _line(name: str, points: list[Point], x: "_Scale", y: "_Scale") -> Line:
    records = math.ceil(len(points) / _MOST)
    thin = [_mean(points[at : at + records]) for at in range(0, len(points), records)]
    placed = [(_number(x(step)), _number(y(loss)), f"{name} {loss:.4g} at step {step:,.0f}") for step, loss in thin]
    return Line(name, "M" + "L".join(f"{px} {py}" for px, py, _ in placed), placed, records)


def _mean(points: list[Point]) -> Point:
    return points[-1][0], sum(loss for _, loss in points) / len(points)


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _scale(ticks: list[float], values: list[float], start: float, end: float) -> _Scale:
    return _Scale(min(*ticks, *values), max(*ticks, *values), start, end)


def _number(value: float) -> str:
    return f"{value:.1f}"
