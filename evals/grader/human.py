"""`grade` against answers that people scored, on questions that it was not trained on.

`python -m evals.grader.human`: quadratic kappa for scores, two-way macro-F1
for correct or not, each beside a constant, word overlap and the embedding.
The data is in `shared/data/grading` beside the checkout.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np

from evals.grader.pairs import PUBLIC, aside_public
from tutor import lexicon
from tutor.grading import grade_reference, uncalibrated
from tutor.judge import WEIGHTS, BundledJudge

SETS = {"ads": "ads.zh.train.jsonl", "semeval": "semeval2013.en.train.jsonl"}


def rows_of(name: str, limit: int, seed: int = 1) -> list[dict]:
    """Up to `limit` answers to questions that the judge never saw."""
    rows = [json.loads(line) for line in (PUBLIC / SETS[name]).read_text("utf-8").splitlines()]
    unseen = aside_public()
    rows = [row for row in rows if row["question_id"] in unseen and any(map(str.isalnum, row["student_answer"]))]
    random.Random(seed).shuffle(rows)
    return rows[:limit]


def overlap(row: dict) -> float:
    """Best share of a reference's words that the answer has."""
    said = set(lexicon.words(row["student_answer"]))
    return max(lexicon.overlap(set(lexicon.words(text)), said) for text in row["references"])


def cosine(rows: list[dict]) -> np.ndarray:
    """Best cosine of the answer with a reference."""
    from tutor.embeddings import BundledE5

    embedder = BundledE5()
    said = embedder.embed_documents([row["student_answer"] for row in rows])
    texts = sorted({text for row in rows for text in row["references"]})
    known = dict(zip(texts, embedder.embed_documents(texts), strict=True))
    return np.array([max(float(known[t] @ v) for t in row["references"]) for row, v in zip(rows, said, strict=True)])


def figures(rows: list[dict], values: np.ndarray) -> dict:
    """Agreement of `values` with people. A rank baseline gets the cut that suits it best."""
    from scipy.stats import spearmanr
    from sklearn.metrics import cohen_kappa_score, f1_score

    if "label_3way" in rows[0]:
        truth = np.array([row["label_3way"] == "correct" for row in rows])
        return {"macro f1": round(float(f1_score(truth, values >= 0.5, average="macro")), 3)}
    truth = np.array([10 * row["score"] / float(row["max_score"]) for row in rows])
    return {
        "qwk": round(float(cohen_kappa_score(np.round(truth), np.round(10 * values), weights="quadratic")), 3),
        "spearman": round(float(spearmanr(truth, values).statistic), 3),
        "mae": round(float(np.abs(truth - 10 * values).mean()), 2),
    }


def fitted(rows: list[dict], values: np.ndarray) -> np.ndarray:
    """A baseline's values on the scale of the marks, by a regression on these very rows: a head start."""
    from sklearn.isotonic import IsotonicRegression

    truth = np.array([
        float(row["label_3way"] == "correct") if "label_3way" in row else row["score"] / float(row["max_score"])
        for row in rows
    ])
    return IsotonicRegression(out_of_bounds="clip").fit_transform(values, truth)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=400, help="answers of each set")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    judge = BundledJudge(options.weights, None)
    report = {}
    for name in SETS:
        rows = rows_of(name, options.limit)
        grades = [
            grade_reference(row["question"], row["student_answer"], row["references"], judge, uncalibrated())
            for row in rows
        ]
        ours = np.array([grade.score / 10 for grade in grades])
        report[name] = {
            "answers": len(rows), "questions": len({row["question_id"] for row in rows}),
            "ours": figures(rows, ours),
            "constant": figures(rows, np.full(len(rows), float(fitted(rows, np.zeros(len(rows)))[0]))),
            "word overlap, fitted here": figures(rows, fitted(rows, np.array([overlap(row) for row in rows]))),
            "embedding, fitted here": figures(rows, fitted(rows, cosine(rows))),
            "unsure": round(float(np.mean([grade.unsure for grade in grades])), 3),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
