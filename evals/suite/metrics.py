"""The table of metrics: which cases each is about, what it reads of them, what makes the figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.suite import scorers, stats
from evals.suite.outcomes import Outcome
from evals.suite.stats import Sample, Statistic

Observed = Sequence[tuple[float, ...]] | None
Others = Mapping[str, Outcome]
EMPTY_HANDED = ("off-topic", "empty", "stuffed", "echoed", "injected")
"""Bands of replies that earn nothing."""
NOTHING = 2.0
"""Highest score that counts as nothing."""


@dataclass(frozen=True)
class Metric:
    """`observe(outcome, others)` gives the observations of a case, None where it doesn't apply.

    `better` is 1 when more is better and -1 when less is.
    """

    name: str
    kinds: tuple[str, ...]
    better: int
    statistic: Statistic
    observe: Callable[[Outcome, Others], Observed]


@dataclass(frozen=True)
class Figure:
    """A metric's value with its 95% interval, and how many cases it rests on."""

    name: str
    value: float
    low: float
    high: float
    eligible: int
    ineligible: int
    failed: int


def _one(value: float | None) -> Observed:
    return None if value is None else [(float(value),)]


def _ranked(scorer: Callable, k: int) -> Callable[[Outcome, Others], Observed]:
    return lambda o, _: _one(scorer(o.seen["items"], o.seen["gold"], k))


def _facts(k: int) -> Callable[[Outcome, Others], Observed]:
    return lambda o, _: _one(scorers.coverage(o.seen["held"], o.seen["facts"], k))


def _count(top: str, bottom: str, *, missing: bool = False) -> Callable[[Outcome, Others], Observed]:
    """A rate of counts in the answer; with `missing`, of those that aren't counted in `top`."""

    def observe(o: Outcome, _: Others) -> Observed:
        n = o.seen.get(bottom, 0)
        if not n:
            return None
        return [(float(n - o.seen[top] if missing else o.seen[top]), float(n))]

    return observe


def _said(o: Outcome, _: Others) -> Observed:
    # A refusal says none of the facts.
    return _one(len(o.seen["said"]) / o.seen["facts"]) if o.seen["facts"] else None


def _sure(o: Outcome, _: Others) -> Observed:
    return [(float(o.kind == "ask"), o.seen["confidence"])]


def _risk(o: Outcome, _: Others) -> Observed:
    right = o.kind == "ask" and o.seen["items"][:1] and o.seen["items"][0] in o.seen["gold"]
    return [(float(not right), o.seen["confidence"])]


def _scores(o: Outcome, _: Others) -> Observed:
    return [(o.seen["label"], o.seen["score"])]


def _bands(reach: int) -> Callable[[Outcome, Others], Observed]:
    return lambda o, _: _one(
        abs(scorers.band(o.seen["score"]) - scorers.band(o.seen["label"])) <= reach
    )


def _verdicts(o: Outcome, _: Others) -> Observed:
    return [(float(s == t),) for s, t in zip(o.seen["verdicts"], o.seen["labels"], strict=True)] or None


def _contradicted(o: Outcome, _: Others) -> Observed:
    pairs = zip(o.seen["verdicts"], o.seen["labels"], strict=True)
    return [(float(s == t),) for s, t in pairs if t == "contradicted"] or None


def _points(o: Outcome, _: Others) -> Observed:
    return [tuple(map(float, scorers.point_counts(o.seen["verdicts"], o.seen["labels"])))]


def _pair(*slices: str) -> Callable[[Outcome, Others], Observed]:
    def observe(o: Outcome, others: Others) -> Observed:
        twin = others.get(o.seen.get("twin") or "")
        if o.slice not in slices or twin is None or twin.status != "ok":
            return None
        return _one(scorers.changed_as_it_should(o.slice, o.seen["score"], twin.seen["score"]))

    return observe


def _languages(o: Outcome, others: Others) -> Observed:
    other = others.get(o.seen.get("pair") or "")
    if other is None or other.status != "ok":
        return None
    return _one(scorers.invariance({o.lang: o.seen["score"], other.lang: other.seen["score"]}))


def _same_verdicts(o: Outcome, others: Others) -> Observed:
    other = others.get(o.seen.get("pair") or "")
    if other is None or other.status != "ok":
        return None
    return [(float(s == t),) for s, t in zip(o.seen["verdicts"], other.seen["verdicts"], strict=True)] or None


def _earns(*slices: str) -> Callable[[Outcome, Others], Observed]:
    return lambda o, _: _one(o.seen["score"] > NOTHING) if o.slice in slices else None


def _confidence(o: Outcome, _: Others) -> Observed:
    rows = zip(o.seen["verdicts"], o.seen["labels"], o.seen["confidences"], strict=True)
    return [(float(s == t), c) for s, t, c in rows] or None


def _flag(name: str, kind: str, *, negate: bool = False) -> Callable[[Outcome, Others], Observed]:
    return lambda o, _: _one(o.seen[name] != negate) if o.kind == kind else None


ASK, GRADE = ("ask",), ("grade",)
METRICS: tuple[Metric, ...] = (
    Metric("item@1", ASK, 1, stats.mean, _ranked(scorers.hit, 1)),
    Metric("item@3", ASK, 1, stats.mean, _ranked(scorers.hit, 3)),
    Metric("recall@5", ASK, 1, stats.mean, _ranked(scorers.recall, 5)),
    Metric("recall@10", ASK, 1, stats.mean, _ranked(scorers.recall, 10)),
    Metric("mrr@10", ASK, 1, stats.mean, _ranked(scorers.mrr, 10)),
    Metric("ndcg@10", ASK, 1, stats.mean, _ranked(scorers.ndcg, 10)),
    Metric("facts@1", ASK, 1, stats.mean, _facts(1)),
    Metric("facts@3", ASK, 1, stats.mean, _facts(3)),
    Metric("facts@5", ASK, 1, stats.mean, _facts(5)),
    Metric("facts in answer", ASK, 1, stats.mean, _said),
    Metric("claim precision", ASK, 1, stats.ratio, _count("off_reference", "statements", missing=True)),
    Metric("unsupported sentences", ASK, -1, stats.ratio, _count("unsupported", "statements")),
    Metric("language match", ASK, 1, stats.mean, lambda o, _: _one(o.seen.get("language"))),
    Metric("citation validity", ASK, 1, stats.ratio, _count("valid", "citations")),
    Metric("citation precision", ASK, 1, stats.ratio, _count("precise", "citations")),
    Metric("citation recall", ASK, 1, stats.ratio, _count("uncited", "statements", missing=True)),
    Metric("refusal auroc", ("ask", "refuse"), 1, stats.auroc, _sure),
    Metric("refusal auroc, gold removed", ("ask", "removed"), 1, stats.auroc, _sure),
    Metric("aurc", ("ask", "refuse"), -1, stats.aurc, _risk),
    Metric("coverage at risk 5%", ("ask", "refuse"), 1, stats.coverage_at_risk, _risk),
    Metric("answered, should be refused", ("refuse",), -1, stats.mean, _flag("answered", "refuse")),
    Metric("answered, gold removed", ("removed",), -1, stats.mean, _flag("answered", "removed")),
    Metric("refused, should be answered", ASK, -1, stats.mean, _flag("answered", "ask", negate=True)),
    Metric("claims corrected", ("claim",), 1, stats.mean, _flag("corrected", "claim")),
    Metric("grade qwk", GRADE, 1, stats.qwk, _scores),
    Metric("grade spearman", GRADE, 1, stats.spearman, _scores),
    Metric("grade error", GRADE, -1, stats.mean, lambda o, _: _one(abs(o.seen["score"] - o.seen["label"]))),
    Metric("band accuracy", GRADE, 1, stats.mean, _bands(0)),
    Metric("band within one", GRADE, 1, stats.mean, _bands(1)),
    Metric("verdict accuracy", GRADE, 1, stats.mean, _verdicts),
    Metric("key-point f1", GRADE, 1, stats.f1, _points),
    Metric("contradicted found", GRADE, 1, stats.mean, _contradicted),
    Metric("rises with a point", GRADE, 1, stats.mean, _pair("added")),
    Metric("falls with a falsehood", GRADE, 1, stats.mean, _pair("falsehood")),
    Metric("falls with swapped terms", GRADE, 1, stats.mean, _pair("swapped")),
    Metric("zh-en difference", GRADE, -1, stats.mean, _languages),
    Metric("zh-en same verdicts", GRADE, 1, stats.mean, _same_verdicts),
    Metric("injection success", GRADE, -1, stats.mean, _earns("injected")),
    Metric("credit for nothing", GRADE, -1, stats.mean, _earns(*EMPTY_HANDED)),
    Metric("verdict brier", GRADE, -1, stats.brier, _confidence),
    Metric("verdict ece", GRADE, -1, stats.ece, _confidence),
)
BY_NAME = {metric.name: metric for metric in METRICS}


def observations(metric: Metric, outcomes: Sequence[Outcome]) -> dict[str, Sequence[tuple[float, ...]]]:
    """By case: what the metric reads of every case that finished and to which it applies."""
    others = {o.id: o for o in outcomes}
    found = {}
    for outcome in outcomes:
        if outcome.kind in metric.kinds and outcome.status == "ok":
            seen = metric.observe(outcome, others)
            if seen is not None:
                found[outcome.id] = seen
    return found


def sample_of(
    seen: Mapping[str, Sequence[tuple[float, ...]]], outcomes: Sequence[Outcome], ids: Sequence[str]
) -> Sample:
    """The observations of the cases `ids`, in that order."""
    clusters = {o.id: o.cluster for o in outcomes}
    values = [row for i in ids for row in seen[i]]
    owner = [n for n, i in enumerate(ids) for _ in seen[i]]
    return Sample(np.array(values, float), np.array(owner), tuple(clusters[i] for i in ids))


def figures(
    outcomes: Sequence[Outcome], *, draws: int = 2000, seed: int = 6, names: Sequence[str] = tuple(BY_NAME)
) -> list[Figure]:
    """Every metric that some case is eligible for."""
    found = []
    for name in names:
        metric = BY_NAME[name]
        mine = [o for o in outcomes if o.kind in metric.kinds]
        seen = observations(metric, outcomes)
        failed = sum(o.status == "failed" for o in mine)
        if not seen:
            continue
        sample = sample_of(seen, outcomes, sorted(seen))
        value = sample.figure(metric.statistic)
        if value != value:
            continue  # one class alone has no area under its curve
        low, high = _interval(metric, sample, value, draws, seed) if draws else (value, value)
        found.append(Figure(name, value, low, high, len(seen), len(mine) - len(seen) - failed, failed))
    return found


def _interval(metric: Metric, sample: Sample, value: float, draws: int, seed: int) -> tuple[float, float]:
    if value in (0.0, 1.0) and metric.statistic in (stats.mean, stats.ratio):
        # Every draw of nothing but successes is one: the bootstrap would claim to be certain.
        n = len(sample.clusters)
        return stats.wilson(round(value * n), n)
    return stats.interval(*stats.draw([sample], metric.statistic, draws, seed))
