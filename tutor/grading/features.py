"""What is counted about a reply and a point, beside what the cross-encoder says."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tutor import lexicon

NAMES = (
    "hit", "partial", "missed", "contradicted",
    "recall", "recall in evidence", "numbers agree", "numbers differ", "polarity differs",
    "strongest mark", "marked share", "function words", "words a clause",
    "concepts in evidence", "concepts elsewhere", "other concepts",
)

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)")
_NEGATION = re.compile(
    r"不|没|未|无法|非|别|禁止|拒绝|绝不|\b(?:not|no|never|none|cannot|without|neither|nor)\b|n't\b", re.IGNORECASE
)
_FUNCTION = re.compile(
    r"[的了是在就都也会要把被由从到和与或而但才能让给对为于将再则]"
    r"|\b(?:the|a|an|is|are|was|be|it|its|that|this|which|to|of|in|on|for|with|by|from|and|or|but|if|when|then|so|as|you|we|i|they|does|do|has|have|can|will)\b",
    re.IGNORECASE,
)


def features(
    verdicts: np.ndarray, marks: np.ndarray, clauses: Sequence[str], evidence: Sequence[int], point: str
) -> np.ndarray:
    """(len(NAMES),) floats.

    `verdicts` (4,) probabilities and `marks` (clauses,) come from the judge;
    `evidence` are the numbers of the clauses that decide.
    """
    reply = "\n".join(clauses)
    deciding = " ".join(clauses[n] for n in evidence)
    wanted = set(lexicon.tokens(point))
    said, near = set(lexicon.tokens(reply)), set(lexicon.tokens(deciding))
    numbers = set(_NUMBER.findall(point))
    spoken = set(_NUMBER.findall(deciding))
    named, here = set(lexicon.concepts(point)), set(lexicon.concepts(deciding))
    elsewhere = set(lexicon.concepts(reply)) - here
    logs = np.log(np.clip(verdicts, 1e-4, 1))
    letters = max(1, sum(char.isalnum() for char in reply))
    return np.array([
        *logs,
        lexicon.overlap(wanted, said),
        lexicon.overlap(wanted, near),
        len(numbers & spoken) / len(numbers) if numbers else 0.0,
        float(bool(numbers) and bool(spoken - numbers) and not numbers <= spoken),
        float((len(_NEGATION.findall(point)) - len(_NEGATION.findall(deciding))) % 2),
        float(marks.max(initial=0.0)),
        float((marks > 0.5).mean()) if len(marks) else 0.0,
        min(1.0, 4 * len(_FUNCTION.findall(reply)) / letters),
        min(2.0, len(lexicon.words(reply)) / max(1, len(clauses)) / 8),
        lexicon.overlap(named, here),
        # The words of the point with another subject: how swapped terms look.
        lexicon.overlap(named, elsewhere),
        min(1.0, len(here - named) / 4) if named - here else 0.0,
    ])
