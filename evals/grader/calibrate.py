"""Fits what turns the judge's word into a verdict: `python -m evals.grader.calibrate`.

On items that the judge was not trained on: their written replies, and the
development cases. Prints figures cross-validated by item, and writes
`tutor/grading/calibration.json`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.grader.cases import graded
from evals.grader.data import CORPUS, VERDICTS, load
from evals.grader.pairs import held_out
from tutor import lexicon
from tutor.corpus import Item, read
from tutor.grading.evidence import observed, within_reach
from tutor.grading.features import NAMES, Said
from tutor.grading.heard import heard
from tutor.grading.judging import Judge
from tutor.judge import WEIGHTS, BundledJudge

OUT = Path(__file__).parents[2] / "tutor/grading/calibration.json"
UNSURE = 0.6
"""Confidence below which a verdict is called unsure: there, two in five are wrong."""
STRENGTH = 0.1
"""C of the logistic regression."""
CLASS = {"hit": 1.0, "partial": 1.0, "missed": 1.0, "contradicted": 1.2}
OTHER_POINTS = ("hit elsewhere", "missed elsewhere", "contradicted elsewhere", "most contradicted", "claim stated")
MIRRORED = ("leaning", "leaning against", "leaning against in all")
NAMED = ("named otherwise", "named otherwise in all", "named otherwise at worst")


@dataclass(frozen=True)
class Rows:
    """Features (n, f), verdict numbers (n,), and the item of each pair."""

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray


def rows_of(cases: Iterable, items: dict[str, Item], judge: Judge) -> Rows:
    """One row per point of every case that says anything."""
    x, y, groups = [], [], []
    for case in cases:
        item = items[case.item]
        spans = [(c.start, c.end) for c in heard(case.text, list(item.question.values())) if c.kind == "said"]
        if not spans:
            continue
        lang = lexicon.language(case.text)
        points = [p.text[lang] for p in item.points]
        claims = [m.claim[lang] for m in item.misconceptions]
        said = Said.of([case.text[a:b] for a, b in spans])
        near = [claims[n] for n in within_reach(claims, said)]
        found, _ = observed(case.text, spans, said, item.question[lang], points, near, item.contrasts, judge)
        for number in range(len(points)):
            x.append(found[number])
            y.append(VERDICTS.index(case.verdicts[number]))
            groups.append(case.item)
    return Rows(np.stack(x), np.array(y), np.array(groups))


def fit(rows: Rows):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    weight = np.array([CLASS[v] for v in VERDICTS])[rows.y]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=2000))
    return model.fit(rows.x, rows.y, logisticregression__sample_weight=weight)


def crossed(rows: Rows, columns: list[int] | None = None) -> np.ndarray:
    """(n, 4) probabilities, each item's from a fit without it."""
    from sklearn.model_selection import GroupKFold

    chosen = rows.x if columns is None else rows.x[:, columns]
    found = np.zeros((len(rows.y), len(VERDICTS)))
    for train, test in GroupKFold(10).split(chosen, rows.y, rows.groups):
        part = Rows(chosen[train], rows.y[train], rows.groups[train])
        model = fit(part)
        found[np.ix_(test, model.classes_)] = model.predict_proba(chosen[test])
    return found


def figures(sure: np.ndarray, truth: np.ndarray) -> dict:
    from sklearn.metrics import cohen_kappa_score, f1_score

    said, confidence = sure.argmax(1), sure.max(1)
    right = said == truth
    bins = np.array_split(np.argsort(confidence), 15)
    return {
        "accuracy": round(float(right.mean()), 3),
        "kappa": round(float(cohen_kappa_score(truth, said)), 3),
        "macro f1": round(float(f1_score(truth, said, average="macro")), 3),
        "contradicted recall": round(float((said[truth == 3] == 3).mean()), 3),
        "contradicted precision": round(float((truth[said == 3] == 3).mean()), 3) if (said == 3).any() else 0.0,
        "ece": round(float(sum(abs(right[b].mean() - confidence[b].mean()) * len(b) for b in bins) / len(right)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    items = {item.id: item for item in read(CORPUS).items}
    judge = BundledJudge(options.weights, None)
    cases = [r for r in load() if held_out(r.item)] + graded("dev")
    rows = rows_of(cases, items, judge)
    report = {"pairs": len(rows.y), "items": len(set(rows.groups))}
    words = [NAMES.index(n) for n in ("recall", "numbers agree", "numbers differ", "function words", "words a clause")]
    report["judge alone"] = figures(np.exp(rows.x[:, :4]), rows.y)
    report["words alone"] = figures(crossed(rows, words), rows.y)
    report["judge and marks"] = figures(crossed(rows, [0, 1, 2, 3, *range(9, 11)]), rows.y)
    sure = crossed(rows)
    report["all"] = figures(sure, rows.y)
    for what, left_out in (
        ("all but what the other points say", OTHER_POINTS), ("all but the mirror image", MIRRORED),
        ("all but the names", NAMED), ("all but names and mirror image", NAMED + MIRRORED),
    ):
        kept = [n for n, name in enumerate(NAMES) if name not in left_out]
        report[what] = figures(crossed(rows, kept), rows.y)
    low = sure.max(1) < UNSURE
    report["unsure"] = {
        "share": round(float(low.mean()), 3),
        "right there": round(float((sure.argmax(1) == rows.y)[low].mean()), 3),
        "right elsewhere": round(float((sure.argmax(1) == rows.y)[~low].mean()), 3),
    }
    print(json.dumps(report, indent=1))
    if options.dry:
        return
    model = fit(rows)
    scaler, logistic = model[0], model[1]
    raw = {
        "features": list(NAMES), "verdicts": list(VERDICTS), "unsure": UNSURE,
        "mean": scaler.mean_.round(5).tolist(), "scale": scaler.scale_.round(5).tolist(),
        "weights": logistic.coef_.round(5).tolist(), "bias": logistic.intercept_.round(5).tolist(),
    }
    OUT.write_text(json.dumps(raw, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
