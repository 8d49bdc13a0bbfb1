"""Old interviews under a new grader: which scores change, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tutor.corpus.items import Item
from tutor.grading import Grade, Verdict
from tutor.interview.state import grade_of
from tutor.progress.types import Event

SAME = 0.05
"""Scores closer than this print alike."""


@dataclass(frozen=True)
class VerdictChange:
    """A verdict before and after; None where the corpus had, or has, no such point."""

    point: str
    old: Verdict | None
    new: Verdict | None


@dataclass(frozen=True)
class Change:
    """A reply that is graded differently now; scores are 0.0 to 10.0."""

    user: str
    interview: str
    item_id: str
    reply: str
    old: float
    new: float
    verdicts: tuple[VerdictChange, ...]


def regrade(
    events: Iterable[Event], items: Mapping[str, Item], grade: Callable[[Item, str], Grade]
) -> list[Change]:
    """Grades every logged reply to an item's question again; returns what came out differently.

    Replies to probes, to items that the corpus no longer has, and events that
    can't be read are left out. Nothing is written.
    """
    found = []
    for event in events:
        if event.kind != "graded" or event.data.get("probe") is not False:
            continue
        item = items.get(event.data.get("item_id", ""))
        try:
            before, reply = grade_of(event.data["grade"]), event.data["reply"]
        except (KeyError, TypeError, ValueError):
            continue
        if item is None:
            continue
        after = grade(item, reply)
        verdicts = _changed(before, after)
        if verdicts or abs(before.score - after.score) >= SAME:
            found.append(Change(
                event.user, event.interview, item.id, reply, before.score, after.score, verdicts
            ))
    return found


def _changed(before: Grade, after: Grade) -> tuple[VerdictChange, ...]:
    old = {point.text: point.verdict for point in before.points}
    new = {point.text: point.verdict for point in after.points}
    return tuple(
        VerdictChange(text, old.get(text), new.get(text))
        for text in dict.fromkeys((*old, *new))
        if old.get(text) != new.get(text)
    )
