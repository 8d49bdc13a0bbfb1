"""Events -> reviews. Pure; what can't be read is reported and left out."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Annotated

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, ValidationError

from tutor.grading import Verdict
from tutor.progress.types import Event, PointResult, Review

log = logging.getLogger("tutor.progress")

_Score = Annotated[float, AllowInfNan(False), Field(ge=0, le=10)]


class _Lenient(BaseModel):
    # Later versions write more keys; an older log must stay readable by a newer program and back.
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Point(_Lenient):
    text: str
    verdict: Verdict
    weight: Annotated[int, Field(ge=1)] = 1
    quote: str = ""


class _Misconception(_Lenient):
    claim: str


class _Grade(_Lenient):
    score: _Score
    unsure: bool = False
    points: tuple[_Point, ...] = ()
    misconceptions: tuple[_Misconception, ...] = ()


class _Graded(_Lenient):
    item_id: Annotated[str, Field(min_length=1)]
    topic: str = ""
    level: str = ""
    lang: str = "zh"
    probe: bool
    hints: Annotated[int, Field(ge=0)] = 0
    seconds: Annotated[float, AllowInfNan(False), Field(ge=0)] | None = None
    predicted: _Score | None = None
    grade: _Grade


def reviews_of(events: Iterable[Event]) -> list[Review]:
    """The reviews among the events, in their order: kind "graded", and not a probe's.

    A graded event that can't be read is left out and reported to the log
    "tutor.progress" with its place: one bad line must not cost the rest.
    """
    found = []
    for event in events:
        if event.kind != "graded":
            continue
        try:
            graded = _Graded.model_validate(dict(event.data))
        except (ValidationError, TypeError, ValueError) as error:
            log.warning("event left out: %s", _explain(event, error))
            continue
        if not graded.probe:
            found.append(_review(event, graded))
    return found


def in_order(reviews: Iterable[Review]) -> list[Review]:
    """By time; those of one moment in an order that doesn't depend on how they came."""
    return sorted(reviews, key=lambda review: (review.at, repr(review)))


def _review(event: Event, graded: _Graded) -> Review:
    grade = graded.grade
    return Review(
        user=event.user,
        item_id=graded.item_id,
        topic=graded.topic,
        level=graded.level,
        at=event.at,
        score=grade.score,
        points=tuple(PointResult(p.text, p.verdict, p.weight, p.quote) for p in grade.points),
        misconceptions=tuple(m.claim for m in grade.misconceptions),
        hints=graded.hints,
        seconds=graded.seconds,
        predicted=graded.predicted,
        unsure=grade.unsure,
        interview=event.interview,
        lang=graded.lang,
    )


def _explain(event: Event, error: Exception) -> str:
    place = f"{event.seq} of interview {event.interview!r} of user {event.user!r}"
    if not isinstance(error, ValidationError):
        return f"{place}: {error}"
    first = error.errors()[0]
    return f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
