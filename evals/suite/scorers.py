"""Numbers of one case, from its texts and rankings. Pure functions.

None means that a case isn't eligible: there is nothing to score, which is not a zero.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tutor import lexicon

SUPPORTED = 0.75
"""Share of a sentence's distinct words that a text must hold to support it; all its numbers besides."""
QUOTED = 0.6
"""The same for a quote, which may be one sentence for a statement that condenses two."""

_SENTENCE = re.compile(
    r"[^\n。！？；]+?(?:[。！？；]+|[!?;](?=[\s\[]|$)|\.(?=[\s\[]|$)|(?=\n)|$)(?:[ ]*\[\d+\])*", re.M
)
_MARKER = re.compile(r"\[(\d+)\]")
_FENCE = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1[ \t]*$|\Z)", re.M | re.S)
_HEADING = re.compile(r"^\*\*[^*\n]{1,40}\*\*[ ]*((?:\[\d+\][ ]*)+)$")
_QUOTED_CLAIM = re.compile(r"^\*\*[^*\n]{1,40}\*\*[：:]\s*[^“\n]{0,12}“.*?”[。.]\s*(?:实际上：|In fact:)?\s*")
_LEAD = re.compile(r"^\s*(?:\d+[.、)]\s+|[-*•>]\s+|#+\s+)+")
_NUMBER = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)*)(?![\w])")


# rankings ------------------------------------------------------------------------------------


def hit(ranked: Sequence[str], gold: Collection[str], k: int) -> float | None:
    """1.0 when one of the first `k` is gold."""
    return float(any(i in gold for i in ranked[:k])) if gold else None


def recall(ranked: Sequence[str], gold: Collection[str], k: int) -> float | None:
    """Share of the gold items among the first `k`."""
    return len(set(ranked[:k]) & set(gold)) / len(set(gold)) if gold else None


def mrr(ranked: Sequence[str], gold: Collection[str], k: int) -> float | None:
    """One over the rank of the first gold item; 0.0 when none is among the first `k`."""
    if not gold:
        return None
    return next((1.0 / rank for rank, i in enumerate(ranked[:k], 1) if i in gold), 0.0)


def ndcg(ranked: Sequence[str], gold: Collection[str], k: int) -> float | None:
    """Discounted cumulative gain with gains of 0 and 1, as a share of the best possible (Järvelin 2002)."""
    if not gold:
        return None
    got = sum(1.0 / math.log2(rank + 1) for rank, i in enumerate(ranked[:k], 1) if i in gold)
    best = sum(1.0 / math.log2(rank + 1) for rank in range(1, min(k, len(set(gold))) + 1))
    return got / best


def held(facts: Sequence[Sequence[str]], text: str) -> list[int]:
    """Numbers of the facts that the text holds: any one of a fact's regular expressions."""
    return [n for n, fact in enumerate(facts) if any(re.search(p, text, re.IGNORECASE) for p in fact)]


def coverage(held_by_rank: Sequence[Collection[int]], facts: int, k: int) -> float | None:
    """Share of the facts that the first `k` passages hold together."""
    return len(set().union(*map(set, held_by_rank[:k]))) / facts if facts else None


# answers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    """A sentence of an answer with the citation markers that stand for it.

    `own` is true when they stand at the sentence, false when at the head of its section.
    """

    text: str
    markers: tuple[str, ...]
    own: bool


def statements(answer: str) -> list[Statement]:
    """What an answer states: its sentences without code blocks, headings and quoted misconceptions."""
    found: list[Statement] = []
    section: tuple[str, ...] = ()
    for line in _FENCE.sub("", answer).split("\n"):
        heading = _HEADING.match(line.strip())
        if heading:
            section = tuple(_MARKER.findall(heading[1]))
            continue
        labelled = _QUOTED_CLAIM.match(line)
        rest = line[labelled.end() :] if labelled else line
        # A correction of several sentences has its marker after the last.
        whole = tuple(_MARKER.findall(rest)) if labelled else ()
        for match in _SENTENCE.finditer(rest):
            markers = tuple(_MARKER.findall(match[0])) or whole
            text = _LEAD.sub("", _MARKER.sub("", match[0])).replace("**", "").strip()
            if len(_words(text)) >= 2:
                found.append(Statement(text, markers or section, bool(markers)))
    return found


def supports(text: str, sentence: str, share: float = SUPPORTED) -> bool:
    """True when the text holds `share` of the sentence's words, and all its numbers.

    Not the product's own check of support, which decides what it keeps.
    """
    wanted = _words(sentence)
    numbers = set(_NUMBER.findall(lexicon.normalise(sentence)))
    return lexicon.overlap(wanted, _words(text)) >= share and numbers <= set(
        _NUMBER.findall(lexicon.normalise(text))
    )


@dataclass(frozen=True)
class Cited:
    """A citation as the scorer sees it: the text of its passage, "" when there is no such passage."""

    marker: str
    quote: str
    passage: str


def answer_counts(
    answer: str, citations: Sequence[Cited], passages: Sequence[str], gold: Sequence[str]
) -> dict[str, int]:
    """Counts behind the figures of an answer.

    statements; unsupported: those that no passage supports; off_reference:
    those that no gold text supports; uncited: those that the passages they
    cite don't support. citations; valid: the quote stands in its passage;
    precise: the quote supports each sentence that carries its marker, or, at
    the head of a section, stands in that section (ALCE, Gao et al. 2023, with
    quotes for spans).
    """
    said = statements(answer)
    by_marker = {c.marker.strip("[]"): c for c in citations}
    plain = _plain(answer)
    precise = 0
    for marker, citation in by_marker.items():
        mine = [s for s in said if marker in s.markers]
        own = [s for s in mine if s.own]
        if own:
            precise += all(supports(citation.quote, s.text, QUOTED) for s in own)
        else:
            precise += bool(mine) and _plain(citation.quote) in plain
    return {
        "statements": len(said),
        "unsupported": sum(not any(supports(p, s.text) for p in passages) for s in said),
        "off_reference": sum(not any(supports(g, s.text) for g in gold) for s in said),
        "uncited": sum(
            not any(m in by_marker and supports(by_marker[m].passage, s.text) for m in s.markers)
            for s in said
        ),
        "citations": len(citations),
        "valid": sum(valid_quote(c.quote, c.passage) for c in citations),
        "precise": precise,
    }


def valid_quote(quote: str, passage: str) -> bool:
    """True when the quote stands in the passage, whitespace and width aside."""
    return bool(quote.strip()) and _plain(quote) in _plain(passage)


def language_matches(answer: str, lang: str) -> bool | None:
    """True when the answer, code aside, is in the language: no more than a trace of Chinese in English.

    A mixed question may be answered in either.
    """
    if lang == "mixed":
        return None
    text = re.sub(r"`[^`]*`", "", _FENCE.sub("", answer))
    chinese = sum("\u4e00" <= char <= "\u9fff" for char in text)
    letters = sum(char.isalpha() for char in text) or 1
    return chinese / letters > 0.2 if lang == "zh" else chinese / letters < 0.02


# grades --------------------------------------------------------------------------------------


def band(score: float) -> int:
    """0 for a score of at most 2, 1 for at most 4 … 4 for at most 10."""
    return max(0, math.ceil(score / 2) - 1)


def point_counts(said: Sequence[str], labels: Sequence[str]) -> tuple[int, int, int]:
    """True positives, false positives, false negatives of "the reply earns something for this point"."""
    pairs = [(s in ("hit", "partial"), t in ("hit", "partial")) for s, t in zip(said, labels, strict=True)]
    return sum(s and t for s, t in pairs), sum(s and not t for s, t in pairs), sum(t and not s for s, t in pairs)


def changed_as_it_should(slice_: str, score: float, twin: float) -> float | None:
    """For the second of a pair: 1.0 when a point added raises the score, a falsehood or a swap lowers it."""
    if slice_ == "added":
        return float(score > twin)
    return float(score < twin) if slice_ in ("falsehood", "swapped") else None


def invariance(scores: Mapping[str, float]) -> float | None:
    """Absolute difference of the scores of one reply in two languages, by language."""
    return abs(scores["zh"] - scores["en"]) if {"zh", "en"} <= scores.keys() else None


@lru_cache(maxsize=65536)
def _words(text: str) -> frozenset[str]:
    return frozenset(lexicon.words(text))


@lru_cache(maxsize=8192)
def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
