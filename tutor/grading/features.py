"""What is counted about a reply and a point, beside what the cross-encoder says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tutor import lexicon

NAMES = (
    "hit", "partial", "missed", "contradicted",
    "recall", "recall in evidence", "numbers agree", "numbers differ", "polarity differs",
    "strongest mark", "marked share", "function words", "words a clause",
    "concepts in evidence", "concepts elsewhere", "other concepts",
    "hit elsewhere", "missed elsewhere", "contradicted elsewhere", "most contradicted", "claim stated",
    "leaning", "leaning against", "leaning against in all",
    "named otherwise", "named otherwise in all", "named otherwise at worst",
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


@dataclass(frozen=True)
class Said:
    """What is counted about a reply whatever the point, so once for all of them."""

    clauses: Sequence[str]
    tokens: frozenset[str]
    concepts: frozenset[str]
    function_words: float
    words_a_clause: float

    @classmethod
    def of(cls, clauses: Sequence[str]) -> Said:
        reply = "\n".join(clauses)
        letters = max(1, sum(char.isalnum() for char in reply))
        return cls(
            clauses,
            frozenset(lexicon.tokens(reply)),
            frozenset(lexicon.concepts(reply)),
            min(1.0, 4 * len(_FUNCTION.findall(reply)) / letters),
            min(2.0, len(lexicon.words(reply)) / max(1, len(clauses)) / 8),
        )


def features(
    verdicts: np.ndarray, number: int, points: int, marks: np.ndarray, said: Said,
    evidence: Sequence[int], point: str, exchanges: Sequence[float],
) -> np.ndarray:
    """(len(NAMES),) floats about the text `point`, which is row `number` of `verdicts`.

    `verdicts` (texts, 4) are the judge's probabilities, the first `points` rows
    those of the key points and the others of known misconceptions; `marks`
    (clauses,) is the judge's too. `evidence` are the clauses that decide, `exchanges`
    are the rows of `exchange.leanings` and `exchange.namings`.
    """
    others = np.delete(verdicts[:points], number, 0) if points > 1 and number < points else verdicts[:points]
    deciding = " ".join(said.clauses[n] for n in evidence)
    wanted = set(lexicon.tokens(point))
    near = set(lexicon.tokens(deciding))
    numbers = set(_NUMBER.findall(point))
    spoken = set(_NUMBER.findall(deciding))
    named, here = set(lexicon.concepts(point)), set(lexicon.concepts(deciding))
    elsewhere = said.concepts - here
    logs = np.log(np.clip(verdicts[number], 1e-4, 1))
    return np.array([
        *logs,
        lexicon.overlap(wanted, said.tokens),
        lexicon.overlap(wanted, near),
        len(numbers & spoken) / len(numbers) if numbers else 0.0,
        float(bool(numbers) and bool(spoken - numbers) and not numbers <= spoken),
        float((len(_NEGATION.findall(point)) - len(_NEGATION.findall(deciding))) % 2),
        float(marks.max(initial=0.0)),
        float((marks > 0.5).mean()) if len(marks) else 0.0,
        said.function_words,
        said.words_a_clause,
        lexicon.overlap(named, here),
        # The words of the point with another subject: how swapped terms look.
        lexicon.overlap(named, elsewhere),
        min(1.0, len(here - named) / 4) if named - here else 0.0,
        # Who has one thing the wrong way round has others so too.
        *others.mean(0)[[0, 2, 3]],
        verdicts[:points, 3].max(),
        verdicts[points:, 0].max(initial=0.0),
        *exchanges,
    ])
