"""Evaluation cases: JSONL that people can read and review."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Ask:
    """A question with what a right answer holds.

    `lang` is zh, en, or mixed: an English sentence with Chinese terms in it,
    to which an answer in either language is right.
    `items` are ids of items that answer it, the best first. `facts` are key
    facts, each a tuple of regular expressions of which any one counts; a case may
    name items alone. A case with neither must be refused.
    """

    id: str
    lang: str
    slice: str
    question: str
    history: tuple[tuple[str, str], ...] = ()
    items: tuple[str, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()

    @property
    def answerable(self) -> bool:
        return bool(self.items or self.facts)


def load(name: str) -> list[Ask]:
    """The cases in `cases/<name>.jsonl`."""
    found = []
    for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        row["history"] = tuple((t["role"], t["content"]) for t in row.get("history", ()))
        row["items"] = tuple(row.get("items", ()))
        row["facts"] = tuple(tuple(fact) for fact in row.get("facts", ()))
        found.append(Ask(**row))
    return found


def facts_in(case: Ask, text: str) -> float:
    """Share of the case's key facts that the text holds, 0.0 to 1.0. The case must have some."""
    held = [any(re.search(p, text, re.IGNORECASE) for p in fact) for fact in case.facts]
    return sum(held) / len(held)
