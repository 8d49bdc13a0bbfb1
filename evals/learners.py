"""Simulated learners interviewed by the real chooser, ability estimate and schedule.

    python -m evals.learners [--learners 20] [--sessions 10] [--questions 10] [--seed 0]

A learner has a known ability in each topic, items have a hidden difficulty
around that of their level, and whoever was graded on an item remembers it for a
while (power-law forgetting, a memory of their own) and slips now and then. The
chooser sees only the grades. Prints one JSON object; see `Figures`.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from tutor.corpus import LEVELS, TOPICS, Item, read
from tutor.grading import Grade, PointVerdict, Verdict
from tutor.interview import Interview, Plan, replay
from tutor.progress import DIFFICULTY, cards, learner, rating, reviews_of, success
from tutor.progress.types import Event, Learner, Review

CORPUS = Path(__file__).parents[1] / "corpus"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAYS = 30
EASE = (0.5, 1.5)
"""Logits by which an item is easier right after its grade; drawn per learner. The chooser assumes 1."""
HIDDEN = 0.3
"""Standard deviation of an item's difficulty around that of its level, in logits."""
SLIP = 0.05
"""Share of the known points that a learner gets wrong all the same."""
TRUE_BAND = (0.50, 0.85)
PREDICTED_BAND = (0.55, 0.80)


class MemoryLog:
    """Events in a list; numbers them as the store does."""

    def __init__(self) -> None:
        self.all: list[Event] = []

    def append(
        self, user: str, interview: str, kind: str, data: Mapping[str, Any], at: datetime,
        *, seq: int | None = None,
    ) -> Event:
        following = len(self.events(user, interview))
        if seq not in (None, following):
            raise ValueError(f"the next event is {following}, not {seq}")
        event = Event(user, interview, following, at, kind, json.loads(json.dumps(data)))
        self.all.append(event)
        return event

    def events(self, user: str, interview: str | None = None) -> list[Event]:
        return [e for e in self.all if e.user == user and interview in (None, e.interview)]


@dataclass
class Simulated:
    """One learner: what they know, and what they remember of the items they were graded on."""

    rng: Random
    ability: Mapping[str, float]
    ease: float
    hidden: dict[str, float] = field(default_factory=dict)
    seen: dict[str, tuple[datetime, float]] = field(default_factory=dict)

    @classmethod
    def drawn(cls, rng: Random) -> Simulated:
        overall = rng.uniform(-0.5, 1.5)
        return cls(rng, {t: rng.gauss(overall, 0.6) for t in TOPICS}, rng.uniform(*EASE))

    def chance(self, item: Item, now: datetime) -> float:
        """The true share of the item's points that the learner makes now, slips left out."""
        if item.id not in self.hidden:
            self.hidden[item.id] = Random(item.id).gauss(0, HIDDEN)
        hard = DIFFICULTY[item.level] + self.hidden[item.id]
        return success(self.ability[item.topic] + self.ease * self._remembered(item.id, now), hard)

    def grade(self, item: Item, reply: str, now: datetime) -> Grade:
        """Each point made with `chance`, or slipped; the learner then studies the answer."""
        chance = self.chance(item, now)
        points = []
        for point in item.points:
            verdict: Verdict = "hit" if self.rng.random() < chance else "missed"
            if verdict == "hit" and self.rng.random() < SLIP:
                verdict = "contradicted"
            quote = "" if verdict == "missed" else reply
            points.append(PointVerdict(point.text["en"], verdict, quote, "", point.weight))
        score = 10 * sum(p.weight for p in points if p.verdict == "hit") / sum(p.weight for p in points)
        _, stable = self.seen.get(item.id, (now, 2.0))
        self.seen[item.id] = now, stable * (2.0 if score >= 6 else 1.3)
        return Grade(score, tuple(points), False, "", item.question["en"], reply, "en", item_id=item.id)

    def _remembered(self, item_id: str, now: datetime) -> float:
        if item_id not in self.seen:
            return 0.0
        at, stable = self.seen[item_id]
        return (1 + 19 / 81 * (now - at).total_seconds() / 86400 / stable) ** -0.5


@dataclass(frozen=True)
class Figures:
    """What the simulation shows, over all learners.

    `in_band` is the share of the chosen items whose true success lies within
    `TRUE_BAND`, `at_random` that of all items at the same moments;
    `ability_error` the root mean square error of the topics' ability after each
    session, in logits, `before` that of knowing nothing.
    """

    learners: int
    asked: int
    in_band: float
    at_random: float
    predicted_mean: float
    predicted_in_band: float
    true_mean: float
    before: float
    ability_error: tuple[float, ...]
    due_as_fsrs: bool
    replay_equal: bool


class Course:
    """One simulated learner going through the interviews."""

    def __init__(self, person: Simulated, items: Mapping[str, Item], user: str) -> None:
        self.person, self.items, self.user = person, items, user
        self.log, self.now = MemoryLog(), START
        self.chosen: list[tuple[float, float]] = []
        """True and predicted success of each item that was asked."""
        self.usual: list[float] = []
        """Share of all items in the true band at each question."""
        self.replay_equal = True

    def session(self, day: float, questions: int, seed: int) -> None:
        """One mock interview; every question is answered and no probe."""
        self.now = START + timedelta(days=day)
        plan = Plan("mock", lang="en", n=questions, seed=seed, user=self.user)
        interview = Interview(
            plan, self.items, self._grade, self.log, self.known, clock=lambda: self.now
        )
        while (question := interview.next()) is not None:
            self.now += timedelta(minutes=2)
            if question.kind != "question":
                interview.skip()
                continue
            chances = {i.id: self.person.chance(i, self.now) for i in self.items.values()}
            self.chosen.append((chances[question.item_id], interview.state.turns[-1].success))
            self.usual.append(fmean(_within(chance, TRUE_BAND) for chance in chances.values()))
            interview.reply("what I know of it")
        events = self.log.events(self.user, interview.id)
        self.replay_equal &= interview.state == replay(events) == replay(events)

    def known(self) -> Learner:
        """What the tutor knows of the learner."""
        return learner(self.user, self.reviews(), self.now)

    def reviews(self) -> list[Review]:
        return reviews_of(self.log.events(self.user))

    def errors(self) -> list[float]:
        """Squared error of the estimated ability in each topic that has items."""
        abilities = self.known().ability
        topics = sorted({item.topic for item in self.items.values()})
        return [(abilities[topic].mean - self.person.ability[topic]) ** 2 for topic in topics]

    def due_equal(self) -> bool:
        """True when every card is due exactly when `fsrs` says so."""
        reviews = self.reviews()
        return {i: card.due for i, card in cards(reviews, self.now).items()} == fsrs_due(reviews)

    def _grade(self, item: Item, reply: str) -> Grade:
        return self.person.grade(item, reply, self.now)


def simulate(
    items: Sequence[Item], *, learners: int = 20, sessions: int = 10, questions: int = 10, seed: int = 0
) -> Figures:
    """Interviews every learner in each session; deterministic by seed."""
    by_id = {item.id: item for item in items if item.topic != "career" and item.level in LEVELS}
    rngs = [Random(f"{seed}/{number}") for number in range(learners)]
    courses = [Course(Simulated.drawn(rng), by_id, f"learner {n}") for n, rng in enumerate(rngs)]
    rmse = [math.sqrt(fmean(e for course in courses for e in course.errors()))]
    for number in range(sessions):
        for course, rng in zip(courses, rngs, strict=True):
            course.session(number * DAYS / sessions, questions, rng.randrange(2**32))
        rmse.append(math.sqrt(fmean(e for course in courses for e in course.errors())))
    chosen = [pair for course in courses for pair in course.chosen]
    return Figures(
        learners=learners,
        asked=len(chosen),
        in_band=fmean(_within(true, TRUE_BAND) for true, _ in chosen),
        at_random=fmean(share for course in courses for share in course.usual),
        predicted_mean=fmean(guess for _, guess in chosen),
        predicted_in_band=fmean(_within(guess, PREDICTED_BAND) for _, guess in chosen),
        true_mean=fmean(true for true, _ in chosen),
        before=rmse[0],
        ability_error=tuple(rmse[1:]),
        due_as_fsrs=all(course.due_equal() for course in courses),
        replay_equal=all(course.replay_equal for course in courses),
    )


@cache
def corpus() -> tuple[Item, ...]:
    """The curated items, read once."""
    return read(CORPUS).items


def fsrs_due(reviews: Sequence[Review]) -> dict[str, datetime]:
    """The due date of each item as the `fsrs` library itself gives it, review by review."""
    import fsrs

    scheduler = fsrs.Scheduler(enable_fuzzing=False)
    found: dict[str, fsrs.Card] = {}
    for review in sorted(reviews, key=lambda review: review.at):
        card = found.get(review.item_id) or fsrs.Card(card_id=1, due=review.at)
        found[review.item_id], _ = scheduler.review_card(card, fsrs.Rating(rating(review)), review.at)
    return {item_id: card.due for item_id, card in found.items()}


def _within(value: float, band: tuple[float, float]) -> bool:
    return band[0] <= value <= band[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.learners", description="Simulated learners")
    parser.add_argument("--learners", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    figures = simulate(corpus(), **vars(options))
    rounded = json.loads(json.dumps(asdict(figures)), parse_float=lambda text: round(float(text), 3))
    print(json.dumps(rounded, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
