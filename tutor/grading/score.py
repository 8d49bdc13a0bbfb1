"""Verdicts -> score. Nothing but this decides the number."""

from __future__ import annotations

from collections.abc import Sequence

from tutor.grading.types import PointVerdict, Verdict

CREDIT: dict[Verdict, float] = {"hit": 1.0, "partial": 0.5, "missed": 0.0, "contradicted": -0.25}
"""Share of a point's weight that a verdict earns. Fitted to the marks that readers gave to
1,600 replies whose verdicts they had also written (`evals/grader`): quadratic kappa .96."""
MISCONCEPTION = 0.5
"""Taken off for each known misconception that the reply states, at most `MOST` times."""
MOST = 3


def score(points: Sequence[PointVerdict], misconceptions: int = 0) -> float:
    """0.0 to 10.0: ten times the weighted mean of `CREDIT` (or a point's own `credit`), less `MISCONCEPTION` each; one decimal."""
    total = sum(point.weight for point in points)
    if not total:
        return 0.0
    marks = 10 * sum(earned(point) * point.weight for point in points) / total
    return round(min(10.0, max(0.0, marks - MISCONCEPTION * min(misconceptions, MOST))), 1)


def earned(point: PointVerdict) -> float:
    """Share of its weight that a point earns, -0.25 to 1.0."""
    return CREDIT[point.verdict] if point.credit is None else point.credit
