"""Two terms exchanged: the same words, and each says what is true of the other."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import combinations

from evals.grader.pairs import Pair, one_hot
from tutor import lexicon
from tutor.corpus import Item

_BESIDE = re.compile(r"^s?[\s`，,、/]*(?:and|or|和|与|或者?|及|以及|to|到)?[\s`]*$", re.IGNORECASE)
"""Between terms that stand side by side, whose order says nothing."""

_NAME = re.compile(r"`([A-Za-z][\w.-]+)`|(?<![\w/.-])((?:[A-Z][a-z]+){2,}s?|[A-Z][A-Z0-9]+|[a-z]+[A-Z]\w+)(?![\w/-])")

_FIELD = re.compile(r"[a-z][A-Z.]")


@cache
def _pattern(term: str) -> re.Pattern[str]:
    latin = term[0].isascii() and term[-1].isascii()
    body = re.escape(term)
    # A plural s is none of the term.
    return re.compile(rf"(?<![A-Za-z0-9-]){body}(?!(?!s(?![A-Za-z0-9]))[A-Za-z0-9-])" if latin else body, re.IGNORECASE)


def exchange(text: str, a: str, b: str) -> str:
    """The text with every `a` as `b`, and the other way round."""
    both = re.compile(f"({_pattern(a).pattern})|({_pattern(b).pattern})", re.IGNORECASE)
    return both.sub(lambda found: b if found[1] else a, text)


def holds(text: str, pair: tuple[str, str]) -> bool:
    """True when exchanging the pair changes what the text says."""
    places = sorted((m.start(), m.end(), n) for n, term in enumerate(pair) for m in _pattern(term).finditer(text))
    if not places:
        return False
    if len({n for _, _, n in places}) == 1:
        return True
    # Side by side throughout, exchanging them only changes their order.
    odd = [p for k, p in enumerate(places) if not any(
        0 <= j < len(places) and places[j][2] != p[2]
        and _BESIDE.match(text[min(p[1], places[j][1]) : max(p[0], places[j][0])])
        for j in (k - 1, k + 1)
    )]
    return bool(odd)


def named(text: str) -> list[str]:
    """Terms that can stand for each other: of the lexicon, in code, or spelt like names."""
    found = {a or b for a, b in _NAME.findall(text)}
    lower = text.lower()
    found |= {form for form in lexicon.forms() if len(form) > 1 and form in lower and _pattern(form).search(text)}
    written = set()
    for term in found:
        place = _pattern(term).search(text)
        if place and len(term) > 1:
            written.add(place[0])
    kept = {term.lower(): term for term in sorted(written)}
    return [t for low, t in kept.items() if not any(low != other and low in other for other in kept)]


def exchangeable(text: str, draw: random.Random) -> tuple[str, str] | None:
    """Two terms of the text that can be exchanged to make it false, or None."""
    pairs = [pair for pair in combinations(named(text), 2) if holds(text, pair)]
    return draw.choice(_likely(pairs, draw)) if pairs else None


def _likely(pairs: list[tuple[str, str]], draw: random.Random) -> list[tuple[str, str]]:
    """Mostly those of one kind, which a learner may mix up."""
    alike = [pair for pair in pairs if _kind(pair[0]) == _kind(pair[1])]
    return alike if alike and draw.random() < 0.8 else pairs


def _kind(term: str) -> str:
    return "word" if not term.isascii() else "name" if term[0].isupper() else "field" if _FIELD.search(term) else "part"


def exchanged(pairs: list[Pair], items: Mapping[str, Item], share: float, draw: random.Random) -> list[Pair]:
    """Written replies with two main terms exchanged throughout, as twins of what they hit.

    Main terms are those whose exchange makes most points false. A point is contradicted when its deciding words name one of the terms
    and so does the point; where only one of both does, the pair is left out.
    """
    by_reply: dict[str, list[Pair]] = {}
    for pair in pairs:
        if pair.key:
            by_reply.setdefault(pair.key[0], []).append(pair)
    found = []
    for name, rows in by_reply.items():
        hits = [row for row in rows if row.verdict == "hit" and row.evidence]
        if not hits or draw.random() >= share:
            continue
        points = " ".join(row.point for row in rows)
        main = [term for term in named(points) if _pattern(term).search(rows[0].reply)]
        changed = []
        for pair in combinations(main, 2):
            count = sum(_touched(row, pair) is True for row in hits)
            if count:
                changed.append((count, pair))
        if not changed:
            continue
        most = max(count for count, _ in changed)
        pair = draw.choice(_likely([pair for count, pair in changed if count >= max(1, most - 1)], draw))
        found += _with(rows, pair, f"{name} {pair[0]}/{pair[1]}")
    return found


def _touched(row: Pair, pair: tuple[str, str]) -> bool | None:
    """Whether exchanging makes what decides on the point false; None when it isn't clear."""
    (start, end), = row.evidence or ((0, 0),)
    quote, point = holds(row.reply[start:end], pair), holds(row.point, pair)
    return None if quote != point else quote


def _with(rows: list[Pair], pair: tuple[str, str], name: str) -> list[Pair]:
    found = []
    for row in rows:
        reply = exchange(row.reply, *pair)
        touched = _touched(row, pair) if row.evidence else False
        if touched is None or (touched and row.verdict != "hit"):
            continue
        evidence = tuple(
            (len(exchange(row.reply[:a], *pair)), len(exchange(row.reply[:b], *pair))) for a, b in row.evidence or ()
        )
        found.append(replace(
            row, reply=reply, target=one_hot("contradicted") if touched else row.target, evidence=evidence,
            key=(name, row.key[1]) if row.key else None, twin=row.key if touched else None, weight=0.6,
        ))
    return found
