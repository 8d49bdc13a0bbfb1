"""Two terms of an item, each in the other's place: does the reply say of one what holds of the other?

The cross-encoder hears what is said and pays little heed to of what it is
said: a reply in which two terms are exchanged gets nearly the same verdicts. So
what the learner says of a point is held beside its own mirror image, the two
terms exchanged, and the judge says which of the two fits the point better. And the names
are compared: do the words on a point name the side of a pair that the point is about, or the
other? Only pairs are tried that the item lists as its contrasts: among all the words of
a reply some pair always fits better exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from tutor.corpus.items import Contrast

MOST = 3.0
"""Log odds beyond which one reading says no more than that."""
MOST_IN_ALL = 9.0
"""The same for all points together."""


def exchanged(text: str, contrast: Contrast, lang: str) -> str | None:
    """The text with each side of the contrast in the place of the other; None if that changes nothing."""
    pattern, owner = _pattern(contrast)
    shown = tuple((side.get(lang) or next(iter(side.values())))[0] for side in (contrast.left, contrast.right))

    def other(match: re.Match[str]) -> str:
        side = owner.get(_key(match[0]))  # letters such as İ match a form and aren't lower-cased into it
        return match[0] if side is None else shown[1 - side]

    found = pattern.sub(other, text)
    return found if found != text else None


def named(text: str, contrast: Contrast) -> int | None:
    """The side of the contrast that the text names, 0 or 1; None if it names neither or both."""
    pattern, owner = _pattern(contrast)
    sides = {owner.get(_key(match[0])) for match in pattern.finditer(text)} - {None}
    return sides.pop() if len(sides) == 1 else None


def namings(
    question: str, points: Sequence[str], said: Sequence[tuple[str, str]], contrasts: Sequence[Contrast]
) -> np.ndarray:
    """(points, 3) do the words on each point name the side of a contrast that it is about (1), or the other (-1)?

    `said` are a point's words and the sentences they stand in, "" where nothing is said of it. A
    point that names neither side is about the one that the question names. The columns: of the
    point's contrasts the one that speaks most against it; of these the one whose
    sum over all points is least; the least sum of all contrasts, at most 0.
    """
    found = np.zeros((len(points), len(contrasts)))
    for column, contrast in enumerate(contrasts):
        asked = named(question, contrast)
        for row, (point, (words, sentence)) in enumerate(zip(points, said, strict=True)):
            if not words:
                continue
            meant = named(point, contrast)
            if meant is None and not names(point, contrast):
                meant = asked
            if meant is None:
                continue
            side = named(words, contrast)
            if side is None and not names(words, contrast):
                side = named(sentence, contrast)
            if side is not None:
                found[row, column] = 1.0 if side == meant else -1.0
    if not contrasts:
        return np.zeros((len(points), 3))
    totals = found.sum(0)
    whole = [min(totals[row != 0], default=0.0) for row in found]
    return np.stack([found.min(1), whole, np.full(len(points), min(0.0, totals.min()))], 1)


def leanings(asked: Sequence[tuple[int, int]], values: np.ndarray, points: int) -> np.ndarray:
    """(points, 3) log odds that a point's words fit as they stand; 0 where nothing was asked.

    `asked` are (point, contrast) of each of `values`. The columns: of the point's
    contrasts the one that speaks most against its words; the same, where it
    does; and of the contrasts that the point's words name the one that speaks most
    against the reply, summed over all points, for who mixes two terms up does so throughout.
    """
    held = {key: float(np.clip(value, -MOST, MOST)) for key, value in zip(asked, values, strict=True)}
    totals: dict[int, float] = {}
    for (_, contrast), value in held.items():
        totals[contrast] = totals.get(contrast, 0.0) + value
    found = np.zeros((points, 3))
    for point in range(points):
        own = {contrast: value for (number, contrast), value in held.items() if number == point}
        if own:
            worst = min(own.values())
            whole = min(totals[contrast] for contrast in own)
            found[point] = worst, min(0.0, worst), min(0.0, max(whole, -MOST_IN_ALL))
    return found


def names(text: str, contrast: Contrast) -> bool:
    """Does the text name a side of the contrast?"""
    return _pattern(contrast)[0].search(text) is not None


def _key(form: str) -> str:
    return re.sub(r"[\s_-]+", "", form.lower())


def _pattern(contrast: Contrast) -> tuple[re.Pattern[str], Mapping[str, int]]:
    left, right = (tuple(form for forms in side.values() for form in forms) for side in (contrast.left, contrast.right))
    return _compiled(left, right)


@lru_cache(maxsize=4096)
def _compiled(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, int]]:
    sides = [(form, 0) for form in left] + [(form, 1) for form in right]
    sides += [(_plural(form), side) for form, side in sides]  # after all forms: HTTPS is no plural of HTTP
    owner: dict[str, int] = {}
    for form, side in sides:
        owner.setdefault(_key(form), side)
    spelt = [form for form, _ in sides]
    spelt.sort(key=len, reverse=True)
    return re.compile("|".join(map(_spelling, dict.fromkeys(spelt))), re.IGNORECASE), owner


def _plural(form: str) -> str:
    return f"{form}s" if re.search(r"[A-Za-z]$", form) and not form.endswith("s") else form


def _spelling(form: str) -> str:
    """White space and hyphens are one, and a Latin form neither begins nor ends inside a word."""
    body = r"[\s_-]*".join(map(re.escape, re.split(r"[\s_-]+", form)))
    before = r"(?<![A-Za-z0-9])" if form[0].isascii() and form[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if form[-1].isascii() and form[-1].isalnum() else ""
    return f"{before}{body}{after}"
