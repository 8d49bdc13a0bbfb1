"""Review -> FSRS rating."""

from __future__ import annotations

import math

from tutor.grading.types import coverage as share_made
from tutor.progress.types import Review

AGAIN, HARD, GOOD, EASY = 1, 2, 3, 4

RECALLED = 0.5
"""Coverage from which on the item counts as recalled at all."""
WELL = 0.75
"""Coverage from which on it was recalled well."""
FULLY = 0.9
"""Coverage that an easy recall needs."""
QUICK = 20.0
"""Seconds per key point within which a reply is quick, reading and typing included."""

_HINT_CAPS = (EASY, GOOD, HARD, AGAIN)
_FLAW_CAPS = (EASY, HARD, AGAIN)


def rating(review: Review) -> int:
    """The FSRS rating that a reply earns: 1 Again, 2 Hard, 3 Good, 4 Easy.

    What the reply covers gives the rating, and each row below caps it:

    | coverage of the key points, by weight | rating |
    |---------------------------------------|--------|
    | below .50                             | Again  |
    | .50 to .75                            | Hard   |
    | .75 and more                          | Good   |
    | .90 and more                          | Easy   |

    | cap                                                       | at most |
    |-----------------------------------------------------------|---------|
    | one point contradicted or misconception stated            | Hard    |
    | two or more                                               | Again   |
    | one hint, two hints, three                                | Good, Hard, Again |
    | more than 20 s per key point, time unknown, grade unsure  | Good    |

    The thresholds are a decision of this project; FSRS only says that Again
    means forgotten and that the rest means recalled. More coverage never
    lowers the rating; more flaws, hints or time never raise it.
    """
    flaws = sum(p.verdict == "contradicted" for p in review.points) + len(review.misconceptions)
    pace = None if review.seconds is None else review.seconds / max(len(review.points), 1)
    earned = rate(coverage(review), flaws, review.hints, pace)
    return min(earned, GOOD) if review.unsure else earned


def rate(coverage: float, flaws: int, hints: int, pace: float | None) -> int:
    """The table of `rating`; `pace` is in seconds per key point, None if unknown."""
    # Rounding error in a weighted share must not decide at a threshold.
    share = coverage + 1e-9
    earned = AGAIN + (share >= RECALLED) + (share >= WELL) + (share >= FULLY)
    quick = pace is not None and 0 <= pace <= QUICK
    return min(
        earned,
        _HINT_CAPS[max(0, min(hints, 3))],
        _FLAW_CAPS[max(0, min(flaws, 2))],
        EASY if quick else GOOD,
    )


def coverage(review: Review) -> float:
    """Weighted share of the points that were made, 0.0 to 1.0; a partial one counts half.

    Without points it is the score's share of 10.
    """
    if not sum(point.weight for point in review.points):
        return review.score / 10 if math.isfinite(review.score) else 0.0
    return share_made((point.verdict, point.weight) for point in review.points)
