"""A reply cut into clauses: the grain at which the learner is quoted."""

from __future__ import annotations

import re

_END = re.compile(r"[。！？!?；;\n]+|[，,、：]+(?=\D|$)|\.(?=\s|$)|——|…+|\.{3,}")
_SHORT = 5
"""Characters (a Chinese one counts twice) below which a clause goes with the next."""
MOST = 60
"""Clauses in one reply; the last one takes what is left."""


def clauses(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the clauses of `text`, in order, without outer white space.

    Together they hold every letter of the text; empty for a text without any.
    """
    ends = [match.end() for match in _END.finditer(text)] + [len(text)]
    spans: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        piece = text[start:end]
        letters = sum(2 if char > "\u2e80" else 1 for char in piece if char.isalnum())
        if letters < _SHORT and end != len(text):
            continue
        if letters == 0 or (letters < _SHORT and spans):
            if spans and piece.strip():
                spans[-1] = (spans[-1][0], end)
        elif piece.strip():
            spans.append((start, end))
        start = end
        if len(spans) == MOST:
            spans[-1] = (spans[-1][0], len(text))
            break
    return [_stripped(text, span) for span in spans]


def _stripped(text: str, span: tuple[int, int]) -> tuple[int, int]:
    start, end = span
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
