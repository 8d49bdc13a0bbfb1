"""What is derived from reviews: ratings, cards, ability, mastery. All pure, all by replay."""

from __future__ import annotations

import itertools
import logging
import math
import random
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta, timezone

import fsrs
import numpy as np
import pytest

from tests.conftest import ROOT
from tutor.corpus.items import LEVELS, TOPICS, Item, Source
from tutor.errors import InputError
from tutor.progress import (
    DIFFICULTY,
    Calibration,
    Event,
    Learner,
    PointResult,
    Review,
    ability,
    calibration,
    cards,
    due,
    history,
    learner,
    mastery,
    of_topic,
    rating,
    readiness,
    reviews_of,
    streak,
    success,
    weak_points,
    workload,
)
from tutor.progress.ability import HALF_LIFE, OVERALL_SD, TOPIC_SD
from tutor.progress.ratings import QUICK, rate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ITEMS = [
    Item(f"{topic}-{level}", {"en": "q"}, {"en": "a"}, Source("p"), topic=topic, level=level)
    for topic in TOPICS
    for level in LEVELS
]


def point(verdict: str, weight: int = 1, text: str = "a point") -> PointResult:
    return PointResult(text, verdict, weight, "" if verdict == "missed" else "words")


def review(item_id: str = "cni-mid", days_ago: float = 0, score: float = 10.0, **more) -> Review:
    topic, _, level = item_id.rpartition("-")
    values = {"user": "li", "topic": topic, "level": level, "points": (point("hit"),)} | more
    return Review(item_id=item_id, at=NOW - timedelta(days=days_ago), score=score, **values)


# ratings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coverage", "flaws", "hints", "pace", "expected"),
    [
        (0.49, 0, 0, 5, 1), (0.5, 0, 0, 5, 2), (0.74, 0, 0, 5, 2), (0.75, 0, 0, 5, 3),
        (0.9, 0, 0, 5, 4), (1.0, 0, 0, QUICK, 4), (1.0, 0, 0, QUICK + 1, 3),
        (1.0, 0, 0, None, 3), (1.0, 0, 0, -5, 3), (1.0, 0, 0, math.nan, 3),
        (1.0, 1, 0, 5, 2), (1.0, 2, 0, 5, 1), (1.0, 9, 0, 5, 1),
        (1.0, 0, 1, 5, 3), (1.0, 0, 2, 5, 2), (1.0, 0, 3, 5, 1), (1.0, 0, 7, 5, 1),
    ],
)  # fmt: skip
def test_the_rating_is_the_table_of_the_docstring(coverage, flaws, hints, pace, expected) -> None:
    assert rate(coverage, flaws, hints, pace) == expected


def test_the_rating_is_monotone_in_each_argument() -> None:
    shares = [n / 40 for n in range(41)]
    paces = [1.0, QUICK, QUICK + 1, None]
    for share, flaws, hints, pace in itertools.product(shares, range(4), range(5), paces):
        rated = rate(share, flaws, hints, pace)
        assert 1 <= rated <= 4
        assert rate(min(share + 1 / 40, 1.0), flaws, hints, pace) >= rated
        assert rate(share, flaws + 1, hints, pace) <= rated
        assert rate(share, flaws, hints + 1, pace) <= rated
        assert rate(share, flaws, hints, None) <= rated


def test_a_better_verdict_never_lowers_the_rating_of_a_reply() -> None:
    ladder = ["contradicted", "missed", "partial", "hit"]
    rng = random.Random(3)
    for _ in range(500):
        verdicts = [(rng.choice(ladder), rng.randint(1, 5)) for _ in range(rng.randint(1, 6))]
        place = rng.randrange(len(verdicts))
        rated = []
        for verdict in ladder:
            points = [(verdict, w) if n == place else (v, w) for n, (v, w) in enumerate(verdicts)]
            reply = review(points=tuple(point(v, w) for v, w in points), seconds=4.0)
            rated.append(rating(reply))
        assert rated == sorted(rated)


def test_weights_misconceptions_and_doubt_count() -> None:
    heavy = (point("hit", 4), point("missed", 1))
    assert rating(review(points=heavy)) == 3
    assert rating(review(points=heavy, misconceptions=("a claim",))) == 2
    assert rating(review(seconds=5.0)) == 4
    assert rating(review(seconds=5.0, unsure=True)) == 3
    assert rating(review(points=(), score=5.0)) == 2


# schedule ------------------------------------------------------------------------------------

RATED = {
    1: {"points": (point("missed"),)},
    2: {"points": (point("partial"),)},
    3: {"points": (point("hit"),)},
    4: {"points": (point("hit"),), "seconds": 3.0},
}


def histories(seed: int, items: int = 12) -> dict[str, list[tuple[float, int]]]:
    """By item: days ago and rating; gaps from minutes to months."""
    rng = random.Random(seed)
    gaps = [0.0, 0.001, 0.01, 0.3, 1.0, 3.0, 20.0, 90.0]
    found = {}
    for n in range(items):
        days, steps = 400.0, []
        for _ in range(rng.randint(1, 9)):
            days -= rng.choice(gaps)
            steps.append((max(days, 0.0), rng.randint(1, 4)))
        found[f"item-{n}"] = steps
    return found


@pytest.mark.parametrize("seed", range(5))
def test_cards_equal_those_of_fsrs_driven_directly(seed: int) -> None:
    past = histories(seed)
    reviews = [review(i, days, **RATED[r]) for i, steps in past.items() for days, r in steps]
    random.Random(seed).shuffle(reviews)
    found = cards(reviews, NOW)
    scheduler = fsrs.Scheduler(enable_fuzzing=False)
    for item_id, steps in past.items():
        card = fsrs.Card(card_id=1)
        for days, rated in sorted(steps, key=lambda s: (-s[0], s[1])):
            card, _ = scheduler.review_card(card, fsrs.Rating(rated), NOW - timedelta(days=days))
        got = found[item_id]
        assert (got.due, got.last_review) == (card.due, card.last_review)
        assert (got.stability, got.difficulty) == (card.stability, card.difficulty)
        assert got.retrievability == scheduler.get_card_retrievability(card, NOW)
        assert got.reviews == len(steps)


def test_replaying_twice_or_in_any_order_gives_the_same() -> None:
    reviews = [review(i, d, **RATED[r]) for i, s in histories(7).items() for d, r in s]
    once = learner("li", reviews, NOW)
    assert learner("li", reviews, NOW) == once
    assert learner("li", reversed(reviews), NOW) == once
    elsewhere = [replace(r, at=r.at.astimezone(timezone(timedelta(hours=8)))) for r in reviews]
    assert cards(elsewhere, NOW) == once.cards


def test_a_lapse_is_forgetting_what_was_learnt() -> None:
    steps = [(60, 4), (30, 1), (29.99, 1), (29, 3), (10, 1)]
    card = cards([review("a-mid", days, **RATED[r]) for days, r in steps], NOW)["a-mid"]
    assert (card.reviews, card.lapses) == (5, 2)
    assert 0 < card.retrievability < 1


def test_due_and_workload() -> None:
    reviews = [review("a-mid", 40, **RATED[4]), review("b-mid", 5, **RATED[1]), review("c-mid", 0, **RATED[4])]
    found = cards(reviews, NOW)
    assert [card.item_id for card in due(found, NOW)] == ["a-mid", "b-mid"]
    load = workload(found, NOW, days=10)
    assert load[0] == (date(2026, 3, 1), 2)
    assert len(load) == 10 and sum(count for _, count in load) == 3
    assert dict(load)[found["c-mid"].due.date()] == 1


def test_days_are_those_of_the_learner() -> None:
    card = replace(cards([review()], NOW)["cni-mid"], due=datetime(2026, 3, 2, 18, tzinfo=UTC))
    shanghai = timezone(timedelta(hours=8))
    assert dict(workload({"x": card}, NOW))[date(2026, 3, 2)] == 1
    assert dict(workload({"x": card}, NOW.astimezone(shanghai)))[date(2026, 3, 3)] == 1


# ability -------------------------------------------------------------------------------------


@pytest.mark.parametrize("extreme", [1e308, math.inf, 800.0])
def test_success_never_overflows(extreme: float) -> None:
    assert success(extreme, 0.0) == 1.0
    assert success(-extreme, 0.0) < 1e-200
    assert success(0.0, 0.0) == 0.5
    assert success(0.7, 0.2) == pytest.approx(1 - success(0.2, 0.7))


def simulated(truth: dict[str, float], n: int, seed: int) -> list[Review]:
    rng = random.Random(seed)
    found = []
    for _ in range(n):
        item = rng.choice([i for i in ITEMS if i.topic in truth])
        chance = success(truth[item.topic], DIFFICULTY[item.level])
        found.append(review(item.id, rng.random() * 10, 10.0 * (rng.random() < chance)))
    return found


def test_without_reviews_there_is_the_prior() -> None:
    found = ability([], NOW)
    assert set(found) == {"", *TOPICS}
    assert (found[""].mean, found[""].sd) == (0.0, pytest.approx(OVERALL_SD))
    assert found["cni"].sd == pytest.approx(math.hypot(OVERALL_SD, TOPIC_SD))
    assert of_topic({}, "cni").sd == pytest.approx(found["cni"].sd)


def test_the_estimate_is_the_mode_and_its_spread_the_curvature() -> None:
    reviews = simulated({"cni": 2.0, "etcd": -1.0, "storage": 0.5}, 60, 1)
    found = ability(reviews, NOW)
    names = ["", *TOPICS]

    def log_posterior(x: np.ndarray) -> float:
        at = dict(zip(names, x, strict=True))
        total = -at[""] ** 2 / (2 * OVERALL_SD**2)
        total -= sum((at[t] - at[""]) ** 2 for t in TOPICS) / (2 * TOPIC_SD**2)
        for r in reviews:
            p, y = success(at[r.topic], DIFFICULTY[r.level]), r.score / 10
            weight = 0.5 ** ((NOW - r.at) / timedelta(days=HALF_LIFE))
            total += weight * (y * math.log(p) + (1 - y) * math.log(1 - p))
        return total

    mode, h = np.array([found[n].mean for n in names]), 1e-3
    unit = np.eye(len(names)) * h
    slope = [(log_posterior(mode + e) - log_posterior(mode - e)) / (2 * h) for e in unit]
    assert np.abs(slope).max() < 1e-4
    hessian = np.array(
        [
            [
                (log_posterior(mode + a + b) - log_posterior(mode + a - b)
                 - log_posterior(mode - a + b) + log_posterior(mode - a - b)) / (4 * h * h)
                for b in unit
            ]
            for a in unit
        ]
    )  # fmt: skip
    covariance = np.linalg.inv(-hessian)
    assert [found[n].sd for n in names] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-3)
    assert [found[n].shared for n in names] == pytest.approx(covariance[0], rel=1e-3)


def test_more_replies_find_the_truth() -> None:
    truth = {"cni": 2.0, "etcd": -1.0, "storage": 0.5}
    errors = []
    for n in (10, 60, 600):
        runs = [ability(simulated(truth, n, seed), NOW) for seed in range(8)]
        errors.append(np.sqrt(np.mean([(run[t].mean - truth[t]) ** 2 for run in runs for t in truth])))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.35


def test_old_replies_and_hints_count_less() -> None:
    fresh = ability([review(days_ago=0)], NOW)["cni"]
    old = ability([review(days_ago=10 * HALF_LIFE)], NOW)["cni"]
    assert old.mean == pytest.approx(0.0, abs=0.01) and old.sd > fresh.sd
    means = [ability([review(hints=h)], NOW)["cni"].mean for h in range(4)]
    assert means == sorted(means, reverse=True) and len(set(means)) == 4


def test_a_reply_says_more_of_its_own_topic_than_of_others() -> None:
    found = ability([review("cni-senior")] * 3, NOW)
    assert found["cni"].mean > found["etcd"].mean > 0
    assert found["etcd"].mean == pytest.approx(found[""].mean)
    assert found["cni"].sd < found["etcd"].sd


@pytest.mark.parametrize("score", [0.0, 10.0, math.nan, math.inf, -3.0])
def test_extreme_logs_stay_finite(score: float) -> None:
    reviews = [review("cni-junior", -1, score), *[review("?-unknown", 0, score, topic="")] * 400]
    for estimate in ability(reviews, NOW).values():
        assert math.isfinite(estimate.mean) and 0 < estimate.sd < 2


# mastery -------------------------------------------------------------------------------------


def answered(score: float, n: int, topics: tuple[str, ...] = TOPICS) -> Learner:
    chosen = [i for i in ITEMS if i.topic in topics]
    return learner("li", [review(chosen[k % len(chosen)].id, 1, score) for k in range(n)], NOW)


def test_mastery_is_wide_at_first_and_narrows() -> None:
    empty = {m.topic: m for m in mastery(answered(0, 0), ITEMS)}
    some = {m.topic: m for m in mastery(answered(9.0, 60, ("cni",)), ITEMS)}
    assert list(empty) == list(TOPICS)
    assert empty["cni"].high - empty["cni"].low > 0.7
    assert some["cni"].high - some["cni"].low < 0.2 and some["cni"].mean > 0.8
    assert some["etcd"].high - some["etcd"].low > 0.4
    assert (some["cni"].reviewed, some["cni"].items, some["etcd"].reviewed) == (3, 3, 0)
    assert all(0 <= m.low <= m.mean <= m.high <= 1 for m in [*empty.values(), *some.values()])


def test_mastery_counts_due_cards_of_known_items() -> None:
    one = learner("li", [review("cni-mid", 30), review("cni-gone", 30)], NOW)
    found = {m.topic: m for m in mastery(one, ITEMS)}["cni"]
    assert (found.reviewed, found.due) == (1, 1)


def test_readiness_is_wide_at_first_narrows_and_falls_with_the_level() -> None:
    empty, some, many = answered(0, 0), answered(8.0, 40), answered(8.0, 400)
    widths = [r.high - r.low for r in (readiness(x, ITEMS, "mid") for x in (empty, some, many))]
    assert widths[0] > 0.8 and widths[0] > widths[1] > widths[2]
    for one in (empty, some, many):
        means = [readiness(one, ITEMS, level).mean for level in LEVELS]
        assert means == sorted(means, reverse=True)
        assert all(0 <= r.low <= r.mean <= r.high <= 1 for r in (readiness(one, ITEMS, v) for v in LEVELS))
    assert readiness(empty, ITEMS, "mid").weakest == ""


def test_readiness_names_the_weakest_topic_and_its_evidence() -> None:
    weak = [review("etcd-mid", 1, 2.0)] * 4
    one = learner("li", [*weak, *[review("cni-mid", 1, 9.0)] * 4, review("career-mid", 1, 0.0)], NOW)
    found = readiness(one, ITEMS, "mid")
    assert (found.weakest, found.replies) == ("etcd", 8)
    with pytest.raises(InputError, match="'guru'"):
        readiness(one, ITEMS, "guru")


def test_the_interval_of_readiness_holds_the_truth_nine_times_in_ten() -> None:
    rng, held = random.Random(5), 0
    bar = math.log(0.6 / 0.4)
    for seed in range(40):
        overall = rng.gauss(0, OVERALL_SD)
        truth = {t: rng.gauss(overall, TOPIC_SD) for t in TOPICS if t != "career"}
        found = readiness(learner("li", simulated(truth, 60, seed), NOW), ITEMS, "mid")
        real = np.mean([0.5 * math.erfc(-(a - bar) / 1.5 / math.sqrt(2)) for a in truth.values()])
        held += found.low <= real <= found.high
    assert held >= 33


def test_weak_points_are_ordered_counted_and_forgotten_once_hit() -> None:
    def reply(item: str, days: float, **verdicts: str) -> Review:
        weights = {"a": 5, "b": 2, "c": 2}
        return review(item, days, points=tuple(point(v, weights[k], k) for k, v in verdicts.items()))

    past = [
        reply("x-mid", 9, a="contradicted", b="missed", c="missed"),
        reply("x-mid", 5, a="missed", b="hit", c="partial"),
        reply("y-mid", 1, b="missed", c="partial"),
        reply("z-mid", 3, a="hit", b="contradicted"),
    ]
    found = weak_points(reversed(past))
    assert [(w.item_id, w.text, w.verdict, w.times) for w in found] == [
        ("x-mid", "a", "missed", 2),
        ("y-mid", "b", "missed", 1),
        ("z-mid", "b", "contradicted", 1),
        ("x-mid", "c", "partial", 2),
    ]
    assert found[0].at == past[1].at
    after = weak_points([*past, reply("x-mid", 0, a="hit", b="hit", c="hit")])
    assert {w.item_id for w in after} == {"y-mid", "z-mid"}
    relapse = weak_points([*past, reply("x-mid", 1, a="hit"), reply("x-mid", 0, a="missed")])
    assert ("x-mid", "a", 3) in [(w.item_id, w.text, w.times) for w in relapse]


def test_calibration_of_predictions() -> None:
    reviews = [
        review("cni-mid", score=4.0, predicted=8.0),
        review("cni-mid", score=6.0, predicted=4.0),
        review("etcd-mid", score=5.0, predicted=6.0),
        review("etcd-mid", score=0.0),
    ]
    found = calibration(reviews)
    assert (found.n, found.bias, found.error) == (3, pytest.approx(1.0), pytest.approx(7 / 3))
    assert dict(found.by_topic) == {"cni": 1.0, "etcd": 1.0}
    assert calibration(reviews[3:]) == calibration([]) == Calibration(0, None, None, {})


def test_history_by_day_in_a_zone() -> None:
    reviews = [review(days_ago=0, score=4.0), review(days_ago=0.25, score=8.0), review(days_ago=2)]
    found = history(reviews)
    assert [(d.date.day, d.mean, d.count) for d in found] == [(27, 10.0, 1), (1, 6.0, 2)]
    late = [review(days_ago=-0.25)]
    assert history(late, timezone(timedelta(hours=8)))[0].date == date(2026, 3, 2)
    assert history([]) == []


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [([], 0), ([0], 1), ([1], 1), ([2], 0), ([0, 1, 2], 3), ([1, 2, 4], 2), ([0, 0, 2], 1)],
)
def test_a_streak_lasts_through_yesterday(days_ago: list[int], expected: int) -> None:
    assert streak([review(days_ago=d) for d in days_ago], NOW) == expected


def test_a_learner_is_made_of_their_own_reviews_only() -> None:
    others = [replace(review("etcd-mid", score=0.0), user="wang")]
    assert learner("li", [review(), *others], NOW) == learner("li", [review()], NOW)
    assert learner("nobody", others, NOW).reviews == ()


# the log -------------------------------------------------------------------------------------

GRADED = {
    "item_id": "cni-mid", "topic": "cni", "level": "mid", "lang": "zh", "reply": "…",
    "probe": False, "hints": 1, "seconds": 42.5, "predicted": None, "new key": 1,
    "grade": {
        "score": 7.5, "unsure": True, "feedback": "…",
        "points": [{"text": "p", "verdict": "partial", "weight": 3, "quote": "q", "more": 1}],
        "misconceptions": [{"claim": "c", "correction": "k"}],
    },
}  # fmt: skip


def graded(**changes) -> Event:
    return Event("li", "i1", 4, NOW, "graded", GRADED | changes)


def test_reviews_are_read_from_graded_events() -> None:
    probe, other = graded(probe=True), Event("li", "i1", 5, NOW, "asked", {})
    assert reviews_of([graded(), probe, other]) == [
        Review(
            user="li", item_id="cni-mid", topic="cni", level="mid", at=NOW, score=7.5,
            points=(PointResult("p", "partial", 3, "q"),), misconceptions=("c",), hints=1,
            seconds=42.5, predicted=None, unsure=True, interview="i1", lang="zh",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"grade": None}, {"grade": {"score": "much"}}, {"grade": {"score": math.nan}},
        {"grade": {"score": 11}}, {"item_id": ""}, {"probe": None}, {"hints": -1},
        {"grade": {"score": 1, "points": [{"text": "p", "verdict": "brilliant"}]}},
        {"seconds": math.inf}, {"predicted": -1},
    ],
)  # fmt: skip
def test_a_malformed_event_is_reported_and_costs_nothing_else(changes, caplog) -> None:
    with caplog.at_level(logging.WARNING, "tutor.progress"):
        found = reviews_of([graded(), graded(**changes), graded()])
    assert len(found) == 2
    assert "4 of interview 'i1' of user 'li'" in caplog.text and "\n" not in caplog.messages[0]


def test_an_event_of_nothing_is_reported_too(caplog) -> None:
    assert reviews_of([Event("li", "i", 0, NOW, "graded", None), Event("li", "i", 1, NOW, "graded", {})]) == []  # type: ignore[arg-type]
    assert len(caplog.messages) == 2


def test_deriving_needs_no_database_and_no_scheduler_until_asked() -> None:
    code = (
        "import sys, tutor.progress; "
        "print(sorted({'sqlalchemy', 'alembic', 'fsrs', 'genanki', 'psycopg', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_derived_values_are_plain_data() -> None:
    assert asdict(answered(5.0, 3))["reviews"][0]["score"] == 5.0
