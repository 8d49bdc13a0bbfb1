"""How mastery moved: the same estimate as today's, at earlier moments."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tutor.corpus.items import Item
from tutor.progress.ability import ability
from tutor.progress.log import in_order
from tutor.progress.mastery import mastery
from tutor.progress.types import Learner, Review, TopicMastery

Trend = dict[str, list[tuple[date, TopicMastery]]]
"""By topic, the days with what was known of it at their end; the last is now."""


def trend(
    reviews: Iterable[Review], items: Iterable[Item], topics: Collection[str], now: datetime,
    *, most: int = 30, zone: tzinfo = UTC,
) -> Trend:
    """Mastery of these topics at the ends of at most `most` days with replies, and now.

    Days are those of `zone`. A topic begins with its first reply. `due` of a
    `TopicMastery` counts nothing here.
    """
    own, wanted = in_order(reviews), [item for item in items if item.topic in topics]
    days = sorted({review.at.astimezone(zone).date() for review in own})
    ends = [(day, datetime.combine(day + timedelta(1), time(), zone)) for day in _some(days, most - 1)]
    ends = [(day, end) for day, end in ends if end < now] + [(now.astimezone(zone).date(), now)]
    found: Trend = {}
    for day, end in ends:
        before = [review for review in own if review.at < end]
        begun = {review.topic for review in before}
        learner = Learner("", end, tuple(before), {}, ability(before, end))
        for topic in mastery(learner, wanted):
            if topic.topic in begun:
                found.setdefault(topic.topic, []).append((day, topic))
    return found


def _some(days: list[date], most: int) -> list[date]:
    """At most that many of the days, evenly, with the last."""
    step = max(1, -(-len(days) // most))
    return days[::-1][::step][::-1]
