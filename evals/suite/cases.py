"""Every case of the suite, read from `evals/cases` or derived from what is there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.cases import FOLDER, Ask, load
from evals.claims import FORMS, LEDGER
from evals.grader.cases import Graded, graded
from tutor.corpus import Item

Kind = Literal["ask", "refuse", "removed", "grade", "claim"]
KINDS: tuple[Kind, ...] = ("ask", "refuse", "removed", "grade", "claim")
SPLITS: tuple[str, ...] = ("dev", "test")
REMOVED = 40
"""Cases with their gold items removed, of each split."""
QUICK = 2
"""Graded replies of dev, of each band and language, in the fast tier."""
WHOLE = ("claim", "follow-up")
"""Slices from which no such case is derived: their questions lean on more than the items."""


@dataclass(frozen=True)
class Claim:
    """An error of the seed ledger, put as a learner's claim; right answers hold one of `corrections`."""

    question: str
    corrections: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One case. `cluster` is what the bootstrap draws: its topic, or itself where it has none.

    Thresholds and weights may be fitted on `split` "dev" alone. A "removed"
    case is an answerable question whose items are to be hidden from retrieval.
    """

    id: str
    kind: Kind
    split: str
    lang: str
    slice: str
    cluster: str
    body: Ask | Graded | Claim


def all_cases(items: Mapping[str, Item], folder: Path = FOLDER, ledger: Path = LEDGER) -> list[Case]:
    """Every case, in a fixed order. A file that isn't there has no cases.

    `items` of the corpus by id: they give topics, and tell which questions
    nothing answers once their own items are gone.
    """
    found: list[Case] = []
    for split in SPLITS:
        asked = _asked("ask", split, items, folder)
        found += asked
        found += _asked("refuse", split, items, folder)
        found += removed([case for case in asked if case.slice not in WHOLE], items)
        if (folder / f"grade.{split}.jsonl").exists():
            found += [
                Case(f"grade.{split}/{c.id}", "grade", split, c.lang, c.band, _topic([c.item], items, c.id), c)
                for c in graded(split)  # type: ignore[arg-type]
            ]
    return found + _claims(items, ledger)


def sample(cases: Sequence[Case], most: int) -> list[Case]:
    """`most` of the cases, the same ones each time, of every slice in turn; in the given order."""
    by_slice: dict[tuple, list[Case]] = {}
    for case in sorted(cases, key=lambda case: _draw(case.id)):
        by_slice.setdefault((case.kind, case.slice, case.lang), []).append(case)
    piles, chosen = list(by_slice.values()), set()
    for turn in range(len(cases)):
        for pile in piles:
            if turn < len(pile) and len(chosen) < most:
                chosen.add(pile[turn].id)
    return [case for case in cases if case.id in chosen]


def quick(cases: Sequence[Case]) -> list[Case]:
    """The cases of the fast tier: all but most graded replies of dev, which take the longest.

    Of those, `QUICK` of each band and language, the same ones each time, those
    that say what another says in the other language, and whatever they are
    compared with.
    """
    heavy = [case for case in cases if case.kind == "grade" and case.split == "dev"]
    piles: dict[tuple, list[Case]] = {}
    for case in sorted(heavy, key=lambda case: _draw(case.id)):
        piles.setdefault((case.slice, case.lang), []).append(case)
    kept = {case.body.id: case.body for pile in piles.values() for case in pile[:QUICK]}
    kept |= {case.body.id: case.body for case in heavy if case.body.pair}
    bodies = {case.body.id: case.body for case in heavy}
    queue = list(kept.values())
    while queue:
        body = queue.pop()
        for other in (body.twin, body.pair):
            if other in bodies and other not in kept:
                kept[other] = bodies[other]
                queue.append(bodies[other])
    left_out = {case.id for case in heavy if case.body.id not in kept}
    return [case for case in cases if case.id not in left_out]


def removed(cases: Iterable[Case], items: Mapping[str, Item]) -> list[Case]:
    """Questions that no item answers any more once their own are hidden: no other holds all their facts."""
    found = []
    for case in sorted(cases, key=lambda case: _draw(case.id)):
        ask = case.body
        if len(found) == REMOVED:
            break
        if not isinstance(ask, Ask) or not ask.facts or not ask.items:
            continue
        patterns = [re.compile("|".join(f"(?:{p})" for p in fact), re.IGNORECASE) for fact in ask.facts]
        elsewhere = (
            text for item in items.values() if item.id not in ask.items
            for lang, text in item.answer.items() if ask.lang in (lang, "mixed")
        )
        if not any(all(p.search(text) for p in patterns) for text in elsewhere):
            found.append(Case(
                case.id.replace("ask.", "removed.", 1), "removed", case.split, case.lang, "gold-removed",
                case.cluster, ask,
            ))
    return sorted(found, key=lambda case: case.id)


def _asked(kind: Literal["ask", "refuse"], split: str, items: Mapping[str, Item], folder: Path) -> list[Case]:
    name = f"{kind}.{split}"
    if not (folder / f"{name}.jsonl").exists():
        return []
    return [
        Case(f"{name}/{c.id}", kind, split, c.lang, c.slice, _topic(c.items, items, c.id), c)
        for c in load(name)
    ]


def _claims(items: Mapping[str, Item], ledger: Path) -> list[Case]:
    """The first error of each row of the ledger, after its question; none without the ledger."""
    if not ledger.exists():
        return []
    found = []
    for row in map(json.loads, ledger.read_text("utf-8").splitlines()):
        corrections = tuple(
            m.correction["zh"] for i in items.values() if row["id"] in i.seeds for m in i.misconceptions
        )
        if row["wrong_or_outdated"] and corrections:
            claim = row["wrong_or_outdated"][0]["claim"]
            question = FORMS["after its question"].format(question=row["question"], claim=claim)
            found.append(Case(
                f"claim/{row['id']}", "claim", "test", "zh", "claim", f"topic:{row['topic']}",
                Claim(question, corrections),
            ))
    return found


def _topic(ids: Sequence[str], items: Mapping[str, Item], own: str) -> str:
    topic = next((items[i].topic for i in ids if i in items), "")
    return f"topic:{topic}" if topic else f"own:{own}"


def _draw(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
