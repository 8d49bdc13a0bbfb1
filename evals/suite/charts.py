"""Small charts as inline SVG: no script, no font, no other file. Colours come from the page's CSS."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 34

Point = tuple[float, float]


def lines(
    series: Sequence[tuple[str, Sequence[Point]]], *, title: str, x: str, y: str,
    x_range: tuple[float, float] = (0.0, 1.0), y_range: tuple[float, float] = (0.0, 1.0), diagonal: bool = False,
    ticks: Sequence[tuple[float, str]] | None = None, dots: bool = False,
) -> str:
    """Lines over common axes; `diagonal` adds the line where x and y are equal."""
    place = _Place(x_range, y_range)
    body = [_axes(place, x, y, ticks)]
    if diagonal:
        body.append(f'<path class="guide" d="{_path(place, [(0, 0), (1, 1)])}"/>')
    for number, (name, points) in enumerate(series):
        if not points:
            continue
        body.append(f'<path class="line c{number % 5}" d="{_path(place, points)}"/>')
        if dots or len(points) == 1:
            body += [
                f'<circle class="dot c{number % 5}" cx="{place.x(px):.1f}" cy="{place.y(py):.1f}" r="3">'
                f"<title>{escape(name)}: {py:.3f}</title></circle>"
                for px, py in points
            ]
        if len(series) > 1:
            body.append(
                f'<text class="name c{number % 5}" x="{_LEFT + 8}" y="{HEIGHT - _BOTTOM - 8 - 14 * number}">{escape(name)}</text>'
            )
    return _svg(title, body)


def bars(values: Sequence[tuple[str, float]], *, title: str, x: str, y: str) -> str:
    """One bar for each (label, value), values 0 and up."""
    top = max((value for _, value in values), default=1.0) or 1.0
    place = _Place((0.0, float(max(len(values), 1))), (0.0, top))
    step = max(1, len(values) // 6)
    ticks = [(n + 0.5, label) for n, (label, _) in enumerate(values) if n % step == 0]
    body = [_axes(place, x, y, ticks)]
    for n, (label, value) in enumerate(values):
        left, right, at = place.x(n + 0.08), place.x(n + 0.92), place.y(value)
        body.append(
            f'<rect class="bar" x="{left:.1f}" y="{at:.1f}" width="{right - left:.1f}" '
            f'height="{place.y(0) - at:.1f}"><title>{escape(label)}: {value:g}</title></rect>'
        )
    return _svg(title, body)


def interval(value: float, low: float, high: float) -> str:
    """A value from 0 to 1 with its interval, to stand in a table's cell."""
    a, b, at = (2 + 116 * min(1.0, max(0.0, v)) for v in (low, high, value))
    return (
        '<svg class="interval" viewBox="0 0 120 14" width="120" height="14" aria-hidden="true">'
        '<line class="grid" x1="2" x2="118" y1="7" y2="7"/>'
        f'<line class="span" x1="{a:.1f}" x2="{b:.1f}" y1="7" y2="7"/><circle class="dot c0" cx="{at:.1f}" cy="7" r="3.5"/></svg>'
    )


class _Place:
    """Values -> pixels."""

    def __init__(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self.x_range = x_range
        self.y_range = y_range

    def x(self, value: float) -> float:
        low, high = self.x_range
        return _LEFT + (value - low) / ((high - low) or 1) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        share = (min(high, max(low, value)) - low) / ((high - low) or 1)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _axes(place: _Place, x: str, y: str, ticks: Sequence[tuple[float, str]] | None) -> str:
    (x0, x1), (y0, y1) = place.x_range, place.y_range
    quarters = [n / 4 for n in range(5)]
    if ticks is None:
        ticks = [(x0 + q * (x1 - x0), f"{x0 + q * (x1 - x0):g}") for q in quarters]
    found = []
    for q in quarters:
        value = y0 + q * (y1 - y0)
        found.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{place.y(value):.1f}" y2="{place.y(value):.1f}"/>'
            f'<text class="tick" x="{_LEFT - 6}" y="{place.y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    found += [
        f'<text class="tick" x="{place.x(value):.1f}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle">{escape(label)}</text>'
        for value, label in ticks
    ]
    found.append(f'<text class="axis" x="{WIDTH - _RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escape(x)}</text>')
    found.append(f'<text class="axis" x="2" y="{HEIGHT - 4}">{escape(y)} ↑</text>')
    return "".join(found)


def _path(place: _Place, points: Sequence[Point]) -> str:
    return "M" + " L".join(f"{place.x(px):.1f} {place.y(py):.1f}" for px, py in points)


def _svg(title: str, body: Sequence[str]) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title, quote=True)}">{"".join(body)}</svg></figure>'
    )
