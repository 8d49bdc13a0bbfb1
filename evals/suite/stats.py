"""Numbers of many cases -> one figure, under any weights of the cases.

A statistic takes `values` (m, columns), one row per observation, and `weights`
(draws, m), and gives (draws,). With weights of 1 it is the plain figure, as
scikit-learn and scipy give it (tests hold it to them); with the counts of a
bootstrap it gives all draws at once, where a call per draw would take minutes.
Where a draw has nothing to compute with, it is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]

BINS = 15
"""Of equal mass, for the calibration error."""
RISK = 0.05
"""Risk at which coverage is read."""
SCORES = 11
"""Whole scores, 0 to 10."""
_CHUNK = 500
"""Draws at a time: bounds memory."""


def mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of column 0."""
    return _divide(weights @ values[:, 0], weights.sum(1))


def ratio(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of column 0 over sum of column 1: a rate of things of which cases have several."""
    return _divide(weights @ values[:, 0], weights @ values[:, 1])


def f1(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Micro F1 of columns true positives, false positives, false negatives."""
    tp, fp, fn = (weights @ values[:, n] for n in range(3))
    return _divide(2 * tp, 2 * tp + fp + fn)


def auroc(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """P(score of a positive > that of a negative), ties half; columns: is positive, score."""
    order = np.argsort(values[:, 1], kind="stable")
    truth, score = values[order, 0], values[order, 1]
    starts = np.flatnonzero(np.r_[True, np.diff(score) > 0])
    ordered = weights[:, order]
    positive = np.add.reduceat(ordered * truth, starts, axis=1)
    negative = np.add.reduceat(ordered * (1 - truth), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (below + 0.5 * negative)).sum(1)
    return _divide(wins, positive.sum(1) * negative.sum(1))


def risk_coverage(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(coverage, risk, weight), each (draws, m), answering the surest first; columns: is wrong, confidence.

    Of cases with one confidence, the wrong ones come first.
    """
    order = np.lexsort((-values[:, 0], -values[:, 1]))
    ordered = weights[:, order]
    answered = np.cumsum(ordered, axis=1)
    risk = _divide(np.cumsum(ordered * values[order, 0], axis=1), answered)
    return _divide(answered, answered[:, -1:]), risk, ordered


def aurc(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the risk-coverage curve (Geifman and El-Yaniv 2017); lower is better.

    A case that is drawn several times is one step of the curve.
    """
    _, risk, mass = risk_coverage(values, weights)
    return _divide(np.nansum(np.where(mass > 0, risk, 0.0) * mass, axis=1), mass.sum(1))


def coverage_at_risk(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The largest coverage with a risk of at most `RISK`."""
    coverage, risk, _ = risk_coverage(values, weights)
    return np.where(risk <= RISK, coverage, 0.0).max(1)


def qwk(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Quadratically weighted kappa of two whole scores, 0 to 10 (Cohen 1968)."""
    truth, said = (np.clip(np.rint(values[:, n]), 0, SCORES - 1).astype(int) for n in (0, 1))
    cell = np.zeros((len(values), SCORES * SCORES))
    cell[np.arange(len(values)), truth * SCORES + said] = 1
    table = (weights @ cell).reshape(-1, SCORES, SCORES)
    grid = np.arange(SCORES)
    cost = (grid[:, None] - grid[None, :]) ** 2
    total = table.sum((1, 2))
    expected = table.sum(2)[:, :, None] * table.sum(1)[:, None, :]
    return 1 - _divide((table * cost).sum((1, 2)) * total, (expected * cost).sum((1, 2)))


def spearman(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank correlation of columns 0 and 1. In draws the ranks stay those of the whole sample."""
    from scipy.stats import rankdata

    x, y = rankdata(values[:, 0]), rankdata(values[:, 1])
    x, y = x - x.mean(), y - y.mean()
    n = weights.sum(1)
    sx, sy, sxx, syy, sxy = (weights @ v for v in (x, y, x * x, y * y, x * y))
    spread = np.sqrt(np.maximum((n * sxx - sx**2) * (n * syy - sy**2), 0))
    return _divide(n * sxy - sx * sy, spread)


def ece(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error over `BINS` bins of equal mass; columns: was right, confidence."""
    total = np.zeros(len(weights))
    for bin_ in np.array_split(np.argsort(values[:, 1], kind="stable"), min(BINS, len(values))):
        total += np.abs(weights[:, bin_] @ (values[bin_, 0] - values[bin_, 1]))
    return _divide(total, weights.sum(1))


def brier(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared distance of the confidence from what came; columns: was right, confidence."""
    return mean(((values[:, 1] - values[:, 0]) ** 2)[:, None], weights)


# bootstrap -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """Observations of cases: `values` (m, columns), and the number of the case that each is of.

    `clusters` has one name per case.
    """

    values: np.ndarray
    owner: np.ndarray
    clusters: tuple[str, ...]

    def figure(self, statistic: Statistic) -> float:
        return float(statistic(self.values, np.ones((1, len(self.values))))[0])


def counts(clusters: Sequence[str], draws: int, seed: int) -> np.ndarray:
    """(draws, cases): how often each case is drawn when whole clusters are, with replacement.

    Topics, and cases without one, are drawn apart: else a draw would hold more
    or fewer topics than there are.
    """
    names = sorted(set(clusters))
    rng = np.random.default_rng(seed)
    drawn = np.zeros((draws, len(names)))
    for stratum in sorted({name.split(":")[0] for name in names}):
        of = [n for n, name in enumerate(names) if name.split(":")[0] == stratum]
        drawn[:, of] = rng.multinomial(len(of), np.full(len(of), 1 / len(of)), size=draws)
    place = {name: n for n, name in enumerate(names)}
    return drawn[:, [place[name] for name in clusters]]


def draw(samples: Sequence[Sample], statistic: Statistic, draws: int, seed: int) -> list[np.ndarray]:
    """(draws,) of the statistic for each sample. Their cases are the same, and so are those drawn."""
    weights = counts(samples[0].clusters, draws, seed)
    return [
        np.concatenate([
            statistic(sample.values, weights[at : at + _CHUNK][:, sample.owner]) for at in range(0, draws, _CHUNK)
        ])
        for sample in samples
    ]


def interval(drawn: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval; NaN when no draw had anything to compute with."""
    kept = drawn[~np.isnan(drawn)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def p_value(differences: np.ndarray) -> float:
    """Two-sided: how readily the draws reach 0 (Efron and Tibshirani 1993, 15.4); never below 2 / draws."""
    kept = differences[~np.isnan(differences)]
    less, more = np.sum(kept <= 0), np.sum(kept >= 0)
    return float(min(1.0, 2 * (1 + min(less, more)) / (1 + len(kept))))


def holm(p: Sequence[float]) -> list[float]:
    """P values adjusted for their number (Holm 1979), in the given order."""
    order = sorted(range(len(p)), key=lambda n: p[n])
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, n in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[n]))
        adjusted[n] = highest
    return adjusted


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a proportion (Wilson 1927); (0, 1) for none."""
    if not n:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return float(middle - half) if hits else 0.0, float(middle + half) if hits < n else 1.0


def _divide(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1), np.nan)
