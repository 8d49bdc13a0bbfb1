"""The search itself: correct, embed, look up, fuse, rank, judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tutor import lexicon
from tutor.chat import Message
from tutor.chunks import split
from tutor.corpus.items import Item, Misconception
from tutor.embeddings import Embedder
from tutor.index import Hit, Snapshot
from tutor.retrieval.confidence import Calibration
from tutor.retrieval.followup import standalone

DEPTH = 80
"""Chunks that each leg of the search returns."""
PASSAGE_WEIGHT = 900.0
"""Estimated tokens up to which a whole answer is one passage; longer ones are cut."""
CLAIM_COSINE = 0.9
"""From here on a misconception's claim counts as stated by the question."""
CLAIM_COVERAGE = 0.55
"""Share of a claim's words that the question must hold for the same."""

# Fitted on evals/cases/ask.dev.jsonl; see evals/README.md.
_WEIGHTS = {"ask": 1.0, "answer": 0.55, "claim": 0.75, "coverage": 0.30, "ask_coverage": 0.12}
_TIER = {"curated": 0.03, "note": 0.0, "document": -0.01}


@dataclass(frozen=True)
class Passage:
    """An answer, or the part of it that fits, as evidence.

    `text` is in the question's language where the item has it, and `title` is
    the item's question in the same language. `score` orders passages and has
    no other meaning. `misconceptions` are those that the question states.
    """

    text: str
    title: str
    item_id: str
    source: str
    score: float
    lang: str
    kind: str = "curated"
    topic: str = ""
    points: tuple[str, ...] = ()
    misconceptions: tuple[tuple[str, str], ...] = ()
    """Pairs of claim and correction."""


@dataclass
class Match:
    """What the legs found of one item."""

    item_id: str
    ask: float = -1.0
    answer: float = -1.0
    claim: float = -1.0
    ask_text: str = ""
    claims: list[tuple[float, str]] = field(default_factory=list)
    bm25: float = 0.0
    best_answer: str = ""
    coverage: float = 0.0
    ask_coverage: float = 0.0
    kind: str = "curated"
    score: float = 0.0


@dataclass(frozen=True)
class Retrieval:
    """Ranked passages and how sure it is that they answer the question."""

    question: str
    """What was searched for: typos mended, follow-ups made whole."""
    lang: str
    passages: tuple[Passage, ...]
    confidence: float
    threshold: float
    features: dict[str, float]

    @property
    def answerable(self) -> bool:
        return bool(self.passages) and self.confidence >= self.threshold


def retrieve(
    question: str,
    snapshot: Snapshot,
    embedder: Embedder,
    calibration: Calibration,
    *,
    history: Sequence[Message] = (),
    k: int = 5,
) -> Retrieval:
    """Up to `k` passages for the question, best first, one per item."""
    lang = lexicon.language(question)
    asked = lexicon.correct(lexicon.normalise(question)).strip()
    searched = asked
    ranked, features = _rank(asked, lang, snapshot, embedder)
    whole = standalone(asked, history)
    if whole is not None:
        searched = whole
        ranked, features = _rank(whole, lang, snapshot, embedder, focus=asked)
    confidence = calibration.confidence(features, lang) if ranked else 0.0
    passages = tuple(_passage(match, snapshot, lang, searched) for match in ranked[:k])
    return Retrieval(searched, lang, passages, confidence, calibration.threshold(lang), features)


def _rank(
    question: str, lang: str, snapshot: Snapshot, embedder: Embedder, focus: str = ""
) -> tuple[list[Match], dict[str, float]]:
    words = lexicon.tokens(question)
    hits = snapshot.search(embedder.embed_query(question), words, DEPTH)
    matches = _by_item(hits)
    if not matches:
        return [], {}
    rarity = {word: snapshot.rarity(word) for word in set(words)}
    total = sum(rarity.values()) or 1.0
    candidates = sorted(matches.values(), key=_first_score, reverse=True)[:20]
    for match in candidates:
        held = snapshot.words_of(match.item_id)
        match.coverage = sum(w for word, w in rarity.items() if word in held) / total
        match.ask_coverage = sum(
            w for word, w in rarity.items() if word in set(lexicon.tokens(match.ask_text))
        ) / total
        match.kind = snapshot.kind_of(match.item_id)
        match.score = _score(match)
    candidates = [m for m in candidates if snapshot.answered(m.item_id)]
    candidates.sort(key=lambda match: (-match.score, match.item_id))
    if not candidates:
        return [], {}
    first = candidates[0]
    fifth = candidates[min(4, len(candidates) - 1)]
    keyword_first = max(matches.values(), key=lambda m: m.bm25)
    dense_first = max(matches.values(), key=lambda m: max(m.ask, m.answer))
    unknown = sum(w for word, w in rarity.items() if not snapshot.holds(word)) / total
    features = {
        "ask_cosine": max(first.ask, 0.7),
        "answer_cosine": max(first.answer, 0.7),
        "coverage": first.coverage,
        "ask_coverage": first.ask_coverage,
        "unknown": unknown,
        "margin": first.score - fifth.score,
        "agreement": float(keyword_first.item_id == dense_first.item_id == first.item_id),
    }
    return candidates, features


def _by_item(hits: Sequence[Hit]) -> dict[str, Match]:
    """Best value of each field per item.

    A chunk that only keywords found has no cosine; it then takes part with
    its keyword score, and the item's other chunks with theirs.
    """
    matches: dict[str, Match] = {}
    for hit in sorted(hits, key=lambda hit: hit.chunk.id):
        match = matches.setdefault(hit.chunk.item_id, Match(hit.chunk.item_id))
        match.bm25 = max(match.bm25, hit.bm25 or 0.0)
        if hit.cosine is None:
            continue
        if hit.chunk.field in ("question", "alias") and hit.cosine > match.ask:
            match.ask, match.ask_text = hit.cosine, hit.chunk.text
        elif hit.chunk.field == "claim":
            match.claim = max(match.claim, hit.cosine)
            match.claims.append((hit.cosine, hit.chunk.text))
        elif hit.chunk.field == "answer" and hit.cosine > match.answer:
            match.answer, match.best_answer = hit.cosine, hit.chunk.text
    return matches


def _first_score(match: Match) -> float:
    return max(match.ask, match.answer, match.claim, 0.7) + 0.01 * match.bm25


def _score(match: Match) -> float:
    # e5's cosines live between about .7 and 1; .7 stands for "not found".
    ask, answer, claim = (max(value, 0.7) - 0.7 for value in (match.ask, match.answer, match.claim))
    return (
        max(_WEIGHTS["ask"] * ask, _WEIGHTS["claim"] * claim)
        + _WEIGHTS["answer"] * answer
        + _WEIGHTS["coverage"] * match.coverage
        + _WEIGHTS["ask_coverage"] * match.ask_coverage
        + _TIER[match.kind]
    )


def _passage(match: Match, snapshot: Snapshot, lang: str, question: str) -> Passage:
    item = snapshot.item(match.item_id)
    lang = lang if item.answer.get(lang) else next(iter(item.answer))
    text = item.answer[lang]
    parts = split(text, PASSAGE_WEIGHT)
    if len(parts) > 1:
        text = max(parts, key=lambda part: match.best_answer[:80] in part)
    stated = _stated(match, item, lang, question)
    if stated:
        # Corrections are part of the evidence, so that a citation of one is verbatim too.
        text += "\n\n" + "\n".join(correction for _, correction in stated)
    return Passage(
        text=text,
        title=item.title(lang),
        item_id=item.id,
        source=item.reference and f"{item.source.path} ({item.reference})" or str(item.source),
        score=round(match.score, 6),
        lang=lang,
        kind=item.kind,
        topic=item.topic,
        points=tuple(point.text.get(lang, "") for point in item.points),
        misconceptions=stated,
    )


def _stated(match: Match, item: Item, lang: str, question: str) -> tuple[tuple[str, str], ...]:
    """The item's misconceptions that the question states, as (claim, correction)."""
    cosines = {text: cosine for cosine, text in match.claims}
    asked = set(lexicon.tokens(question))
    found: list[tuple[float, Misconception]] = []
    for misconception in item.misconceptions:
        cosine = max((cosines.get(t, 0.0) for t in misconception.claim.values()), default=0.0)
        cover = max(
            (lexicon.overlap(lexicon.tokens(t), asked) for t in misconception.claim.values()),
            default=0.0,
        )
        if cosine >= CLAIM_COSINE or cosine > 0 and cover >= CLAIM_COVERAGE:
            found.append((max(cosine, cover), misconception))
    found.sort(key=lambda pair: -pair[0])
    return tuple((m.claim[lang], m.correction[lang]) for _, m in found[:2] if lang in m.claim)
