"""The graded replies of the eval suite: `evals/cases/grade.dev.jsonl` and `grade.test.jsonl`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parents[1] / "cases"


@dataclass(frozen=True)
class Graded:
    """A reply to an item with its labels; `band` names how it was written. `score` is 0 to 10.

    `twin` is the id of the reply that this one equals but for what its band
    says; `pair` that of the reply that says the same in the other language.
    """

    id: str
    item: str
    lang: str
    band: str
    text: str
    verdicts: tuple[str, ...]
    quotes: dict[str, str]
    twin: str | None
    score: float
    pair: str | None = None


def graded(split: Literal["dev", "test"]) -> list[Graded]:
    """All graded replies of a split. No item is in both, and none trained the grader."""
    rows = map(json.loads, (FOLDER / f"grade.{split}.jsonl").read_text("utf-8").splitlines())
    return [Graded(**row | {"verdicts": tuple(row["verdicts"])}) for row in rows]
