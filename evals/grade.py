"""`t.grade` on the graded replies: `python -m evals grade [--split test]`.

No item of these cases trained the grader; those of `dev` calibrated it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from evals.grader.cases import Graded, graded
from tutor.grading import VERDICTS, Grade


def score(
    grade: Callable[[str, str], Grade], split: str = "test", *, verbose: bool = False, limit: int | None = None
) -> dict:
    """Figures of `grade(reply, item id)` on a split, as JSON."""
    cases = graded(split)[:limit]  # type: ignore[arg-type]
    grades, seconds = [], []
    grade(cases[0].text, cases[0].item)  # loads the weights
    for case in cases:
        started = time.perf_counter()
        grades.append(grade(case.text, case.item))
        seconds.append(time.perf_counter() - started)
    if verbose:
        for case, given in zip(cases, grades, strict=True):
            _explain(case, given)
    return figures(cases, grades) | {
        "seconds p50": round(float(np.median(seconds)), 3),
        "seconds p95": round(float(np.quantile(seconds, 0.95)), 3),
    }


def figures(cases: Sequence[Graded], grades: Sequence[Grade]) -> dict:
    """Agreement of the grades with the labels, and what the bands got."""
    from scipy.stats import spearmanr
    from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

    wanted = np.array([case.score for case in cases])
    given = np.array([grade.score for grade in grades])
    truth = [v for case in cases for v in case.verdicts]
    points = [p for grade in grades for p in grade.points]
    said = [p.verdict for p in points]
    right = np.array([a == b for a, b in zip(truth, said, strict=True)])
    unsure = np.array([p.unsure for p in points])
    by_id = {case.id: grade for case, grade in zip(cases, grades, strict=True)}
    by_band: dict[str, list[tuple[float, float]]] = {}
    for case, grade in zip(cases, grades, strict=True):
        by_band.setdefault(case.band, []).append((grade.score, case.score))
    pairs = [(by_id[c.twin].score, by_id[c.id].score, c.band) for c in cases if c.twin in by_id]
    whole = [c.item for c in cases if c.band == "full" and f"{c.item}.contradicted" in by_id]
    return {
        "replies": len(cases),
        "items": len({case.item for case in cases}),
        "qwk": round(float(cohen_kappa_score(np.round(wanted), np.round(given), weights="quadratic")), 3),
        "spearman": round(float(spearmanr(wanted, given).statistic), 3),
        "mae": round(float(np.abs(wanted - given).mean()), 2),
        "points right": round(float(right.mean()), 3),
        "points macro f1": round(float(f1_score(truth, said, average="macro", labels=VERDICTS)), 3),
        "contradicted found": _share([s == "contradicted" for t, s in zip(truth, said, strict=True) if t == "contradicted"]),
        "contradicted rightly": _share([t == "contradicted" for t, s in zip(truth, said, strict=True) if s == "contradicted"]),
        "confusion": confusion_matrix(truth, said, labels=VERDICTS).tolist(),
        "unsure points": _share(unsure), "right where sure": _share(right[~unsure]), "right where unsure": _share(right[unsure]),
        "unsure grades": _share([grade.unsure for grade in grades]),
        "bands (ours, readers')": {band: [round(float(x), 1) for x in np.mean(rows, 0)] for band, rows in by_band.items()},
        "full beats inverted": f"{sum(by_id[f'{i}.full'].score > by_id[f'{i}.contradicted'].score for i in whole)}/{len(whole)}",
        "added point raises": _share([b > a for a, b, band in pairs if band == "added"]),
        "falsehood lowers": _share([b < a for a, b, band in pairs if band == "falsehood"]),
        "injected at most": max((g.score for c, g in zip(cases, grades, strict=True) if c.band == "injected"), default=0.0),
        "quotes not verbatim": sum(p.quote not in g.reply for g in grades for p in g.points),
        "credit without quote": sum(p.verdict != "missed" and not p.quote for p in points),
    }


def _share(flags: Sequence) -> float | None:
    return round(float(np.mean(flags)), 3) if len(flags) else None


def _explain(case: Graded, grade: Grade) -> None:
    print(f"{case.id}: {grade.score} (readers {case.score})")
    for wanted, point in zip(case.verdicts, grade.points, strict=True):
        if wanted != point.verdict:
            print(f"   {wanted} -> {point.verdict} {point.confidence}: {point.text[:90]} | {point.quote[:90]}")
