"""What a learner may want to know of themselves, derived from the reviews."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from statistics import fmean, pvariance

from tutor.corpus.items import LEVELS, TOPICS, Item
from tutor.errors import InputError
from tutor.progress.ability import DIFFICULTY, ability, of_topic, success
from tutor.progress.log import in_order
from tutor.progress.schedule import cards
from tutor.progress.types import (
    Calibration,
    Day,
    Estimate,
    Learner,
    Readiness,
    Review,
    TopicMastery,
    WeakPoint,
)

PASS = 0.6
"""Share of the score from which on a reply passes."""
REPLY_SD = 1.5
"""Standard deviation of single replies around the ability, in logits: an item
asks for what one happens to know, or not."""
NOT_TECHNICAL = frozenset({"career"})
"""Topics that say nothing about readiness: they are about the person."""

_Z90 = 1.6448536269514722
"""Half the width of the central 90% of a standard normal distribution."""
_WEAK = ("contradicted", "missed", "partial")


def learner(user: str, reviews: Iterable[Review], now: datetime) -> Learner:
    """What the reviews of `user` say at `now`; those of other users are left out."""
    own = in_order(r for r in reviews if r.user == user)
    return Learner(
        user=user,
        now=now,
        reviews=tuple(own),
        cards=cards(own, now),
        ability=ability(own, now),
        weak=weak_points(own),
    )


def mastery(learner: Learner, items: Iterable[Item]) -> list[TopicMastery]:
    """How well each topic of the items is known, in the order of the corpus's topics.

    The mean over the topic's items of the share of the score to expect, at
    the learner's ability and at the ends of its 90% interval.
    """
    by_topic: dict[str, list[Item]] = {}
    for item in items:
        if item.topic:
            by_topic.setdefault(item.topic, []).append(item)
    found = []
    for topic in sorted(by_topic, key=_order):
        estimate = of_topic(learner.ability, topic)
        difficulties = [DIFFICULTY.get(item.level, 0.0) for item in by_topic[topic]]
        low, mean, high = (
            fmean(success(estimate.mean + z * estimate.sd, d) for d in difficulties)
            for z in (-_Z90, 0.0, _Z90)
        )
        reviewed = [learner.cards[i.id] for i in by_topic[topic] if i.id in learner.cards]
        due = sum(card.due <= learner.now for card in reviewed)
        found.append(
            TopicMastery(topic, mean, low, high, len(reviewed), len(by_topic[topic]), due)
        )
    return found


def readiness(learner: Learner, items: Iterable[Item], level: str) -> Readiness:
    """How probably a reply to an item of `level` scores at least 6 of 10.

    Over the topics of the items (but `NOT_TECHNICAL`), each weighing the
    same. The logit of a reply's score is taken as normal around the mean
    ability over these topics less the difficulty, spread by single replies
    (`REPLY_SD`) and by the topics; the interval comes from the uncertainty of
    that mean ability. Raises `InputError` for an unknown level.
    """
    if level not in LEVELS:
        raise InputError(f"there is no level {level!r}", fix="use one of " + ", ".join(LEVELS))
    topics = sorted({i.topic for i in items if i.topic} - NOT_TECHNICAL, key=_order) or [""]
    estimates = {topic: of_topic(learner.ability, topic) for topic in topics}
    answered = [r.topic for r in learner.reviews if r.topic in estimates]
    centre, sd, between = _mean_ability(
        of_topic(learner.ability, ""), list(estimates.values())
    )
    bar = DIFFICULTY[level] + math.log(PASS / (1 - PASS))
    spread = math.hypot(REPLY_SD, between)
    low, high = (_normal((centre + z * sd - bar) / spread) for z in (-_Z90, _Z90))
    mean = _normal((centre - bar) / math.hypot(spread, sd))
    return Readiness(
        level=level,
        low=low,
        mean=min(max(mean, low), high),
        high=high,
        weakest=min(set(answered), key=lambda t: (estimates[t].mean, _order(t)), default=""),
        replies=len(answered),
    )


def weak_points(reviews: Iterable[Review]) -> tuple[WeakPoint, ...]:
    """Points missed or contradicted and not hit since: the heaviest first, then the latest.

    Only points of the last reply to each item count, so that a key point that
    the corpus has dropped or reworded meanwhile doesn't stay weak forever.
    """
    by_item: dict[str, list[Review]] = {}
    for review in in_order(reviews):
        by_item.setdefault(review.item_id, []).append(review)
    found = []
    for replies in by_item.values():
        last = replies[-1]
        for place, point in enumerate(last.points):
            verdicts = [p.verdict for r in replies for p in r.points if p.text == point.text]
            since = verdicts[max((n + 1 for n, v in enumerate(verdicts) if v == "hit"), default=0) :]
            if not {"missed", "contradicted"} & set(since):
                continue
            weak = WeakPoint(
                last.item_id, last.topic, point.text, point.verdict, point.weight, point.quote,
                last.at, sum(v != "hit" for v in verdicts),
            )
            found.append((place, weak))

    def order(entry: tuple[int, WeakPoint]) -> tuple:
        place, weak = entry
        return -weak.weight, -weak.at.timestamp(), _WEAK.index(weak.verdict), weak.item_id, place

    return tuple(weak for _, weak in sorted(found, key=order))


def calibration(reviews: Iterable[Review]) -> Calibration:
    """How the predicted scores compare with the real ones; unpredicted replies are left out."""
    by_topic: dict[str, list[float]] = {}
    for review in reviews:
        if review.predicted is not None:
            by_topic.setdefault(review.topic, []).append(review.predicted - review.score)
    misses = [miss for found in by_topic.values() for miss in found]
    if not misses:
        return Calibration()
    return Calibration(
        n=len(misses),
        bias=fmean(misses),
        error=fmean(map(abs, misses)),
        by_topic={topic: fmean(by_topic[topic]) for topic in sorted(by_topic, key=_order)},
    )


def history(reviews: Iterable[Review], zone: tzinfo = UTC) -> list[Day]:
    """Replies per calendar day of `zone`, the earliest first; days without any are left out."""
    by_day: dict = {}
    for review in reviews:
        by_day.setdefault(review.at.astimezone(zone).date(), []).append(review.score)
    return [Day(day, fmean(by_day[day]), len(by_day[day])) for day in sorted(by_day)]


def streak(reviews: Iterable[Review], now: datetime) -> int:
    """Consecutive days with a reply, up to today, or to yesterday while today has none yet.

    Days are those of the time zone of `now`.
    """
    days = {review.at.astimezone(now.tzinfo).date() for review in reviews}
    day = now.date()
    if day not in days:
        day -= timedelta(days=1)
    count = 0
    while day in days:
        count += 1
        day -= timedelta(days=1)
    return count


def _order(topic: str) -> tuple[int, str]:
    return (TOPICS.index(topic) if topic in TOPICS else len(TOPICS), topic)


def _mean_ability(
    overall: Estimate, topics: Sequence[Estimate]
) -> tuple[float, float, float]:
    """Mean ability over the topics, its sd, and the spread of the topics around it."""
    # Two topics only share what both share with the overall estimate.
    variance = max(overall.sd**2, 1e-12)
    own = [max(t.sd**2 - t.shared**2 / variance, 0.0) for t in topics]
    common = sum(t.shared for t in topics) ** 2 / variance
    means = [t.mean for t in topics]
    return (
        fmean(means),
        math.sqrt(sum(own) + common) / len(topics),
        math.sqrt(pvariance(means) + fmean(own)),
    )


def _normal(z: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2))
