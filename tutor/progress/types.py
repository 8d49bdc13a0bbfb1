"""What the log keeps, and what is derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tutor.grading import Verdict


@dataclass(frozen=True)
class Event:
    """One line of the append-only log. `data` is JSON; `at` is aware, in UTC.

    `seq` counts from 0 within the user's `interview`; no two events share one.
    """

    user: str
    interview: str
    seq: int
    at: datetime
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PointResult:
    """How a reply fared on one key point, as the log keeps it."""

    text: str
    verdict: Verdict
    weight: int
    quote: str = ""


@dataclass(frozen=True)
class Review:
    """A graded reply to an item's own question (not to a probe), as the log keeps it.

    `score` is 0.0 to 10.0, `predicted` what the learner expected; `hints` is
    how many were taken (0 to 3); `seconds` from the question to the reply,
    None if unknown.
    """

    user: str
    item_id: str
    topic: str
    level: str
    at: datetime
    score: float
    points: tuple[PointResult, ...]
    misconceptions: tuple[str, ...] = ()
    hints: int = 0
    seconds: float | None = None
    predicted: float | None = None
    unsure: bool = False
    interview: str = ""
    lang: str = "zh"


@dataclass(frozen=True)
class Card:
    """The schedule of one item for one user, FSRS-6. `due` is aware, in UTC.

    `stability` is in days, `difficulty` 1 to 10, `retrievability` (0.0 to 1.0)
    the probability of recall at the moment the card was derived for.
    """

    item_id: str
    due: datetime
    last_review: datetime
    stability: float
    difficulty: float
    retrievability: float
    reviews: int
    lapses: int


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard deviation.

    `shared` is the covariance with the overall estimate: what topics have in
    common isn't known better by looking at many of them.
    """

    mean: float
    sd: float
    shared: float = 0.0


@dataclass(frozen=True)
class WeakPoint:
    """A key point that the user missed or contradicted and hasn't hit since.

    `verdict`, `quote` and `at` are those of the user's last reply to the item,
    where the point may have been partly made meanwhile.
    """

    item_id: str
    topic: str
    text: str
    verdict: Verdict
    weight: int
    quote: str
    at: datetime
    times: int
    """In how many reviews it was not hit."""


@dataclass(frozen=True)
class Learner:
    """What the log says of one user at a moment.

    `ability` is in logits on the scale of `DIFFICULTY`, by topic; "" is over
    all topics. A topic without reviews has the overall mean and a wide sd.
    """

    user: str
    now: datetime
    reviews: tuple[Review, ...] = ()
    cards: Mapping[str, Card] = field(default_factory=dict)
    ability: Mapping[str, Estimate] = field(default_factory=dict)
    weak: tuple[WeakPoint, ...] = ()


@dataclass(frozen=True)
class TopicMastery:
    """How well a topic is known: the share of a reply's score to expect, 0.0 to 1.0.

    `low` and `high` bound the 90% interval. `reviewed` of the topic's `items`
    have been answered at least once; `due` of them are due now.
    """

    topic: str
    mean: float
    low: float
    high: float
    reviewed: int
    items: int
    due: int


@dataclass(frozen=True)
class Readiness:
    """The probability that a reply to an item of `level` scores at least 6 of 10.

    Over all topics, each weighing the same; `low` and `high` bound the 90%
    interval. `weakest` is the topic that pulls it down most, "" before the
    first reply; `replies` is how many replies it rests on.
    """

    level: str
    low: float
    mean: float
    high: float
    weakest: str
    replies: int


@dataclass(frozen=True)
class Calibration:
    """Predicted scores against the real ones, in points of 10.

    `bias` is the mean of predicted minus real: positive is overconfident.
    `error` is the mean absolute difference. Both are None when `n` is 0.
    """

    n: int = 0
    bias: float | None = None
    error: float | None = None
    by_topic: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Day:
    """The replies of one calendar day: their number and their mean score."""

    date: date
    mean: float
    count: int


@dataclass(frozen=True)
class InterviewSummary:
    """One interview in the log; `finished` when it holds a "finished" event."""

    id: str
    started: datetime
    last: datetime
    events: int
    finished: bool
