"""A job description -> the topics that it names, with weights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from tutor import lexicon
from tutor.corpus.items import Item
from tutor.errors import InputError

MOST_CHARACTERS = 20_000
LEAST_SHARE = 0.05
"""A topic with a smaller share of the whole was named in passing only."""


def topics_of(text: str, items: Iterable[Item]) -> dict[str, float]:
    """The topics that a job description names, heaviest first; the weights add up to 1.0.

    Each concept that it names counts for the topics whose items ask about it,
    by their share of these items, and the more the rarer it is among all
    questions; naming it again counts less and less. "career" is left out.
    Raises `InputError` when the text is too long or names nothing of Kubernetes.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"the job description has {len(text)} characters; {MOST_CHARACTERS} are allowed",
            fix="paste the requirements only",
        )
    asked: dict[str, Counter[str]] = {}
    count = 0
    for item in items:
        if item.kind != "curated" or not item.topic or item.topic == "career":
            continue
        count += 1
        for concept in {c for question in item.question.values() for c in lexicon.concepts(question)}:
            asked.setdefault(concept, Counter())[item.topic] += 1
    weights: Counter[str] = Counter()
    named = Counter(lexicon.concepts(text))
    ours = {concept for concept in named if lexicon.ours(concept)}
    # One concept alone can be slang for something else: "every night" is a CronJob.
    if "kubernetes" in ours or len(ours) > 1:
        for concept, times in named.items():
            topics = asked.get(concept, Counter())
            total = topics.total()
            for topic, number in topics.items():
                rarity = math.log(1 + count / total)
                weights[topic] += (1 + math.log(times)) * rarity * number / total
    if not weights:
        raise InputError(
            "the job description names nothing of Kubernetes",
            fix="paste its requirements, or choose topics yourself",
        )
    whole = weights.total()
    named = {t: w for t, w in weights.most_common() if w / whole >= LEAST_SHARE} or dict(weights)
    whole = sum(named.values())
    return {topic: weight / whole for topic, weight in named.items()}
