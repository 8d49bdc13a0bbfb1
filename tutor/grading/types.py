"""What a grade is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["hit", "partial", "missed", "contradicted"]
VERDICTS: tuple[Verdict, ...] = ("hit", "partial", "missed", "contradicted")


@dataclass(frozen=True)
class PointVerdict:
    """What a reply says of one key point.

    `quote` is verbatim in the reply, and empty only where `verdict` is
    "missed". `passage` is the part of the reference answer that holds the
    point, `source` the place where it stands. `confidence` (0.0 to 1.0) is
    the calibrated probability that the verdict is right. With `unsure` the
    verdict counts as it is, but `self_check` asks the learner to judge.
    `runner_up` is the second likeliest verdict, "" where none was weighed.
    `decided_by` says what decided: "grader", "structure" (YAML or kubectl
    compared), "rule" (nothing was stated), "learner" (a self-check), or
    "vote of …" (the chat model of that name, see `grading.voting`).
    """

    text: str
    verdict: Verdict
    quote: str
    source: str
    weight: int = 1
    passage: str = ""
    confidence: float = 1.0
    unsure: bool = False
    feedback: str = ""
    self_check: str = ""
    nearest: str = ""
    """The words of the reply that come nearest to the point, whatever the verdict; "" where it has none."""
    decided_by: str = "grader"
    runner_up: Verdict | Literal[""] = ""
    credit: float | None = None
    """Share of the weight that the point earns (0.0 to 1.0) where that isn't the verdict's own, see `grading.whole`."""


@dataclass(frozen=True)
class StatedMisconception:
    """A known misconception that the reply states in the words `quote`."""

    claim: str
    correction: str
    quote: str


@dataclass(frozen=True)
class Grade:
    """A reply, judged point by point.

    `score` is 0.0 to 10.0, added up in code from the points' weights, the
    contradictions and the misconceptions (`grading.score` states the
    formula). `unsure` is true when points that decide more than a fifth of
    the weight have a low margin; `unsure_reason` says which and why, as a
    sentence. `lang` is the language of the reply. `item_id` is empty for a
    question that was graded against a reference given in the call.
    """

    score: float
    points: tuple[PointVerdict, ...]
    unsure: bool
    feedback: str
    question: str
    reply: str
    lang: str
    misconceptions: tuple[StatedMisconception, ...] = ()
    unsure_reason: str = ""
    item_id: str = ""
    grader: str = ""
    """Name and version of what decided, for replaying old interviews."""

    @property
    def coverage(self) -> float:
        """Weighted share of the points that the reply makes, 0.0 to 1.0; a partial one counts half."""
        return coverage((point.verdict, point.weight) for point in self.points)


def coverage(points: Iterable[tuple[Verdict, int]]) -> float:
    """Weighted share of the points (verdict, weight) that are made, a partial one counting half; 0.0 without any."""
    credit = {"hit": 1.0, "partial": 0.5}
    made = total = 0.0
    for verdict, weight in points:
        made += credit.get(verdict, 0.0) * weight
        total += weight
    return made / total if total else 0.0
