"""Does a passage say what a sentence says? Decided by text, not by a model.

A sentence is supported when everything exact in it (numbers, versions, flags,
code, resource kinds, commands) stands in the passage, when one stretch of the
passage holds most of its words, in about the same order, and when each of its
clauses is negated or not as the clause there that is most like it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tutor import lexicon

MIN_OVERLAP = 0.72
"""Share of a sentence's words that one stretch of the passage must hold.

Read by hand on 145 sentences of the 1.5B model: of those kept between .62 and
.72 half were wrong."""
MIN_ORDER = 0.6
"""Share of the shared concepts that must come in the same order."""

_SENTENCE = re.compile(r"[^\n。！？!?；;]+?(?:[。！？；]+|[!?;](?=\s|$)|\.(?=\s|$)|$|(?=\n))", re.M)
_FENCE = re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1[ \t]*$", re.M | re.S)
_CODE = re.compile(r"`([^`\n]+)`")
_FLAG = re.compile(r"(?<![\w-])--?[a-z][\w-]*(?:=[\w./:-]+)?")
_NUMBER = re.compile(r"(?<![\w.])v?\d+(?:[.:/]\d+)*%?(?![\w])|\d+(?:\.\d+)*")
_KIND = re.compile(r"\b(?:[A-Z][a-z0-9]+){2,}\b|\b[a-z]+(?:[A-Z][a-z0-9]+)+\b")
_COMMAND = re.compile(r"\b(?:kubectl|kubeadm|etcdctl|helm|crictl|docker)\s+[a-z][\w-]*")
_ORDINAL = re.compile(r"^\s*(?:\d+[.、)]|[-*•])\s*")
_NOT = re.compile(
    r"不(?!仅|但|同|过|断|管|论|止|少|然|久|错|变|可变)|没|未(?!来)|无[法需须]|非(?=[^常])|禁止|勿"
    r"|\b(?:not|never|no longer|cannot|\w+n't|without|nor|neither|no)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[，,；;。！!？?：:（）()\n]|\.(?=\s|$)")


@dataclass(frozen=True)
class Support:
    """Verdict on one sentence. `passage` and `quote` are set when `ok`.

    `quote` is verbatim in the text of passage number `passage` (from 0).
    """

    ok: bool
    reason: str = ""
    passage: int = -1
    quote: str = ""
    overlap: float = 0.0


def spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, list entry or code block of a text, in order."""
    found: list[tuple[int, int]] = []
    at = 0
    for fence in [*_FENCE.finditer(text), None]:
        end = fence.start() if fence else len(text)
        found += [_trim(text, m.start(), m.end()) for m in _SENTENCE.finditer(text, at, end)]
        if fence:
            found.append((fence.start(), fence.end()))
            at = fence.end()
    return [(start, end) for start, end in found if end - start > 1]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def exact_facts(sentence: str) -> set[str]:
    """What must stand in a passage letter by letter: numbers, flags, code, kinds, commands."""
    body = _ORDINAL.sub("", sentence)
    found = {re.sub(r"\s+", " ", code.strip()) for code in _CODE.findall(body)}
    found |= set(_FLAG.findall(body)) | set(_KIND.findall(body)) | set(_COMMAND.findall(body))
    found |= {number.lstrip("v") for number in _NUMBER.findall(lexicon.normalise(body))}
    return {fact.lower() for fact in found if fact}


def support(sentence: str, texts: Sequence[str]) -> Support:
    """Looks for the passage text that says what the sentence says.

    Texts are tried in order and the first that supports it wins.
    """
    wanted = set(lexicon.tokens(sentence))
    content = {token for token in wanted if not token.isdigit()}
    if len(content) < 2:
        return Support(False, "says nothing that could be checked")
    facts = exact_facts(sentence)
    reason, best = "no passage says so", 0.0
    for number, text in enumerate(texts):
        plain = lexicon.normalise(text).lower()
        strange = sorted(fact for fact in facts if not _stands_in(fact, plain))
        if strange:
            reason = f"{strange[0]!r} stands in no passage" if number == 0 else reason
            continue
        start, end, overlap = _best_stretch(text, content)
        best = max(best, overlap)
        if overlap < MIN_OVERLAP:
            continue
        stretch = text[start:end]
        if _negated_differently(sentence, stretch):
            reason = "negated differently from the passage"
            continue
        if _order(sentence, stretch) < MIN_ORDER:
            reason = "the passage relates the terms differently"
            continue
        return Support(True, "", number, stretch, overlap)
    return Support(False, reason, overlap=best)


def nearest(sentence: str, text: str) -> tuple[str, float]:
    """The stretch of the text that holds most of the sentence's words, and their share; "" with none.

    No proof that the text says so: for statements that are known to stand in it.
    """
    start, end, overlap = _best_stretch(text, set(lexicon.tokens(sentence)) or {""})
    return text[start:end], overlap


def _stands_in(fact: str, plain: str) -> bool:
    if fact[0].isdigit():
        return bool(re.search(rf"(?<![\d.]){re.escape(fact)}(?!\d|\.\d)", plain))
    if fact in plain:
        return True
    return fact.endswith("s") and fact[:-1] in plain


def _best_stretch(text: str, content: set[str]) -> tuple[int, int, float]:
    """The sentence, or two or three neighbours, that holds most of the words; shortest wins."""
    places = spans(text)
    held = [set(lexicon.tokens(text[start:end])) for start, end in places]
    best = (0, 0, 0.0)
    for width in (1, 2, 3):
        for at in range(len(places) - width + 1):
            union = set().union(*held[at : at + width])
            share = len(content & union) / len(content)
            # A wider stretch must bring clearly more, or quotes grow for nothing.
            if share > best[2] + (0.0 if width == 1 else 0.12):
                best = (places[at][0], places[at + width - 1][1], share)
    return best


def _negated_differently(sentence: str, stretch: str) -> bool:
    theirs = [(set(lexicon.tokens(c)), bool(_NOT.search(c))) for c in _CLAUSE.split(stretch)]
    anywhere = any(negated for _, negated in theirs)
    for clause in _CLAUSE.split(sentence):
        negated = bool(_NOT.search(clause))
        content = lexicon.tokens(clause)
        near = max(theirs, key=lambda other: lexicon.overlap(content, other[0]), default=None)
        if near is None or lexicon.overlap(content, near[0]) < 0.5:
            # Like no clause there: at least something must be negated if this is.
            if negated and not anywhere:
                return True
        elif negated != near[1]:
            return True
    return False


def _order(sentence: str, stretch: str) -> float:
    """Longest common subsequence of the concepts that both name once, as a share of them; 1.0 when fewer than three."""
    ours, theirs = _once(lexicon.concepts(sentence)), _once(lexicon.concepts(stretch))
    shared = [concept for concept in ours if concept in theirs]
    if len(shared) < 3:
        return 1.0
    ranks = [theirs.index(concept) for concept in shared]
    longest: list[int] = []
    for at, rank in enumerate(ranks):
        longest.append(1 + max((longest[i] for i in range(at) if ranks[i] < rank), default=0))
    return max(longest) / len(shared)


def _once(concepts: list[str]) -> list[str]:
    return [concept for concept in concepts if concepts.count(concept) == 1]
