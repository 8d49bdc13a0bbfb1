"""What a reply shows of each point: the judge's word, the deciding clauses, and what is counted about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tutor import lexicon
from tutor.corpus.items import Contrast
from tutor.grading.clauses import around
from tutor.grading.exchange import exchanged, leanings, names, namings
from tutor.grading.features import Said, features
from tutor.grading.judging import Judge
from tutor.grading.types import VERDICTS

QUOTED = 0.5
"""A clause beside the deciding one belongs to the quote when it is marked so much."""
REACH = 0.4
"""Share of a claim's words that a reply which states it has."""
READ = 2
"""Contrasts of an item, those first that learners mix up most, whose mirror images are read; of the others
only names are compared. Reading them all took twice as long and told no more."""
SILENT = 0.9
"""Probability of "missed" from which on nobody asks whose words a point has."""
_MISSED = VERDICTS.index("missed")


def observed(
    reply: str, spans: Sequence[tuple[int, int]], said: Said, question: str, points: Sequence[str],
    claims: Sequence[str], contrasts: Sequence[Contrast], judge: Judge,
) -> tuple[np.ndarray, list[list[int]]]:
    """(points and claims, features) floats for the calibration, and for each the numbers of its deciding clauses.

    `spans` are the clauses of the reply that say something, at least one, and `said` is counted of them.
    """
    reading = judge.read(said.clauses, question, [*points, *claims])
    evidence = [deciding_clauses(marks, spans, reply) for marks in reading.marks]
    exchanges = np.zeros((len(reading.verdicts), 6))
    words = [
        quoted(reply, spans, numbers) if row[_MISSED] < SILENT else ""
        for numbers, row in zip(evidence, reading.verdicts[: len(points)], strict=False)
    ]
    sentences = [
        around(reply, spans[numbers[0]][0], spans[numbers[-1]][1]) if text else ""
        for text, numbers in zip(words, evidence, strict=False)
    ]
    exchanges[: len(points), :3] = _leaning(words, points, contrasts[:READ], lexicon.language(reply), judge)
    exchanges[: len(points), 3:] = namings(question, points, list(zip(words, sentences, strict=True)), contrasts)
    rows = [
        features(
            reading.verdicts, number, len(points), reading.marks[number], said, evidence[number], text,
            exchanges[number],
        )
        for number, text in enumerate([*points, *claims])
    ]
    return np.stack(rows), evidence


def _leaning(
    words: Sequence[str], points: Sequence[str], contrasts: Sequence[Contrast], lang: str, judge: Judge
) -> np.ndarray:
    asked, texts = [], []
    for number, (said, point) in enumerate(zip(words, points, strict=True)):
        for pair, contrast in enumerate(contrasts if said else ()):
            other = exchanged(said, contrast, lang) if names(point, contrast) else None
            if other is not None:
                asked.append((number, pair))
                texts.append((said, other, point))
    return leanings(asked, judge.lean(texts) if texts else np.zeros(0), len(points))


def within_reach(claims: Sequence[str], said: Said) -> list[int]:
    """Numbers of the claims that a reply with these words may state; the judge reads no others.

    A reply states few misconceptions, and reading one takes as long as reading a point.
    """
    return [n for n, claim in enumerate(claims) if lexicon.overlap(set(lexicon.tokens(claim)), said.tokens) >= REACH]


def deciding_clauses(marks: np.ndarray, spans: Sequence[tuple[int, int]], reply: str) -> list[int]:
    """Numbers of the clauses that decide, next to each other: the most marked one and its neighbours."""
    if not len(marks):
        return []
    best = int(marks.argmax())
    first = last = best
    while first > 0 and marks[first - 1] >= QUOTED and last - first < 3 and _adjacent(spans[first - 1], spans[first], reply):
        first -= 1
    while last + 1 < len(marks) and marks[last + 1] >= QUOTED and last - first < 3 and _adjacent(spans[last], spans[last + 1], reply):
        last += 1
    return list(range(first, last + 1))


def _adjacent(left: tuple[int, int], right: tuple[int, int], reply: str) -> bool:
    return not any(char.isalnum() for char in reply[left[1] : right[0]])


def quoted(reply: str, spans: Sequence[tuple[int, int]], numbers: Sequence[int]) -> str:
    return reply[spans[numbers[0]][0] : spans[numbers[-1]][1]].rstrip("，,；;、") if numbers else ""
