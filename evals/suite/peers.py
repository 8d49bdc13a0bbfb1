"""`python -m evals peers`: other ways to build the same thing, on the same cases in one run.

The defaults of two public systems are rebuilt from the libraries that they
stand on, so that nothing has to be installed for a table:

- LlamaIndex: `SentenceSplitter` (1024 tokens, 20 overlap) and `BM25Retriever`
  (bm25s with its own tokenizer and English stop words, top 2); its English
  stemmer is left out where PyStemmer isn't installed.
- LangChain: `RecursiveCharacterTextSplitter` (1000 characters, 200 overlap),
  Chroma with its default distance, top 4, our embedder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from evals.cases import Ask, facts_in
from evals.suite import scorers, stats, text
from evals.suite.cases import all_cases, sample
from evals.suite.run import LIVE
from evals.suite.subject import Subject, opened
from tutor import lexicon
from tutor.app import Tutor
from tutor.chat import Message
from tutor.index import EmbeddingCache

LEGS = 80
"""Chunks that one leg of our search returns."""
CHUNK, OVERLAP = 1024, 20
"""LlamaIndex's defaults, in tokens."""


@dataclass(frozen=True)
class Found:
    """What a system found: item ids and texts, best first, with the best score."""

    items: tuple[str, ...]
    texts: tuple[str, ...]
    score: float


Search = Callable[[Ask], Found]


def peers(answers: int, limit: int | None) -> str:
    """The table, as Markdown. `answers`: cases on which the chat model writes, 0 for none."""
    with opened(model=answers > 0) as subject:
        tutor = subject.tutor()
        tutor.warm()
        items = {item.id: item for item in tutor.items()}
        cases = [c for c in all_cases(items) if c.kind in ("ask", "refuse")]
        bodies = [c.body for c in (cases if limit is None else sample(cases, limit))]
        rows = [(name, *_row(search, bodies)) for name, search in systems(subject, tutor).items()]
        head = ("system", "right item first", "among 3", "facts in first text", "in first 3", "characters in 3",
                "AUROC of refusal", "ms, median")
        parts = [f"{len(bodies)} cases, of which {sum(not b.answerable for b in bodies)} must be refused.", text.table(head, rows)]
        if answers:
            chosen = [c.body for c in sample([c for c in cases if c.kind == "ask"], min(answers, LIVE))]
            parts += [f"With the chat model, on {len(chosen)} of them:", _answered(tutor, chosen)]
        return "\n\n".join(parts) + "\n"


def systems(subject: Subject, tutor: Tutor) -> dict[str, Search]:
    """Name -> search. All over the same items; what must be indexed is indexed here."""
    pages = [
        (item.id, f"{item.title(lang)}\n\n{answer}") for item in tutor.items() for lang, answer in item.answer.items()
    ]
    return {
        "kube-tutor": lambda ask: _ours(tutor, ask),
        "keywords alone (our tokens, BM25)": lambda ask: _leg(subject, ask, "bm25"),
        "embeddings alone (our chunks, e5)": lambda ask: _leg(subject, ask, "cosine"),
        "LangChain's defaults (1000/200, Chroma, top 4)": langchain(pages, subject),
        "LlamaIndex's defaults (1024/20, BM25, top 2)": llamaindex(pages),
    }


def _ours(tutor: Tutor, ask: Ask) -> Found:
    found = tutor.retrieve(ask.question, history=ask.history)
    return Found(
        tuple(p.item_id for p in found.passages), tuple(p.text for p in found.passages), found.confidence
    )


def _leg(subject: Subject, ask: Ask, leg: str) -> Found:
    """One leg of our search, the best chunk of each item; the text is the item's answer."""
    snapshot = subject.index.snapshot()
    vector = subject.embedder.embed_query(ask.question)
    best: dict[str, float] = {}
    for hit in snapshot.search(vector, lexicon.tokens(ask.question), LEGS):
        value = getattr(hit, leg)
        if value is not None:
            best[hit.chunk.item_id] = max(value, best.get(hit.chunk.item_id, -1.0))
    ranked = sorted(best, key=lambda i: (-best[i], i))[:5]
    texts = (snapshot.item(i).answer for i in ranked)
    return Found(
        tuple(ranked), tuple(t.get(ask.lang) or next(iter(t.values()), "") for t in texts), max(best.values(), default=0.0)
    )


def langchain(pages: Sequence[tuple[str, str]], subject: Subject) -> Search:
    """Splitter and store with LangChain's defaults, in process and in memory."""
    import chromadb
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    chunks = [(item, piece) for item, page in pages for piece in splitter.split_text(page)]
    cache = EmbeddingCache(subject.settings.cache_dir)
    vectors = cache.embed(subject.embedder, [piece for _, piece in chunks], None)
    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    store = client.get_or_create_collection("langchain-defaults", embedding_function=None)
    for at in range(0, len(chunks), 2000):
        ids = [str(n) for n in range(at, min(at + 2000, len(chunks)))]
        store.upsert(ids=ids, embeddings=vectors[at : at + 2000])

    def search(ask: Ask) -> Found:
        vector = np.asarray(subject.embedder.embed_query(ask.question), np.float32)
        got = store.query(query_embeddings=[vector], n_results=4, include=["distances"])
        places = [int(i) for i in got["ids"][0]]
        return Found(
            tuple(chunks[p][0] for p in places), tuple(chunks[p][1] for p in places), -float(got["distances"][0][0])
        )

    return search


def llamaindex(pages: Sequence[tuple[str, str]]) -> Search:
    """bm25s as LlamaIndex's `BM25Retriever` calls it, over pages cut as its splitter does."""
    import bm25s

    stemmer = _stemmer()
    chunks = [(item, piece) for item, page in pages for piece in sentence_split(page)]
    corpus = bm25s.tokenize([p for _, p in chunks], stopwords="en", stemmer=stemmer, show_progress=False)
    index = bm25s.BM25()
    index.index(corpus, show_progress=False)

    def search(ask: Ask) -> Found:
        words = bm25s.tokenize([ask.question], stopwords="en", stemmer=stemmer, show_progress=False)
        places, scores = index.retrieve(words, k=2, show_progress=False)
        return Found(
            tuple(chunks[p][0] for p in places[0]), tuple(chunks[p][1] for p in places[0]), float(scores[0][0])
        )

    return search


def sentence_split(page: str, size: int = CHUNK, overlap: int = OVERLAP) -> list[str]:
    """Sentences packed up to `size` tokens; whole sentences of up to `overlap` tokens are repeated."""
    sentences = [s for s in _sentences(page) if s.strip()]
    found: list[str] = []
    current: list[str] = []
    for sentence in sentences:
        if current and sum(map(_tokens, current)) + _tokens(sentence) > size:
            found.append("".join(current))
            kept: list[str] = []
            while current and sum(map(_tokens, kept)) + _tokens(current[-1]) <= overlap:
                kept.insert(0, current.pop())
            current = kept
        current.append(sentence)
    return [*found, "".join(current)] if current else found


def _sentences(page: str) -> list[str]:
    found, start = [], 0
    for at, char in enumerate(page):
        if char in "。！？!?\n" or (char == "." and page[at + 1 : at + 2] in (" ", "\n")):
            found.append(page[start : at + 1])
            start = at + 1
    return [*found, page[start:]]


def _tokens(text_: str) -> float:
    """Tokens as GPT's tokenizer would about count them: one a Chinese character, one for four others."""
    chinese = sum(char >= "\u2e80" for char in text_)
    return chinese + (len(text_) - chinese) / 4


def _stemmer() -> Any:
    try:
        import Stemmer
    except ImportError:
        return None
    return Stemmer.Stemmer("english")


def _row(search: Search, cases: Sequence[Ask]) -> tuple[str, ...]:
    asked = [case for case in cases if case.answerable]
    found, times = {}, []
    for case in cases:
        began = time.perf_counter()
        found[case.question, case.history] = search(case)
        times.append(time.perf_counter() - began)
    got = {case: found[case.question, case.history] for case in cases}
    checked = [case for case in asked if case.facts]
    sure = np.array([(float(case.answerable), got[case].score) for case in cases])
    area = stats.auroc(sure, np.ones((1, len(sure))))[0]
    return (
        f"{fmean(scorers.hit(got[c].items, c.items, 1) or 0.0 for c in asked):.3f}",
        f"{fmean(scorers.hit(tuple(dict.fromkeys(got[c].items)), c.items, 3) or 0.0 for c in asked):.3f}",
        f"{fmean(facts_in(c, ''.join(got[c].texts[:1])) for c in checked):.3f}",
        f"{fmean(facts_in(c, chr(10).join(got[c].texts[:3])) for c in checked):.3f}",
        f"{fmean(sum(map(len, got[c].texts[:3])) for c in asked):.0f}",
        f"{area:.3f}",
        f"{1e3 * float(np.median(times)):.0f}",
    )


def _answered(tutor: Tutor, cases: Sequence[Ask]) -> str:
    """Answers of the tutor, of the tutorial chain (`evals.chain`), and of the model with nothing to read."""
    from evals import chain

    assert tutor.chat is not None
    store = chain._store(tutor)
    rows = []
    for name, answer in (
        ("kube-tutor", lambda ask: chain._ask_tutor(tutor, ask)),
        ("tutorial chain (1000/200, top 4, stuffed)", lambda ask: chain._ask_chain(tutor, store, ask)),
        ("the model without retrieval", lambda ask: _alone(tutor, ask)),
    ):
        got = [answer(case) for case in cases if case.facts]
        rows.append((
            name, f"{fmean(g['facts'] for g in got):.3f}", f"{float(np.median([g['first word'] for g in got])):.2f}"
        ))
    return text.table(("system", "facts in the answer", "seconds to the first word"), rows)


def _alone(tutor: Tutor, ask: Ask) -> dict[str, float]:
    assert tutor.chat is not None
    began, first, pieces = time.perf_counter(), None, []
    for piece in tutor.chat.stream([Message("user", ask.question)], max_tokens=256):
        first = first or time.perf_counter() - began
        pieces.append(piece)
    return {"first word": first or float("nan"), "facts": facts_in(ask, "".join(pieces))}
