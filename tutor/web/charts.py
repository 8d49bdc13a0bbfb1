"""Plots as HTML: lines and areas are SVG that stretches, text and points lie over it unstretched.

Every plot shows its numbers when pointed at, and has a table of them for whoever
can't see it or wants to copy them. All arguments that are HTML say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_EDGE = 18.0
"""Per cent from a side within which a tip opens to the other side."""


@dataclass(frozen=True)
class Point:
    """A value at x and y, 0.0 to 1.0 from the lower left; `low` and `high` bound it if known.

    `tip` is HTML, shown when it is pointed at.
    """

    x: float
    y: float
    tip: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Bar:
    """A bar of `height` 0.0 to 1.0 with a tip (HTML) and a label (HTML, may be empty)."""

    height: float
    tip: str
    label: str = ""
    kind: str = ""
    """Added to its class: a word."""


def interval(low: float, mean: float, high: float, tip: str) -> str:
    """A value with its interval on a rail from 0.0 to 1.0."""
    return (
        '<span class="kt-ch-rail"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="kt-ch-base" d="M0 5H100"/><path class="kt-ch-band" d="M{_n(low)} 5H{_n(high)}"/>'
        f'<path class="kt-ch-dot" d="M{_n(mean)} 5h0"/></svg>{_tip(mean, 0.5, tip)}</span>'
    )


def lines(
    series: Sequence[tuple[int, Sequence[Point]]], *, x_labels: Sequence[tuple[float, str]],
    y_labels: Sequence[tuple[float, str]],
) -> str:
    """A line for each series, with its band where points have bounds; the number is its colour, from 1.

    Labels are pairs of place (0.0 to 1.0) and HTML.
    """
    shapes, tips = "", ""
    for colour, points in series:
        bounded = [p for p in points if p.low is not None and p.high is not None]
        if len(series) == 1 and len(bounded) > 1:
            outline = [(p.x, p.high) for p in bounded] + [(p.x, p.low) for p in reversed(bounded)]
            around = " ".join(f"{_n(x)},{_up(y)}" for x, y in outline if y is not None)
            shapes += f'<polygon class="kt-ch-area kt-ch-{colour}" points="{around}"/>'
        along = " ".join(f"{_n(p.x)},{_up(p.y)}" for p in points)
        shapes += f'<polyline class="kt-ch-line kt-ch-{colour}" points="{along}"/>'
        shapes += "".join(
            f'<path class="kt-ch-dot kt-ch-{colour}" d="M{_n(p.x)} {_up(p.y)}h0"/>' for p in points
        )
        tips += "".join(_tip(p.x, p.y, p.tip) for p in points)
    return _plot(shapes, tips, x_labels, y_labels)


def scatter(
    points: Sequence[Point], *, x_labels: Sequence[tuple[float, str]],
    y_labels: Sequence[tuple[float, str]],
) -> str:
    """Points, and the diagonal on which both values are equal."""
    shapes = '<path class="kt-ch-equal" d="M0 100L100 0"/>' + "".join(
        f'<path class="kt-ch-dot kt-ch-1" d="M{_n(p.x)} {_up(p.y)}h0"/>' for p in points
    )
    return _plot(shapes, "".join(_tip(p.x, p.y, p.tip) for p in points), x_labels, y_labels, "kt-ch-square")


def bars(columns: Sequence[Bar]) -> str:
    """Bars side by side."""
    inside = "".join(
        f'<div class="kt-ch-column {bar.kind}"><div class="kt-ch-room">'
        f'<span class="kt-ch-bar" style="height:{_n(bar.height)}%"></span>{_tip(at / max(1, len(columns) - 1), bar.height, bar.tip, column=True)}'
        f'</div><span class="kt-ch-label">{bar.label}</span></div>'
        for at, bar in enumerate(columns)
    )
    return f'<div class="kt-ch-bars" aria-hidden="true">{inside}</div>'


def numbers(summary: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The numbers of a plot as a table that unfolds; all arguments are HTML."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<details class="kt-ch-numbers"><summary>{summary}</summary><div class="kt-table" tabindex="0">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def _plot(
    shapes: str, tips: str, x_labels: Sequence[tuple[float, str]],
    y_labels: Sequence[tuple[float, str]], kind: str = "",
) -> str:
    grid = "".join(f'<path class="kt-ch-grid" d="M0 {_up(at)}H100"/>' for at, _ in y_labels)
    left = "".join(f'<span style="bottom:{_n(at)}%">{text}</span>' for at, text in y_labels)
    below = "".join(
        f'<span class="{_side(at)}" style="left:{_n(at)}%">{text}</span>' for at, text in x_labels
    )
    return (
        f'<div class="kt-ch-plot {kind}" aria-hidden="true"><div class="kt-ch-y">{left}</div><div class="kt-ch-room">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{grid}{shapes}</svg>{tips}</div>'
        f'<div class="kt-ch-x">{below}</div></div>'
    )


def _tip(x: float, y: float, tip: str, *, column: bool = False) -> str:
    place = "" if column else f"left:{_n(x)}%;"
    return (
        f'<span class="kt-ch-near {_side(x)}" style="{place}bottom:{_n(y)}%">'
        f'<span class="kt-ch-tip">{tip}</span></span>'
    )


def _side(x: float) -> str:
    return "kt-ch-left" if x * 100 < _EDGE else "kt-ch-right" if x * 100 > 100 - _EDGE else ""


def _n(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.4g}"


def _up(share: float) -> str:
    return _n(1 - min(max(share, 0.0), 1.0))
