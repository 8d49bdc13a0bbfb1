"""Fits the confidence on the development questions: `python -m evals calibrate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tutor.retrieval
from evals.cases import load
from tutor.app import Tutor
from tutor.retrieval import FEATURES

TARGET = Path(tutor.retrieval.__file__).parent / "calibration.json"
COST_ANSWERED = 1.0
"""Weight of answering what should be refused, against 1.0 for refusing what should be answered."""


def calibrate(app: Tutor) -> dict:
    """Writes `calibration.json`; returns cross-validated AUROC and errors per language."""
    cases = [*load("ask.dev"), *load("refuse.dev")]
    found = [app.retrieve(case.question, history=case.history) for case in cases]
    weights, thresholds, report = {}, {}, {}
    for lang in ("zh", "en"):
        # The lexical language of the question decides, as it does when a user asks.
        rows = [(c, f) for c, f in zip(cases, found, strict=True) if f.lang == lang and f.features]
        features = np.array([[f.features[name] for name in FEATURES] for _, f in rows])
        truth = np.array([case.answerable for case, _ in rows])
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, class_weight="balanced"))
        folds = StratifiedKFold(10, shuffle=True, random_state=1)
        apart = cross_val_predict(model, features, truth, cv=folds, method="predict_proba")[:, 1]
        model.fit(features, truth)
        scaler, regression = model[0], model[1]
        scaled = regression.coef_[0] / scaler.scale_
        bias = float(regression.intercept_[0] - np.sum(scaled * scaler.mean_))
        weights[lang] = {"bias": round(bias, 4)} | {
            name: round(float(w), 4) for name, w in zip(FEATURES, scaled, strict=True)
        }
        threshold = _threshold(apart, truth)
        thresholds[lang] = threshold
        report[lang] = {
            "n": len(rows),
            "auroc, cross-validated": round(float(roc_auc_score(truth, apart)), 4),
            "answered, should be refused": int(np.sum((apart >= threshold) & ~truth)),
            "refused, should be answered": int(np.sum((apart < threshold) & truth)),
            "threshold": threshold,
        }
    TARGET.write_text(json.dumps({"weights": weights, "thresholds": thresholds}, indent=1) + "\n")
    return report


def _threshold(sure: np.ndarray, truth: np.ndarray) -> float:
    """The middle of the range of thresholds with the fewest weighted errors."""
    grid = np.linspace(0.05, 0.95, 181)
    cost = [
        COST_ANSWERED * np.mean(sure[~truth] >= t) + np.mean(sure[truth] < t) for t in grid
    ]
    best = grid[np.flatnonzero(np.isclose(cost, min(cost)))]
    return round(float(best[len(best) // 2]), 3)
