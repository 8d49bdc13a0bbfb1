"""`python -m evals compare A B`: is B worse than A, and is that chance?

Both runs are read on the cases that finished in both. A difference is judged
by a paired bootstrap over topics; p values are adjusted for the number of
gated metrics. `evals/policy.json` says what breaks the build.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.suite import metrics, speed, stats
from evals.suite.metrics import BY_NAME, Metric
from evals.suite.outcomes import Outcome, Run
from tutor.errors import InputError

POLICY = Path(__file__).parents[1] / "policy.json"
SLICE_DRAWS = 1000
SLICED = (
    "item@1", "facts@1", "facts in answer", "answered, should be refused", "answered, gold removed",
    "refused, should be answered", "verdict accuracy", "grade error",
)
"""Metrics in the table of slices."""
SMALL = 5
"""Cases below which a slice has no line."""


@dataclass(frozen=True)
class Policy:
    """What breaks the build.

    A gated metric that is worse with an adjusted p below `alpha`; a metric of
    a split beyond its floor (a ceiling where less is better), or one that
    can't be measured; a time or size beyond its tier's budget; more failed
    cases than `failed`; a case of A that B lacks, but for the kinds `unpaired`.
    Budgets of time are those of a machine whose probe (`suite.speed`) takes
    `probe_ms`: what B took is converted by its own probe.
    """

    alpha: float
    draws: int
    seed: int
    gated: tuple[str, ...]
    floors: Mapping[str, Mapping[str, float]]
    budgets: Mapping[str, Mapping[str, float]]
    probe_ms: float
    failed: int
    unpaired: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """B less A. `p` is adjusted (1.0 where nothing gates); `low` and `high` bound 95% of the draws."""

    name: str
    a: float
    b: float
    low: float
    high: float
    p: float
    n: int
    worse: bool

    @property
    def change(self) -> float:
        return self.b - self.a


@dataclass(frozen=True)
class Flip:
    """A case that went from right to wrong (`lost`) or back, with both outputs."""

    id: str
    what: str
    lost: bool
    asked: str
    a: str
    b: str


@dataclass(frozen=True)
class Comparison:
    """`broken` has one sentence per reason to fail; empty when nothing is."""

    a: str
    b: str
    differences: tuple[Difference, ...]
    slices: tuple[tuple[str, Difference], ...]
    flips: tuple[Flip, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    failed: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def regressions(self) -> list[Difference]:
        return [d for d in self.differences if d.worse]


def read_policy(path: Path = POLICY) -> Policy:
    """Raises `InputError` for a policy that names no metric of ours."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        policy = Policy(**raw | {"gated": tuple(raw["gated"]), "unpaired": tuple(raw["unpaired"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{str(path)!r} isn't a policy: {error}") from error
    named = {*policy.gated, *(name for floors in policy.floors.values() for name in floors)}
    if unknown := sorted(named - set(BY_NAME)):
        raise InputError(f"{str(path)!r} names unknown metrics: {', '.join(map(repr, unknown))}")
    return policy


def compare(a: Run, b: Run, policy: Policy, *, seed: int | None = None, limits: bool = True) -> Comparison:
    """All that differs. `limits`: also judge B alone, by floors and budgets."""
    seed = policy.seed if seed is None else seed
    found = _differences(a.outcomes, b.outcomes, tuple(BY_NAME), policy.draws, seed)
    gated = [d for d in found if d.name in policy.gated]
    adjusted = dict(zip((d.name for d in gated), stats.holm([d.p for d in gated]), strict=True))
    differences = tuple(_judged(d, adjusted.get(d.name), policy.alpha) for d in found)
    kinds = {o.id: o.kind for run in (a, b) for o in run.outcomes}
    only_a = tuple(sorted(i for i in a.by_id.keys() - b.by_id.keys() if kinds[i] not in policy.unpaired))
    only_b = tuple(sorted(i for i in b.by_id.keys() - a.by_id.keys() if kinds[i] not in policy.unpaired))
    failed = tuple(o.id for o in b.outcomes if o.status == "failed")
    broken = [
        f"{d.name} fell by {abs(d.change):.3f}" if BY_NAME[d.name].better > 0 else
        f"{d.name} rose by {abs(d.change):.3f}"
        for d in differences if d.worse
    ]
    if limits:
        broken += _limits(b, policy, failed)
        if only_a:
            broken.append(f"{len(only_a)} cases of {a.name} are gone, {only_a[0]!r} first")
    return Comparison(
        a.name, b.name, differences, tuple(_slices(a.outcomes, b.outcomes, seed)),
        tuple(_flips(a, b)), only_a, only_b, failed, tuple(broken),
    )


def _judged(d: Difference, p: float | None, alpha: float) -> Difference:
    worse = p is not None and p < alpha and d.change * BY_NAME[d.name].better < 0
    return Difference(d.name, d.a, d.b, d.low, d.high, 1.0 if p is None else p, d.n, worse)


def _differences(
    a: Sequence[Outcome], b: Sequence[Outcome], names: Sequence[str], draws: int, seed: int
) -> list[Difference]:
    found = [_difference(BY_NAME[name], a, b, draws, seed) for name in names]
    return [d for d in found if d is not None]


def _difference(
    metric: Metric, a: Sequence[Outcome], b: Sequence[Outcome], draws: int, seed: int
) -> Difference | None:
    """None where the metric can't be measured on both. The p value is not yet adjusted."""
    seen_a, seen_b = metrics.observations(metric, a), metrics.observations(metric, b)
    ids = sorted(seen_a.keys() & seen_b.keys())
    if not ids:
        return None
    # Clusters of A for both: they belong to the case.
    one, other = metrics.sample_of(seen_a, a, ids), metrics.sample_of(seen_b, a, ids)
    value_a, value_b = one.figure(metric.statistic), other.figure(metric.statistic)
    if value_a != value_a or value_b != value_b:
        return None
    if seen_a == seen_b:
        return Difference(metric.name, value_a, value_b, 0.0, 0.0, 1.0, len(ids), False)
    drawn_a, drawn_b = stats.draw([one, other], metric.statistic, draws, seed)
    drawn = drawn_b - drawn_a
    low, high = stats.interval(drawn)
    return Difference(metric.name, value_a, value_b, low, high, stats.p_value(drawn), len(ids), False)


def _slices(a: Sequence[Outcome], b: Sequence[Outcome], seed: int) -> list[tuple[str, Difference]]:
    """Lines that differ, without a verdict: so many are looked at that some differ by chance."""
    found = []
    for axis in ("split", "lang", "slice"):
        for value in sorted({getattr(o, axis) for o in a}):
            # All outcomes of a pair's case stay, so that twins of another slice are found.
            mine = [{o.id for o in run if getattr(o, axis) == value} for run in (a, b)]
            for name in SLICED:
                metric = BY_NAME[name]
                seen = [metrics.observations(metric, run) for run in (a, b)]
                ids = sorted(seen[0].keys() & seen[1].keys() & mine[0] & mine[1])
                if len(ids) < SMALL:
                    continue
                one, other = (metrics.sample_of(s, a, ids) for s in seen)
                va, vb = one.figure(metric.statistic), other.figure(metric.statistic)
                if va == vb:
                    continue
                drawn_a, drawn_b = stats.draw([one, other], metric.statistic, SLICE_DRAWS, seed)
                low, high = stats.interval(drawn_b - drawn_a)
                found.append((f"{axis} {value}", Difference(name, va, vb, low, high, 1.0, len(ids), False)))
    return found


def _limits(run: Run, policy: Policy, failed: Sequence[str]) -> list[str]:
    broken = []
    if len(failed) > policy.failed:
        broken.append(f"{len(failed)} cases failed, {failed[0]!r} first; {policy.failed} may")
    for split, floors in policy.floors.items():
        mine = [o for o in run.outcomes if split in ("all", o.split)]
        values = {f.name: f.value for f in metrics.figures(mine, draws=0, names=tuple(floors))}
        for name, floor in floors.items():
            better = BY_NAME[name].better
            if name not in values:
                broken.append(f"{name} ({split}) can't be measured")
            elif (values[name] - floor) * better < -1e-9:
                side = "below its floor" if better > 0 else "above its ceiling"
                broken.append(f"{name} ({split}) is {values[name]:.3f}, {side} of {floor}")
    measured = run.about.get("measured", {})
    for name, budget in policy.budgets.get(str(run.about.get("tier")), {}).items():
        value = measured.get(name, 0)
        if _is_time(name):
            value = speed.on_reference(value, measured.get("probe p50 ms", 0), policy.probe_ms)
        if value > budget:
            of = f" ({measured[name]:g} on this machine)" if _is_time(name) else ""
            broken.append(f"{name} is {value:.4g}{of}, over its budget of {budget:g}")
    return broken


def _is_time(name: str) -> bool:
    return name == "seconds" or name.endswith(" ms")


def _flips(a: Run, b: Run) -> list[Flip]:
    """Cases that lost come first."""
    before, found = a.by_id, []
    for after in b.outcomes:
        was = before.get(after.id)
        if was is None:
            continue
        what, right_before = right(was)
        right_after = right(after)[1]
        if right_before != right_after:
            found.append(Flip(after.id, what, not right_after, after.asked, was.shown, after.shown))
    return sorted(found, key=lambda flip: (not flip.lost, flip.id))


def right(outcome: Outcome) -> tuple[str, bool]:
    """What a case is about, in short, and whether it came out right."""
    seen: Mapping[str, Any] = outcome.seen
    if outcome.status == "failed":
        return "finishes", False
    if outcome.kind == "ask":
        return "answered from a right item", bool(seen["answered"] and seen["items"][:1] and seen["items"][0] in seen["gold"])
    if outcome.kind == "claim":
        return "corrected", bool(seen["corrected"])
    if outcome.kind == "grade":
        return "score within 2", abs(seen["score"] - seen["label"]) <= 2
    return "refused", not seen["answered"]
