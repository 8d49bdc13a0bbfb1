"""Reviews -> cards, by replay through FSRS-6.

The log is the truth: a card is never stored, so nothing can disagree with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from tutor.progress.ratings import AGAIN, rating
from tutor.progress.types import Card, Review

RETENTION = 0.9
"""Probability of recall at which a card becomes due."""


def cards(reviews: Iterable[Review], now: datetime) -> dict[str, Card]:
    """The card of each reviewed item of one user, by item id.

    Replays the ratings in the order of time through `fsrs` with its default
    parameters and no fuzzing, so that equal reviews, in any order, give equal
    cards. `now` only enters the retrievability.
    """
    by_item: dict[str, list[tuple[datetime, int]]] = {}
    for review in reviews:
        by_item.setdefault(review.item_id, []).append((review.at.astimezone(UTC), rating(review)))
    return {item_id: _replay(item_id, sorted(by_item[item_id]), now) for item_id in sorted(by_item)}


def _replay(item_id: str, steps: list[tuple[datetime, int]], now: datetime) -> Card:
    import fsrs

    scheduler = fsrs.Scheduler(desired_retention=RETENTION, enable_fuzzing=False)
    # Both arguments keep fsrs from reading the clock.
    card = fsrs.Card(card_id=0, due=steps[0][0])
    lapses = 0
    for at, rated in steps:
        lapses += card.state == fsrs.State.Review and rated == AGAIN
        card, _ = scheduler.review_card(card, fsrs.Rating(rated), at)
    return Card(
        item_id=item_id,
        due=card.due,
        last_review=card.last_review,
        stability=card.stability,
        difficulty=card.difficulty,
        retrievability=scheduler.get_card_retrievability(card, now.astimezone(UTC)),
        reviews=len(steps),
        lapses=lapses,
    )


def due(cards: Mapping[str, Card], now: datetime) -> list[Card]:
    """The cards that are due at `now`, the longest overdue first."""
    return sorted((c for c in cards.values() if c.due <= now), key=lambda c: (c.due, c.item_id))


def workload(cards: Mapping[str, Card], now: datetime, days: int = 14) -> list[tuple[date, int]]:
    """How many cards fall due on each of the next `days` days, today first.

    What is overdue counts as today's. Days are those of the time zone of `now`.
    """
    today = now.date()
    counts = Counter(
        max(card.due.astimezone(now.tzinfo).date(), today) for card in cards.values()
    )
    return [(day, counts[day]) for day in (today + timedelta(n) for n in range(days))]
