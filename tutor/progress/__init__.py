"""The append-only log of what was asked and answered, and all that is derived from it.

Reviews are read from the log; cards, ability, mastery and weak points are
replayed from the reviews and never stored, so that they can't disagree with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutor.progress.ability import DIFFICULTY, ability, of_topic, success
from tutor.progress.log import reviews_of
from tutor.progress.mastery import (
    calibration,
    history,
    learner,
    mastery,
    readiness,
    streak,
    weak_points,
)
from tutor.progress.ratings import rating
from tutor.progress.schedule import cards, due, workload
from tutor.progress.types import (
    Calibration,
    Card,
    Day,
    Estimate,
    Event,
    InterviewSummary,
    Learner,
    PointResult,
    Readiness,
    Review,
    TopicMastery,
    WeakPoint,
)

if TYPE_CHECKING:
    from tutor.progress.anki import export_apkg, export_csv
    from tutor.progress.store import Store

# Imported when first touched: they need sqlalchemy and genanki.
_HOMES = {
    "Store": "tutor.progress.store",
    "export_apkg": "tutor.progress.anki",
    "export_csv": "tutor.progress.anki",
}

__all__ = [
    "DIFFICULTY",
    "Calibration",
    "Card",
    "Day",
    "Estimate",
    "Event",
    "InterviewSummary",
    "Learner",
    "PointResult",
    "Readiness",
    "Review",
    "Store",
    "TopicMastery",
    "WeakPoint",
    "ability",
    "calibration",
    "cards",
    "due",
    "export_apkg",
    "export_csv",
    "history",
    "learner",
    "mastery",
    "of_topic",
    "rating",
    "readiness",
    "reviews_of",
    "streak",
    "success",
    "weak_points",
    "workload",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tutor.progress' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
