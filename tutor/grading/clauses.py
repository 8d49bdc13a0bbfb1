"""A reply cut into clauses, the grain at which the learner is quoted, and into sentences."""

from __future__ import annotations

import re

_END = re.compile(r"[。！？!?；;\n]+|[，,、：]+(?=\D|$)|\.(?=\s|$)|——|…+|\.{3,}")
_SENTENCE_END = re.compile(r"[。！？!?；;]+|\.(?=\s|$)|\n+")
_SHORT = 5
"""Characters (a Chinese one counts twice) below which a clause goes with the next."""
MOST = 1000
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


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences that have a letter, in order, without outer white space."""
    found, start = [], 0
    for end in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        piece = text[start:end]
        if any(char.isalnum() for char in piece):
            found.append((end - len(piece.lstrip()), start + len(piece.rstrip())))
        start = end
    return found


def around(text: str, start: int, end: int) -> str:
    """The sentences of `text` that `text[start:end]` touches."""
    spans = [(a, b) for a, b in sentences(text) if a < end and b > start]
    return text[spans[0][0] : spans[-1][1]] if spans else text[start:end]


def _stripped(text: str, span: tuple[int, int]) -> tuple[int, int]:
    start, end = span
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
