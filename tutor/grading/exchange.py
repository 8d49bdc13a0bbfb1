"""Two terms of an item, each in the other's place: does the reply say of one what holds of the other?

The cross-encoder hears what is said and pays little heed to of what it is
said: a reply in which two terms are exchanged gets nearly the same verdicts. So
the reply is held against its own mirror image. Each sentence that names one of
the two is compared with the reference as it stands and with the terms
exchanged; a right reply is nearer as it stands. Only pairs are tried that the item
lists as its contrasts: among all words of a reply some pair always fits better
exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tutor.corpus.items import Contrast

_END = re.compile(r"[。！？!?；;]+|\.(?=\s|$)|\n+")


@dataclass(frozen=True)
class Mirror:
    """A sentence, `reply[start:end]`, and how it reads with the two terms exchanged."""

    start: int
    end: int
    text: str
    exchanged: str


def mirrors(reply: str, contrast: Contrast, lang: str) -> list[Mirror]:
    """Sentences of the reply that name a side of the contrast; empty unless both sides are named somewhere."""
    pattern, owner = _pattern(contrast)
    shown = (_first(contrast.left, lang), _first(contrast.right, lang))
    found, named = [], set()
    for start, end in sentences(reply):
        text = reply[start:end]
        sides = {owner[_key(match[0])] for match in pattern.finditer(text)}
        if sides:
            named |= sides
            found.append(Mirror(start, end, text, pattern.sub(lambda m: shown[1 - owner[_key(m[0])]], text)))
    return found if len(named) == 2 else []


def names(contrast: Contrast, text: str) -> set[int]:
    """The sides, 0 and 1, that the text names."""
    pattern, owner = _pattern(contrast)
    return {owner[_key(match[0])] for match in pattern.finditer(text)}


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences that have a letter, in order."""
    found, start = [], 0
    for end in [*(match.end() for match in _END.finditer(text)), len(text)]:
        piece = text[start:end]
        if any(char.isalnum() for char in piece):
            found.append((end - len(piece.lstrip()), start + len(piece.rstrip())))
        start = end
    return found


def leaning(own: np.ndarray, exchanged: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(sentences,) cosine with the nearest reference as it stands less that of its mirror image.

    `own` and `exchanged` are (sentences, dim), `reference` (texts, dim), all of unit length.
    """
    return (own @ reference.T).max(1) - (exchanged @ reference.T).max(1)


def _first(side, lang: str) -> str:
    return (side.get(lang) or next(iter(side.values())))[0]


def _key(form: str) -> str:
    return re.sub(r"[\s_-]+", "", form.lower())


@lru_cache(maxsize=1024)
def _compiled(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, int]]:
    owner: dict[str, int] = {}
    parts = []
    for side, forms in enumerate((left, right)):
        for form in forms:
            for spelt in {form, _plural(form)}:
                owner.setdefault(_key(spelt), side)
                parts.append(spelt)
    parts.sort(key=len, reverse=True)
    alternatives = "|".join(_spelling(part) for part in dict.fromkeys(parts))
    return re.compile(alternatives, re.IGNORECASE), owner


def _pattern(contrast: Contrast) -> tuple[re.Pattern[str], dict[str, int]]:
    sides = (
        tuple(form for forms in side.values() for form in forms) for side in (contrast.left, contrast.right)
    )
    return _compiled(*sides)


def _plural(form: str) -> str:
    return f"{form}s" if form[-1:].isascii() and form[-1:].isalpha() and not form.endswith("s") else form


def _spelling(form: str) -> str:
    """A pattern of the form: white space and hyphens are one, and it doesn't begin or end inside a word."""
    body = r"[\s_-]*".join(map(re.escape, re.split(r"[\s_-]+", form.strip())))
    before = r"(?<![A-Za-z0-9])" if form[0].isascii() and form[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if form[-1].isascii() and form[-1].isalnum() else ""
    return f"{before}{body}{after}"
