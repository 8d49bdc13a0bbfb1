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

RANKING: tuple[str, ...] = (
    "ask_same", "ask_other", "claim", "point", "answer", "mean",
    "coverage", "ask_coverage", "part_coverage", "bm25", "asserted",
)
"""What an item's score is a weighted sum of.

ask_same, ask_other, claim, point, answer: best cosine above .7 of its ways of
asking in the question's and in the other language, of the claims of its
misconceptions, of its key points and of the stretches of its answer.
mean: mean of its four best cosines. coverage, ask_coverage, part_coverage:
share of the question's words, weighed by rarity, in the whole item, in its
best way of asking, in its best point or stretch. bm25: its best keyword score
as a share of the best of all items. asserted: `claim` times the strength
of the question's assertion, see `claims.assertion`."""

FEATURES: tuple[str, ...] = (
    "ask", "point", "answer", "mean", "coverage", "ask_coverage", "part_coverage",
    "unknown", "missing", "concepts", "concept_count", "length", "gap", "margin", "agreement",
    "ours", "foreign", "foreign_ours", "stranger",
)
"""What the confidence rests on, of the first item: values as in `RANKING`, and
ask: the best of ask_same, ask_other and asserted. unknown: share of the question's
rarity in words that no item holds; missing: in English words that the first
item lacks. concepts: share of the question's concepts that it names.
concept_count, length: concepts and tokens of the question, as shares of 4 and 20.
gap, margin: its score less that of the second and of the fifth.
agreement: 1.0 when vectors alone put it first, else 0.0. ours: 1.0 when the
question names something of Kubernetes alone. foreign: 1.0 when it names a
technology next door that the first item doesn't name; foreign_ours: both.
stranger: 1.0 when it holds what looks like a name and stands in no item."""


@dataclass(frozen=True)
class Calibration:
    """Weights of the ranking, and of the confidence per language with its threshold."""

    ranking: Mapping[str, float]
    weights: Mapping[str, Mapping[str, float]]
    thresholds: Mapping[str, float]

    def rank(self, features: Mapping[str, float]) -> float:
        """Score by which items are ordered; differences count, not values."""
        return sum(self.ranking[name] * features[name] for name in RANKING)

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
    return Calibration(data["ranking"], data["weights"], data["thresholds"])
