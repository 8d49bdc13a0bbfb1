"""What may be shown before a reply: the technical terms of a text, blanking them, and leaks.

A text leaks a secret (a key point, an answer) when it shares with it, beyond
what the learner knows already from the question and from their own words,

- a run of `RUN_ZH` characters with a Chinese one among them (letters and digits
  count, blanks and marks don't), or a run of `RUN_EN` words of Latin letters; or
- a technical term: a form of the lexicon, a name, code, or a figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from tutor import lexicon

RUN_ZH = 8
RUN_EN = 4
BLANK = "____"
FALLBACK = 3
"""Plain words that are blanked in a text without technical terms."""

_CODE = re.compile(r"`[^`]+`")
_FIGURE = re.compile(r"(?<![A-Za-z0-9])v?\d+(?:[.,:/]\d+)*%?")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_./][A-Za-z0-9]+)*")
_NAME = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}|[A-Za-z]\d|[_./]")
_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Term:
    """A technical term at `start` to `end` of a text."""

    start: int
    end: int
    text: str


@lru_cache(maxsize=4096)
def terms(text: str) -> tuple[Term, ...]:
    """The technical terms of the text from left to right; they don't overlap.

    Where several begin at one place the longest counts. In Chinese text every
    Latin word is one; in English only names: kubeProxy, CNI, v1.30, a/b.
    """
    chinese = lexicon.language(text) == "zh"
    found = [(m.start(), m.end()) for pattern in (_CODE, _FIGURE) for m in pattern.finditer(text)]
    found += [
        (m.start(), m.end())
        for m in _LATIN.finditer(text)
        if (chinese and len(m[0]) > 1) or _NAME.search(m[0])
    ]
    found += _forms(text)
    kept: list[Term] = []
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        if not kept or start >= kept[-1].end:
            kept.append(Term(start, end, text[start:end].strip("`")))
        elif end > kept[-1].end:  # they overlap: one term
            first = kept.pop().start
            kept.append(Term(first, end, text[first:end].strip("`")))
    return tuple(kept)


@cache
def _by_first() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for form in lexicon.forms():
        if len(form) > 1:
            table.setdefault(form[0], []).append(form)
    return {first: tuple(sorted(forms, key=len, reverse=True)) for first, forms in table.items()}


def _forms(text: str) -> list[tuple[int, int]]:
    lower, table, found = text.lower(), _by_first(), []
    for at, char in enumerate(lower):
        for form in table.get(char, ()):
            if lower.startswith(form, at) and (end := _whole(lower, at, at + len(form))):
                found.append((at, end))
                break
    return found


def _whole(text: str, start: int, end: int) -> int:
    """Where the form ends if it isn't a part of a longer Latin word, else 0."""
    if end - start > 2 and _latin(text[end - 1]) and text[end : end + 1] == "s":
        end += 1
    before = start and _latin(text[start]) and _latin(text[start - 1])
    after = end < len(text) and _latin(text[end - 1]) and _latin(text[end])
    return 0 if before or after else end


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


class Known:
    """What the learner knows already: the question, and their own words."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self._concepts = {concept for text in texts for concept in lexicon.concepts(text)}
        self._words = {word for text in texts for word in lexicon.words(text)}

    def term(self, term: str) -> bool:
        """True when the term, under one of its names in either language, is known."""
        concepts = set(lexicon.concepts(term))
        words = set(lexicon.words(term))
        return bool((concepts and concepts <= self._concepts) or (words and words <= self._words))


def blank(text: str, known: Known) -> tuple[str, tuple[str, ...]]:
    """The text with every technical term that isn't known replaced by `BLANK`, and those terms.

    A text without such a term loses its longest words that aren't known instead.
    """
    found = [term for term in terms(text) if not known.term(term.text)]
    if not found:
        found = _longest_words(text, known)
    for term in reversed(found):
        text = f"{text[: term.start]}{BLANK}{text[term.end :]}"
    hidden = tuple(dict.fromkeys(term.text for term in found))
    for term in hidden:  # "Failed" is a term, and so is "failed" further on
        text = whole(term).sub(BLANK, text)
    return re.sub(rf"{BLANK}(?: ?{BLANK})+", BLANK, text), hidden


def whole(term: str) -> re.Pattern[str]:
    """Finds the term in any case, but not inside a longer Latin word."""
    edges = (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])") if term.isascii() else ("", "")
    return re.compile(re.escape(term).join(edges), re.IGNORECASE)


def _longest_words(text: str, known: Known) -> list[Term]:
    words = dict.fromkeys(word for word in lexicon.words(text) if not known.term(word))
    chosen = sorted(words, key=lambda word: -len(word))[:FALLBACK]
    if not chosen:
        return []
    # A singular also blanks its plural: "policy" goes and "policies" too.
    stems = "|".join(re.escape(word[:-1] if word.endswith("y") else word) for word in chosen)
    pattern = re.compile(rf"(?:{stems})[a-z]*", re.IGNORECASE)
    return [Term(m.start(), m.end(), m[0]) for m in pattern.finditer(text)]


def leaks(shown: str, secrets: Iterable[str], known: Known, *, by_term: bool = True) -> list[str]:
    """What the shown text gives away of the secrets beyond what is known; empty if nothing.

    Each finding is the run or the term that they share.
    """
    mine = _runs(shown)
    for text in known.texts:
        mine -= _runs(text)
    found: list[str] = []
    for secret in secrets:
        found += sorted(mine & _runs(secret))
        if by_term:
            held = {term.text.lower() for term in terms(shown)}
            names = set(lexicon.concepts(shown))
            for term in terms(secret):
                same = term.text.lower() in held or names & set(lexicon.concepts(term.text))
                if same and not known.term(term.text):
                    found.append(term.text)
    return found


@lru_cache(maxsize=4096)
def _runs(text: str) -> frozenset[str]:
    """Every run of the length that counts, of the text's Chinese and of its English parts."""
    plain = lexicon.normalise(text).lower()
    words = [word for word in _MARKS.split(plain) if word]
    runs = _windows(words, RUN_EN, " ")
    if lexicon.language(plain) == "zh":
        runs |= {run for run in _windows(_MARKS.sub("", plain), RUN_ZH, "") if not run.isascii()}
    return frozenset(runs)


def _windows(parts: Sequence[str], size: int, joint: str) -> set[str]:
    return {joint.join(parts[i : i + size]) for i in range(len(parts) - size + 1)}
