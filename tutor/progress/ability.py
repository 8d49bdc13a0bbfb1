"""Reviews -> ability by topic, in logits: a Rasch model with two levels.

A reply's outcome is the share of its score, y in [0, 1], and its likelihood
that of a fraction of a success (Papke & Wooldridge 1996): p^y (1-p)^(1-y)
with p = 1 / (1 + exp(difficulty - ability)). The overall ability is normal
around 0, that of a topic normal around the overall one. Estimated together,
by maximum a posteriori; the spread comes from the curvature there (Laplace).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tutor.corpus.items import TOPICS
from tutor.progress.log import in_order
from tutor.progress.types import Estimate, Review

DIFFICULTY: Mapping[str, float] = {"junior": -1.0, "mid": 0.0, "senior": 1.0}
"""Difficulty of an item by its level, in logits. An unknown level counts as 0.0."""
OVERALL_SD = 1.5
"""Standard deviation of overall ability between learners, in logits."""
TOPIC_SD = 0.8
"""Standard deviation of one learner's topics around their overall ability."""
HALF_LIFE = 60.0
"""Days after which a reply weighs half: people learn and forget."""
HINT_COST = 0.25
"""Share of the outcome that each hint takes: after three, half a passage was read out."""

_BOUND = 500.0
_STEPS = 50

Reply = tuple[float, float, float]
"""Outcome (0.0 to 1.0), difficulty, weight (0.0 to 1.0)."""


def success(ability: float, difficulty: float) -> float:
    """The share of the score to expect, 0.0 to 1.0, both arguments in logits."""
    logit = max(-_BOUND, min(_BOUND, ability - difficulty))
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    return math.exp(logit) / (1 + math.exp(logit))


def ability(reviews: Iterable[Review], now: datetime) -> dict[str, Estimate]:
    """One user's ability by topic, "" being over all topics.

    Holds all topics of the corpus and of the reviews; one without reviews has
    the overall mean and a wider sd. Older reviews weigh less (`HALF_LIFE`),
    so that the sd grows again while nothing is practised.
    """
    by_topic: dict[str | None, list[Reply]] = {topic: [] for topic in TOPICS}
    for review in in_order(reviews):
        by_topic.setdefault(review.topic or None, []).append(_reply(review, now))
    topics = list(by_topic)
    overall, means, curvatures = _maximum([by_topic[topic] for topic in topics])
    # The precision matrix is an arrow, so its inverse is written down at once.
    pull = 1 / TOPIC_SD**2
    rest = 1 / OVERALL_SD**2 + sum(pull - pull**2 / h for h in curvatures)
    variance = 1 / rest
    found = {"": Estimate(overall, math.sqrt(variance), variance)}
    for topic, mean, h in zip(topics, means, curvatures, strict=True):
        shared = variance * pull / h
        if topic is not None:
            found[topic] = Estimate(mean, math.sqrt(1 / h + shared * pull / h), shared)
    return found


def of_topic(abilities: Mapping[str, Estimate], topic: str) -> Estimate:
    """The estimate of a topic ("" is over all), a vague one if it isn't among `abilities`."""
    overall = abilities.get("", Estimate(0.0, OVERALL_SD, OVERALL_SD**2))
    if not topic:
        return overall
    unknown = Estimate(overall.mean, math.hypot(overall.sd, TOPIC_SD), overall.shared)
    return abilities.get(topic, unknown)


def _reply(review: Review, now: datetime) -> Reply:
    score = review.score if math.isfinite(review.score) else 0.0
    unaided = max(0.0, 1 - HINT_COST * review.hints)
    outcome = max(0.0, min(1.0, score / 10)) * unaided
    age = max(0.0, (now - review.at).total_seconds() / 86400)
    return outcome, DIFFICULTY.get(review.level, 0.0), 0.5 ** (age / HALF_LIFE)


def _maximum(topics: Sequence[Sequence[Reply]]) -> tuple[float, list[float], list[float]]:
    """Overall mean, topic means, and the curvature at each topic, by Newton's method.

    The log posterior is strictly concave, and a step that lowers it is
    halved, so that it converges from anywhere.
    """
    pull, prior = 1 / TOPIC_SD**2, 1 / OVERALL_SD**2
    overall, means = 0.0, [0.0] * len(topics)
    value = _log_posterior(overall, means, topics)
    for _ in range(_STEPS):
        slopes, curvatures = [], []
        for mean, replies in zip(means, topics, strict=True):
            chances = [success(mean, difficulty) for _, difficulty, _ in replies]
            pairs = list(zip(replies, chances, strict=True))
            slopes.append(sum(w * (y - p) for (y, _, w), p in pairs) - pull * (mean - overall))
            curvatures.append(sum(w * p * (1 - p) for (_, _, w), p in pairs) + pull)
        slope = pull * sum(m - overall for m in means) - prior * overall
        slope += sum(pull * g / h for g, h in zip(slopes, curvatures, strict=True))
        step = slope / (prior + sum(pull - pull**2 / h for h in curvatures))
        steps = [(g + pull * step) / h for g, h in zip(slopes, curvatures, strict=True)]
        if max(abs(step), *map(abs, steps)) < 1e-8:
            break
        for _ in range(_STEPS):
            moved = overall + step, [m + s for m, s in zip(means, steps, strict=True)]
            reached = _log_posterior(*moved, topics)
            if reached >= value - 1e-12 * (1 + abs(value)):  # equal but for rounding
                break
            step, steps = step / 2, [s / 2 for s in steps]
        (overall, means), value = moved, reached
    return overall, means, curvatures


def _log_posterior(
    overall: float, means: Sequence[float], topics: Sequence[Sequence[Reply]]
) -> float:
    total = -(overall**2) / (2 * OVERALL_SD**2)
    for mean, replies in zip(means, topics, strict=True):
        total -= (mean - overall) ** 2 / (2 * TOPIC_SD**2)
        for outcome, difficulty, weight in replies:
            logit = mean - difficulty
            # log(1 + exp(logit)), without overflow
            log_sum = max(logit, 0.0) + math.log1p(math.exp(-abs(logit)))
            total += weight * (outcome * logit - log_sum)
    return total
