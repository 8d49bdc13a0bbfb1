"""The search itself: correct, embed, look up, fuse, rank, judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tutor import lexicon
from tutor.chat import Message
from tutor.chunks import split
from tutor.embeddings import Embedder
from tutor.index import Hit, Part, Snapshot
from tutor.retrieval import claims, followup
from tutor.retrieval.confidence import Calibration
from tutor.retrieval.courtesy import Courtesy, courtesy, without_courtesy

DEPTH = 80
"""Chunks that each leg of the search returns."""
PASSAGE_WEIGHT = 900.0
"""Estimated tokens up to which a whole answer is one passage; longer ones are cut."""
CANDIDATES = 25
"""Items that are weighed exactly, of those that the legs found."""
FLOOR = 0.7
"""e5's cosines live between about .7 and 1: below this, nothing was found."""
TRUSTED = 10
"""Curated items that are weighed whatever else was found."""


@dataclass(frozen=True)
class Passage:
    """An answer, or the part of it that fits, as evidence.

    `text` is in the question's language where the item has it, and `title` is
    the item's question in the same language. `score` orders passages and has
    no other meaning. `misconceptions` are those that the question states,
    `pitfalls` the nearest one when it states none.
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
    """Pairs of claim and correction; the corrections stand at the end of `text`."""
    pitfalls: tuple[tuple[str, str], ...] = ()
    """Like `misconceptions`."""


@dataclass
class Match:
    """An item that the legs found, weighed field by field."""

    item_id: str
    features: dict[str, float]
    """By the names in `RANKING`."""
    best_part: str
    """The stretch of its answer that is nearest to the question."""
    claims: dict[str, float]
    """Cosine of each claim of its misconceptions."""
    missing: float
    """Share of the question's rarity in English words that the item lacks."""
    held: frozenset[str]
    """Every token of the item."""
    concepts: float
    """Share of the question's concepts that the item names; 0.0 without concepts."""
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
    matches: tuple[Match, ...] = ()
    """Every candidate that was weighed, best first."""
    courtesy: Courtesy | None = None
    """The message asks nothing, so nothing was searched for."""
    brief: bool = False
    """What was said before is wanted again, shorter: `passages` are those of the earlier question."""

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
    """Up to `k` passages for the question, best first, one per item; none for a courtesy."""
    lang = lexicon.language(question)
    kind = courtesy(question)
    if kind is not None:
        return Retrieval(question, lang, (), 0.0, calibration.threshold(lang), {}, courtesy=kind)
    asked = searched = without_courtesy(lexicon.correct(lexicon.normalise(question)).strip())
    before = followup.topic_before(history) if followup.wants_brief(asked) else None
    if before is not None:
        searched = lexicon.correct(lexicon.normalise(before)).strip()
    ranked, features = _rank(searched, lang, snapshot, embedder, calibration)
    whole = followup.standalone(asked, history) if before is None else None
    if whole is not None:
        alone = calibration.confidence(features, lang) if ranked else 0.0
        if not followup.speaks_of_other(asked, alone, features):
            searched = whole
            ranked, features = _rank(whole, lang, snapshot, embedder, calibration)
    confidence = calibration.confidence(features, lang) if ranked else 0.0
    candidates = [(match.claims, snapshot.item(match.item_id)) for match in ranked[:2]]
    stated = claims.stated(candidates, lang, searched)
    passages = tuple(
        _passage(match, snapshot, lang, tuple(stated.get(match.item_id, ()))) for match in ranked[:k]
    )
    return Retrieval(
        searched, lang, passages, confidence, calibration.threshold(lang), features, tuple(ranked),
        brief=before is not None,
    )


def _rank(
    question: str, lang: str, snapshot: Snapshot, embedder: Embedder, calibration: Calibration
) -> tuple[list[Match], dict[str, float]]:
    """Candidates best first, and the features of the confidence."""
    words = lexicon.tokens(question)
    strength = claims.assertion(question)
    vector = embedder.embed_query(question)
    hits = snapshot.search(vector, words, DEPTH)
    dense, keyword = _best(hits, "cosine"), _best(hits, "bm25")
    found = [i for i in {*dense, *keyword} if snapshot.answered(i)]
    if not found:
        return [], {}
    top = max(keyword.values(), default=0.0) or 1.0
    found.sort(key=lambda i: (-dense.get(i, FLOOR) - 0.15 * keyword.get(i, 0.0) / top, i))
    curated = [i for i in found if snapshot.kind_of(i) == "curated"]
    rarity = {word: snapshot.rarity(word) for word in set(words)}
    matches = [
        _weigh(i, snapshot.parts(i), snapshot, vector, lang, rarity, keyword.get(i, 0.0) / top)
        for i in dict.fromkeys([*found[:CANDIDATES], *curated[:TRUSTED]])
    ]
    for match in matches:
        match.features["asserted"] = match.features["claim"] * strength
        match.score = calibration.rank(match.features)
    matches.sort(key=lambda match: (-match.score, match.item_id))

    def judged(ranked: list[Match]) -> dict[str, float]:
        nearest = max((m.item_id for m in ranked), key=lambda i: dense.get(i, 0.0))
        return _features(question, ranked, rarity, snapshot, nearest)

    trusted = [match for match in matches if snapshot.kind_of(match.item_id) == "curated"]
    if not 0 < len(trusted) < len(matches):
        return matches, judged(matches)
    features = judged(trusted)
    if calibration.confidence(features, lang) < calibration.threshold(lang):
        return matches, judged(matches)
    return _trusted_first(matches, trusted), features


def _features(
    question: str, matches: list[Match], rarity: dict[str, float], snapshot: Snapshot, nearest: str
) -> dict[str, float]:
    """What the confidence rests on, by the names in `FEATURES` (and in `RANKING`)."""
    total = sum(rarity.values()) or 1.0
    first = matches[0]
    ours = lexicon.ours(question)
    foreign = any(name not in first.held for name in lexicon.foreign(question))
    return first.features | {
        "ask": max(first.features[name] for name in ("ask_same", "ask_other", "asserted")),
        "unknown": sum(w for word, w in rarity.items() if not snapshot.holds(word)) / total,
        "missing": first.missing,
        "concepts": first.concepts,
        "concept_count": min(sum(w.startswith(lexicon.CONCEPT) for w in rarity), 4) / 4,
        "length": min(len(rarity), 20) / 20,
        "gap": first.score - matches[min(1, len(matches) - 1)].score,
        "margin": first.score - matches[min(4, len(matches) - 1)].score,
        "agreement": float(first.item_id == nearest),
        "ours": float(ours),
        "foreign": float(foreign),
        "foreign_ours": float(foreign and ours),
        "stranger": float(any(not snapshot.holds(word) for word in lexicon.names(question))),
    }


def _trusted_first(matches: list[Match], trusted: list[Match]) -> list[Match]:
    """The best curated item first, then by score, but never three ingested ones in a row.

    Only where the curated corpus answers by itself: whoever plants notes that
    repeat a question word by word outranks nothing then.
    """
    ranked, curated = [trusted[0]], trusted[1:]
    ingested = [match for match in matches if match not in trusted]
    run = 0
    while curated or ingested:
        if ingested and (not curated or (run < 2 and ingested[0].score > curated[0].score)):
            ranked.append(ingested.pop(0))
            run += 1
        else:
            ranked.append(curated.pop(0))
            run = 0
    return ranked


def _best(hits: Sequence[Hit], leg: str) -> dict[str, float]:
    """Highest value of one leg per item."""
    best: dict[str, float] = {}
    for hit in hits:
        value = getattr(hit, leg)
        if value is not None:
            best[hit.chunk.item_id] = max(value, best.get(hit.chunk.item_id, -1.0))
    return best


def _weigh(
    item_id: str,
    parts: Sequence[Part],
    snapshot: Snapshot,
    vector: Sequence[float],
    lang: str,
    rarity: dict[str, float],
    bm25: float,
) -> Match:
    total = sum(rarity.values()) or 1.0
    cosines = [max(float(c), FLOOR) - FLOOR for c in snapshot.cosines([p.place for p in parts], vector)]
    held = frozenset().union(*(part.tokens for part in parts))
    met = [(word, w) for word, w in rarity.items() if word in held]
    covers = [sum(w for word, w in met if word in p.tokens) / total for p in parts]
    best: dict[str, float] = dict.fromkeys(("ask_same", "ask_other", "claim", "point", "answer"), 0.0)
    ask_coverage = part_coverage = 0.0
    best_part, best_cosine = "", -1.0
    for part, cosine, cover in zip(parts, cosines, covers, strict=True):
        name = part.field
        if name in ("question", "alias"):
            name = "ask_same" if part.lang == lang else "ask_other"
            ask_coverage = max(ask_coverage, cover)
        elif name != "claim":
            part_coverage = max(part_coverage, cover)
        best[name] = max(best[name], cosine)
        if name == "answer" and cosine > best_cosine:
            best_part, best_cosine = part.text, cosine
    asked_concepts = [word for word in rarity if word.startswith(lexicon.CONCEPT)]
    return Match(
        item_id,
        features=best
        | {
            "mean": sum(sorted(cosines, reverse=True)[:4]) / min(4, len(cosines)),
            "coverage": sum(w for _, w in met) / total,
            "ask_coverage": ask_coverage,
            "part_coverage": part_coverage,
            "bm25": bm25,
        },
        best_part=best_part,
        claims={
            part.text: cosine + FLOOR
            for part, cosine in zip(parts, cosines, strict=True)
            if part.field == "claim"
        },
        missing=sum(
            w for word, w in rarity.items() if word.isascii() and word not in held
        ) / total,
        held=held,
        concepts=sum(c in held for c in asked_concepts) / max(1, len(asked_concepts)),
    )


def _passage(
    match: Match, snapshot: Snapshot, lang: str, stated: tuple[claims.Pair, ...]
) -> Passage:
    item = snapshot.item(match.item_id)
    lang = lang if item.answer.get(lang) else next(iter(item.answer))
    text = item.answer[lang]
    parts = split(text, PASSAGE_WEIGHT)
    if len(parts) > 1:
        text = max(parts, key=lambda part: match.best_part[:80] in part)
    pitfalls = () if stated else claims.nearest(match.claims, item, lang)
    if stated or pitfalls:
        # Corrections are part of the evidence, so that a citation of one is verbatim too.
        text += "\n\n" + "\n".join(correction for _, correction in stated or pitfalls)
    return Passage(
        text=text,
        title=item.title(lang),
        item_id=item.id,
        source=(item.reference and f"{item.source.path} ({item.reference})") or str(item.source),
        score=round(match.score, 6),
        lang=lang,
        kind=item.kind,
        topic=item.topic,
        points=tuple(point.text.get(lang, "") for point in item.points),
        misconceptions=stated,
        pitfalls=pitfalls,
    )
