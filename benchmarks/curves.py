"""Loss curves laid over each other, as one SVG file: the geometry is that of a run's report."""

from collections.abc import Mapping, Sequence
from html import escape

from agentswift.report.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, ticks

_LOOKS = (("#888888", "none"), ("#c0392b", "none"), ("#2c6fbb", "6 3"), ("#2e8b57", "2 3"))  # colour, dashes


def svg(title: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Return lines of (step, loss) over common axes, each named in its colour."""
    points = [point for line in lines.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_ticks, y_ticks = ticks(min(xs), max(xs), whole=True), ticks(min(ys), max(ys))
    left, right, low, high = min(*xs, *x_ticks), max(*xs, *x_ticks), min(*ys, *y_ticks), max(*ys, *y_ticks)

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - left) / ((right - left) or 1) * (WIDTH - RIGHT - LEFT)
        return across, HEIGHT - BOTTOM - (y - low) / ((high - low) or 1) * (HEIGHT - BOTTOM - TOP)

    drawn = [f'<text x="{LEFT}" y="-6" font-weight="bold">{escape(title)}</text>']
    for tick in y_ticks:
        y = at(left, tick)[1]
        drawn.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/><text x="4" y="{y + 4:.1f}">{tick:g}</text>'
        )
    drawn += [f'<text x="{at(t, low)[0]:.1f}" y="{HEIGHT - BOTTOM + 18}">{t:,.0f}</text>' for t in x_ticks]
    for number, (name, line) in enumerate(lines.items()):
        colour, dashes = _LOOKS[number % len(_LOOKS)]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (at(*point) for point in line))
        looks = f'stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dashes}"'
        drawn.append(f'<path d="{path}" fill="none" {looks}/>')
        drawn.append(f'<text x="{WIDTH - 160}" y="{TOP + 14 * (number + 1)}" fill="{colour}">{escape(name)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -20 {WIDTH} {HEIGHT + 20}" font-family="sans-serif"'
    return f'{head} font-size="12">\n' + "\n".join(drawn) + "\n</svg>\n"
