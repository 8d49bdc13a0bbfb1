"""Question, and the conversation before it -> ranked passages, with a confidence.

Pure but for the snapshot and the embedder handed in. Vectors and keywords
vote together; an item's questions, other phrasings, claims and answer stretches
are weighed as separate fields and the item appears once.
"""

from tutor.retrieval.claims import assertion
from tutor.retrieval.confidence import FEATURES, RANKING, Calibration, shipped_calibration
from tutor.retrieval.courtesy import Courtesy, courtesy
from tutor.retrieval.search import Match, Passage, Retrieval, retrieve

__all__ = [
    "FEATURES",
    "RANKING",
    "Calibration",
    "Courtesy",
    "Match",
    "Passage",
    "Retrieval",
    "assertion",
    "courtesy",
    "retrieve",
    "shipped_calibration",
]
