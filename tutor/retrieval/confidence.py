"""How sure the retrieval is that the corpus answers the question.

A logistic model over a few features of the best matches, fitted per language
by `python -m evals calibrate` on the questions in `evals/cases/*.dev.jsonl`;
the result ships as `calibration.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

FEATURES: tuple[str, ...] = (
    "ask_cosine",
    "answer_cosine",
    "coverage",
    "ask_coverage",
    "unknown",
    "margin",
    "agreement",
)
"""ask_cosine, answer_cosine: best cosine of the first item's ways of asking and of its answer.
coverage: share of the question's words, weighed by rarity, that the item holds.
ask_coverage: the same within its best way of asking alone.
unknown: share of that weight in words that no item holds.
margin: fused score of the first item less that of the fifth.
agreement: 1.0 when vectors and keywords put the same item first, else 0.0."""


@dataclass(frozen=True)
class Calibration:
    """Weights of a logistic model per language, and the thresholds fitted with them."""

    weights: Mapping[str, Mapping[str, float]]
    thresholds: Mapping[str, float]

    def confidence(self, features: Mapping[str, float], lang: str) -> float:
        """Probability, 0.0 to 1.0, that the first passages answer the question."""
        weights = self.weights[lang]
        logit = weights["bias"] + sum(weights[name] * features[name] for name in FEATURES)
        return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, logit))))

    def threshold(self, lang: str) -> float:
        """Below this confidence a question is refused."""
        return self.thresholds[lang]


@cache
def shipped_calibration() -> Calibration:
    """The calibration that ships with the package."""
    data = json.loads((resources.files(__package__) / "calibration.json").read_text("utf-8"))
    return Calibration(data["weights"], data["thresholds"])
