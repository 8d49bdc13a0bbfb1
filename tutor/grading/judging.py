"""Protocol of the cross-encoder, and the calibration that turns its word into a verdict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

import numpy as np

from tutor.grading.features import NAMES
from tutor.grading.types import VERDICTS


@dataclass(frozen=True)
class Reading:
    """`verdicts` (points, 4): probabilities in the order of `VERDICTS`; `marks`
    (points, clauses): probability that a clause is what decides on the point."""

    verdicts: np.ndarray
    marks: np.ndarray


class Judge(Protocol):
    """Reads the clauses of a reply against key points."""

    name: str
    """Changes whenever its verdicts may: old interviews are replayed by it."""

    def read(self, clauses: Sequence[str], question: str, points: Sequence[str]) -> Reading: ...

    def lean(self, texts: Sequence[tuple[str, str, str]]) -> np.ndarray:
        """(n,) for each (said, other, point): how much better `said` tells the point than `other` does, in log odds."""
        ...

    def worth(self, said: str, question: str, references: Sequence[str]) -> float | None:
        """Share (0.0 to 1.0) of the mark that people would give these words beside the reference answers.

        None where they are too long to be read as a whole.
        """
        ...


@dataclass(frozen=True)
class Calibration:
    """Multinomial logistic model over `features`: standardised by `mean` and `scale`.

    `unsure` is the confidence below which a verdict is called unsure.
    """

    weights: np.ndarray
    """(4, features)"""
    bias: np.ndarray
    """(4,)"""
    mean: np.ndarray
    scale: np.ndarray
    unsure: float

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """(n, features) -> (n, 4)."""
        logits = (rows - self.mean) / self.scale @ self.weights.T + self.bias
        logits -= logits.max(1, keepdims=True)
        found = np.exp(logits)
        return found / found.sum(1, keepdims=True)


@cache
def uncalibrated() -> Calibration:
    """Takes the judge's probabilities as they are: for references, on which it was trained as they stand."""
    size = len(NAMES)
    weights = np.zeros((len(VERDICTS), size))
    weights[:, : len(VERDICTS)] = np.eye(len(VERDICTS))
    return Calibration(weights, np.zeros(len(VERDICTS)), np.zeros(size), np.ones(size), unsure=0.5)


@cache
def shipped_calibration() -> Calibration:
    """Fitted by `python -m evals.grader.calibrate`."""
    raw = json.loads((resources.files(__package__) / "calibration.json").read_text("utf-8"))
    assert raw["features"] == list(NAMES) and raw["verdicts"] == list(VERDICTS)
    arrays = {name: np.array(raw[name]) for name in ("weights", "bias", "mean", "scale")}
    return Calibration(**arrays, unsure=raw["unsure"])
