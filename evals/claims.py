"""Every error of the seed ledger, planted as a learner's claim: is it corrected?

`python -m evals claims`, where `../shared/seeds/ledger.jsonl` (or --ledger) is present.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tutor.app import Tutor
from tutor.errors import InputError

LEDGER = Path(__file__).parents[2] / "shared/seeds/ledger.jsonl"
FORMS = {
    "after its question": "{question} 我的理解是：{claim}，对吗？",
    "alone": "我认为{claim}，对吗？",
}
"""The ledger quotes fragments of sentences; alone, some of them state nothing."""


def score(tutor: Tutor, ledger: Path = LEDGER, *, verbose: bool = False) -> dict:
    """Counts per form of planting, without the chat model.

    corrected: the answer holds the correction that is nearest, by embedding, to
    the ledger's truth, of all items that cover the row. confirmed: it is
    answered, but neither that nor any other correction is shown.
    """
    if not ledger.exists():
        raise InputError(f"there is no ledger at {str(ledger)!r}", fix="name it with --ledger")
    rows = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    items = tutor.items()
    report: dict[str, dict[str, int]] = {}
    for form, words in FORMS.items():
        counts = report[form] = dict.fromkeys(("claims", "corrected", "refused", "confirmed"), 0)
        for row in rows:
            corrections = [
                m.correction["zh"] for i in items if row["id"] in i.seeds for m in i.misconceptions
            ]
            for error in row["wrong_or_outdated"]:
                answer = tutor.ask(words.format(question=row["question"], claim=error["claim"]))
                shown = [pair for p in answer.passages for pair in p.misconceptions]
                counts["claims"] += 1
                counts["refused"] += answer.status == "refused"
                counts["confirmed"] += answer.status == "grounded" and not shown
                right = _nearest(tutor, error["truth"], corrections) in answer.text
                counts["corrected"] += right
                if verbose and not right:
                    print(f"{row['id']} {form}, {answer.status}: {error['claim']!r} -> {shown[:1]}")
    return report


def _nearest(tutor: Tutor, truth: str, corrections: list[str]) -> str:
    vectors = np.asarray(tutor.embedder.embed_documents([truth, *corrections]))
    return corrections[int(np.argmax(vectors[1:] @ vectors[0]))]
