"""Fits ranking and confidence on the development questions: `python -m evals calibrate`.

The ranking is a pairwise logistic regression (right item less wrong item). The
confidence is one logistic regression over both languages, with a bias and a
threshold per language: fitted apart, English had an AUROC of .976 where .982 is
reached together. Figures are cross-validated over questions; what ships is
fitted on all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tutor.retrieval
from evals.cases import Ask, facts_in, load
from tutor.app import Tutor
from tutor.retrieval import FEATURES, RANKING, Calibration, Retrieval, shipped_calibration
from tutor.retrieval.search import CANDIDATES

TARGET = Path(tutor.retrieval.__file__).parent / "calibration.json"
COST_ANSWERED = 1.0
"""Weight of the rate of answering what should be refused, against 1.0 for the rate of
refusing what should be answered."""

SOFTNESS = 0.5
"""Logits over which a question near the threshold counts in part."""


@dataclass(frozen=True)
class _Pool:
    """A question's candidates as features, and which of them answer it."""

    case: Ask
    features: np.ndarray
    right: np.ndarray


def calibrate(app: Tutor) -> dict:
    """Writes `calibration.json`; returns cross-validated figures."""
    asked, refused = load("ask.dev"), load("refuse.dev")
    pools = [_pool(app, case) for case in asked]
    report = {"ranking": _cross_validate(pools)}
    ranking = _fit_ranking(pools)
    fitted = replace(shipped_calibration(), ranking=ranking)
    app._calibration = fitted
    rows = [(case, app.retrieve(case.question, history=case.history)) for case in [*asked, *refused]]
    weights, thresholds, figures = _fit_confidence([(c, r) for c, r in rows if r.features])
    report |= figures
    data = {"ranking": ranking, "weights": weights, "thresholds": thresholds}
    TARGET.write_text(json.dumps(data, indent=1) + "\n")
    app._calibration = Calibration(ranking, weights, thresholds)
    return report


def _pool(app: Tutor, case: Ask) -> _Pool:
    found = app.retrieve(case.question, history=case.history, k=CANDIDATES)
    features = np.array([[m.features[name] for name in RANKING] for m in found.matches])
    texts = {p.item_id: p.text for p in found.passages}
    right = np.array(
        [
            m.item_id in case.items
            or (bool(case.facts) and facts_in(case, texts[m.item_id]) == 1)
            for m in found.matches
        ]
    )
    # An item that happens to hold all facts is no wrong answer, but a named one is the target.
    named = np.array([m.item_id in case.items for m in found.matches])
    return _Pool(case, features, named if named.any() else right)


def _pairs(pools: list[_Pool]) -> tuple[np.ndarray, np.ndarray]:
    differences = [
        good - bad
        for pool in pools
        for good in pool.features[pool.right]
        for bad in pool.features[~pool.right][:12]
    ]
    x = np.array(differences)
    return np.concatenate([x, -x]), np.repeat([1, 0], len(x))


def _fit_ranking(pools: list[_Pool]) -> dict[str, float]:
    x, y = _pairs(pools)
    scale = x.std(axis=0) + 1e-9
    model = LogisticRegression(C=0.03, fit_intercept=False, max_iter=1000).fit(x / scale, y)
    # A feature never speaks against an item: with 280 questions a negative weight is noise.
    weights = np.maximum(model.coef_[0] / scale, 0.0)
    return {name: round(float(w), 4) for name, w in zip(RANKING, weights, strict=True)}


def _cross_validate(pools: list[_Pool]) -> dict[str, float]:
    first = third = 0
    usable = [pool for pool in pools if pool.right.any()]
    for train, test in KFold(10, shuffle=True, random_state=1).split(usable):
        ranking = _fit_ranking([usable[i] for i in train])
        weights = np.array([ranking[name] for name in RANKING])
        for i in test:
            order = np.argsort(-(usable[i].features @ weights), kind="stable")
            first += bool(usable[i].right[order[0]])
            third += bool(usable[i].right[order[:3]].any())
    n = len(pools)
    return {"item@1": first / n, "item@3": third / n, "found at all": len(usable) / n}


def _fit_confidence(rows: list[tuple[Ask, Retrieval]]) -> tuple[dict, dict, dict]:
    chinese = np.array([found.lang == "zh" for _, found in rows])
    features = np.array([[found.features[name] for name in FEATURES] for _, found in rows])
    features = np.column_stack([features, chinese])
    truth = np.array([case.answerable for case, _ in rows])
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=2.0, class_weight="balanced", max_iter=2000)
    )
    apart = np.mean(
        [
            cross_val_predict(
                model, features, truth, method="predict_proba",
                cv=StratifiedKFold(10, shuffle=True, random_state=seed),
            )[:, 1]
            for seed in range(5)
        ],
        axis=0,
    )
    model.fit(features, truth)
    scaler, regression = model[0], model[1]
    scaled = regression.coef_[0] / scaler.scale_
    bias = float(regression.intercept_[0] - np.sum(scaled * scaler.mean_))
    shared = {name: round(float(w), 4) for name, w in zip(FEATURES, scaled[:-1], strict=True)}
    weights, thresholds, report = {}, {}, {}
    for lang, rows_of in (("zh", chinese), ("en", ~chinese)):
        sure, right = apart[rows_of], truth[rows_of]
        threshold = thresholds[lang] = _threshold(sure, right)
        weights[lang] = {"bias": round(bias + float(scaled[-1]) * (lang == "zh"), 4)} | shared
        report[lang] = {
            "answerable": int(right.sum()),
            "to be refused": int((~right).sum()),
            "auroc, cross-validated": round(float(roc_auc_score(right, sure)), 4),
            "answered, should be refused": int(np.sum((sure >= threshold) & ~right)),
            "refused, should be answered": int(np.sum((sure < threshold) & right)),
            "threshold": threshold,
        }
    return weights, thresholds, report


def _threshold(sure: np.ndarray, truth: np.ndarray) -> float:
    """Where the weighted error rates are lowest, each question counted softly.

    Counted hard, a single question moves the threshold by .2.
    """
    grid = np.linspace(0.05, 0.95, 181)
    gap = (_logit(sure)[:, None] - _logit(grid)[None, :]) / SOFTNESS
    answered = 1.0 / (1.0 + np.exp(-gap))
    cost = COST_ANSWERED * answered[~truth].mean(axis=0) + (1.0 - answered[truth]).mean(axis=0)
    return round(float(grid[np.argmin(cost)]), 3)


def _logit(p: np.ndarray) -> np.ndarray:
    clipped = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(clipped / (1 - clipped))
