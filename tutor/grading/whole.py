"""A reply beside a whole reference answer: the points are judged so that they add up to the mark people would give.

Nobody weighed the statements of a reference that comes with the call, and people who
score by one don't count them: half of it can earn the full mark. So a model fitted
to human-scored answers reads the whole, and the verdicts of the points are shifted by
one common amount, the smallest change (in Kullback-Leibler divergence) by which they add up
to what it says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tutor.grading.types import VERDICTS

EARNS = np.array([{"hit": 1.0, "partial": 0.5}.get(verdict, 0.0) for verdict in VERDICTS])
"""Share of a point's weight, in the order of `VERDICTS`."""
POINTS = 0.4
"""How much a reading by a single point counts. On questions kept aside that lifts macro F1 of right or
not from .76 to .78 (SemEval, mostly one statement); where there are more of them it would cost agreement (ADS)."""
FURTHEST = 8.0
"""Log odds by which the verdicts are shifted at most."""


def expected(chances: np.ndarray, weights: Sequence[float]) -> float:
    """Share of the mark, 0.0 to 1.0, that points with these `chances` (points, 4) earn on average."""
    share = np.asarray(weights, float)
    return float(chances @ EARNS @ share / share.sum())


def believed(chances: np.ndarray, weights: Sequence[float], worth: float) -> float:
    """The share of the mark, 0.0 to 1.0, after what is `expected` of the points has had its say.

    A mean in log odds, in which the points count the less the more of them there are: of a single
    statement the point is the whole.
    """
    share = POINTS / len(chances)
    odds = [np.log(p / (1 - p)) for p in np.clip([worth, expected(chances, weights)], 0.01, 0.99)]
    return float(1 / (1 + np.exp(-(1 - share) * odds[0] - share * odds[1])))


def adding_up(chances: np.ndarray, weights: Sequence[float], worth: float) -> np.ndarray:
    """(points, 4) the chances, shifted until their `expected` share is `worth`, or as far as `FURTHEST` allows."""
    low, high = -FURTHEST, FURTHEST
    for _ in range(40):
        middle = (low + high) / 2
        if expected(_shifted(chances, middle), weights) < worth:
            low = middle
        else:
            high = middle
    return _shifted(chances, (low + high) / 2)


def verdict_of(chances: np.ndarray) -> int:
    """The number of the verdict of `VERDICTS` that goes with what (4,) chances earn: nobody is told
    "missed" of a point that earns half."""
    earned = float(chances @ EARNS)
    if earned >= 0.75:
        return VERDICTS.index("hit")
    if earned >= 0.25:
        return VERDICTS.index("partial")
    return max((VERDICTS.index("missed"), VERDICTS.index("contradicted")), key=lambda n: chances[n])


def _shifted(chances: np.ndarray, by: float) -> np.ndarray:
    found = chances * np.exp(by * EARNS)
    return found / found.sum(1, keepdims=True)
