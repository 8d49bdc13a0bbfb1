"""`grade` by a reference against answers that people scored, and that never trained what marks the whole.

`python -m evals.grader.human`: quadratic kappa for scores, two-way macro-F1
for correct or not, each beside a constant, word overlap and the embedding.
The answers are every tenth of the public sets (`reference.split`), which stand
in `shared/data/grading` beside the checkout. One in twenty is word for word an answer that was learnt.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evals.grader.reference import Scored, agreement, split
from tutor import lexicon
from tutor.grading import grade_reference, uncalibrated
from tutor.judge import BundledJudge

SETS = ("ads", "sciEntsBank", "beetle")


def rows_of(name: str, limit: int, seed: int = 1) -> list[Scored]:
    """Up to `limit` of the answers kept aside."""
    _, rows, _ = split("ads" if name == "ads" else "semeval")
    rows = [row for row in rows if row.name.startswith(name)]
    random.Random(seed).shuffle(rows)
    return rows[:limit]


def overlap(row: Scored) -> float:
    """Best share of a reference's words that the answer has."""
    said = set(lexicon.words(row.answer))
    return max(lexicon.overlap(set(lexicon.words(text)), said) for text in row.references)


def cosine(rows: Sequence[Scored]) -> np.ndarray:
    """Best cosine of the answer with a reference."""
    from tutor.embeddings import BundledE5

    embedder = BundledE5()
    said = embedder.embed_documents([row.answer for row in rows])
    texts = sorted({text for row in rows for text in row.references})
    known = dict(zip(texts, embedder.embed_documents(texts), strict=True))
    return np.array([max(float(known[t] @ v) for t in row.references) for row, v in zip(rows, said, strict=True)])


def fitted(rows: Sequence[Scored], values: np.ndarray) -> np.ndarray:
    """A baseline's values on the scale of the marks, by a regression on these very rows: a head start."""
    from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression(out_of_bounds="clip").fit_transform(values, np.array([row.share for row in rows]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=500, help="answers of each set")
    parser.add_argument("--weights", type=Path, help="packed weights to try instead of the shipped ones")
    options = parser.parse_args()
    judge = BundledJudge(reference=options.weights, reference_sha256=None) if options.weights else BundledJudge()
    report = {}
    for name in SETS:
        rows = rows_of(name, options.limit)
        if not rows:
            raise SystemExit("the public sets aren't beside the checkout: see the docstring")
        grades = [grade_reference(row.question, row.answer, row.references, judge, uncalibrated()) for row in rows]
        report[name] = {
            "answers": len(rows), "questions": len({row.question_id for row in rows}),
            "ours": agreement(rows, np.array([grade.score / 10 for grade in grades])),
            "constant": agreement(rows, np.full(len(rows), float(fitted(rows, np.zeros(len(rows)))[0]))),
            "word overlap, fitted here": agreement(rows, fitted(rows, np.array([overlap(row) for row in rows]))),
            "embedding, fitted here": agreement(rows, fitted(rows, cosine(rows))),
            "unsure": round(float(np.mean([grade.unsure for grade in grades])), 3),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
