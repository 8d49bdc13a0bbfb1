"""The usual tutorial chain on the same questions, corpus and models, in one run.

Split every 1000 characters with 200 overlap, embed, take the top 4, stuff them
into one prompt, trust the model. It is the baseline that later work compares
with: `python -m evals chain`.
"""

from __future__ import annotations

import time
from statistics import fmean, median

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter

from evals.cases import Ask, facts_in, load
from tutor.app import Tutor
from tutor.chat import Message
from tutor.index import EmbeddingCache

PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            "You are an assistant for question-answering tasks. Use the following pieces of "
            "retrieved context to answer the question. If you don't know the answer, just say "
            "that you don't know. Keep the answer concise.\n\nContext:\n{context}",
        ),
        ("human", "{question}"),
    ]
)


def compare(limit: int) -> dict:
    """Both systems on `limit` answerable and 4 off-topic questions; seconds and shares."""
    with Tutor.open() as tutor:
        assert tutor.chat is not None, tutor.chat_notice
        store = _store(tutor)
        every = [case for case in load("ask.dev") if case.facts]
        cases = every[:: max(1, len(every) // limit)][:limit]
        off = [case for case in load("refuse.dev") if case.slice == "off-topic"][:4]
        for _ in tutor.stream(cases[0].question):  # both meet a model that has loaded
            pass
        chain = [_ask_chain(tutor, store, case) for case in cases]
        ours = [_ask_tutor(tutor, case) for case in cases]
        return {
            "questions": len(cases),
            "chain": _summary(chain)
            | {"off-topic answered": sum(_chain_answers(tutor, store, case) for case in off)},
            "kube-tutor": _summary(ours)
            | {"off-topic answered": sum(tutor.ask(c.question).status == "grounded" for c in off)},
        }


def _store(tutor: Tutor) -> InMemoryVectorStore:
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    pages = [
        Document(f"{item.title(lang)}\n\n{text}", metadata={"id": item.id})
        for item in tutor.items()
        for lang, text in item.answer.items()
    ]
    store = InMemoryVectorStore(_Kept(tutor))
    store.add_documents(splitter.split_documents(pages))
    return store


class _Kept(Embeddings):
    """The tutor's embedder; what it embeds is kept, because it is the same in every run."""

    def __init__(self, tutor: Tutor) -> None:
        self._embedder = tutor.embedder
        self._cache = EmbeddingCache(tutor.settings.cache_dir)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._cache.embed(self._embedder, texts, None).tolist()

    def embed_query(self, text: str) -> list[float]:
        return list(map(float, self._embedder.embed_query(text)))


def _ask_chain(tutor: Tutor, store: InMemoryVectorStore, case: Ask) -> dict[str, float]:
    began = time.perf_counter()
    context = "\n\n".join(d.page_content for d in store.similarity_search(case.question, k=4))
    first, text = _reply(tutor, context, case.question, began)
    return {
        "first word": first,
        "facts": facts_in(case, text),
        "facts in context": facts_in(case, context),
    }


def _reply(tutor: Tutor, context: str, question: str, began: float) -> tuple[float, str]:
    value = PROMPT.invoke({"context": context, "question": question})
    roles = {"system": "system", "human": "user"}
    messages = [Message(roles[m.type], str(m.content)) for m in value.to_messages()]
    first, pieces = None, []
    for piece in tutor.chat.stream(messages, max_tokens=256):  # type: ignore[union-attr]
        first = first or time.perf_counter() - began
        pieces.append(piece)
    return first or float("nan"), "".join(pieces)


def _chain_answers(tutor: Tutor, store: InMemoryVectorStore, case: Ask) -> bool:
    context = "\n\n".join(d.page_content for d in store.similarity_search(case.question, k=4))
    _, text = _reply(tutor, context, case.question, time.perf_counter())
    low = text.lower()
    return not any(
        s in low for s in ("don't know", "do not know", "不知道", "无法回答", "not provided", "cannot answer")
    )


def _ask_tutor(tutor: Tutor, case: Ask) -> dict[str, float]:
    answer = tutor.ask(case.question, history=case.history)
    return {
        "first word": answer.timings["evidence"],
        "first token of the model": answer.timings.get("first_token", float("nan")),
        "facts": facts_in(case, answer.text),
        "facts in context": facts_in(case, "\n".join(p.text for p in answer.passages)),
    }


def _summary(rows: list[dict[str, float]]) -> dict[str, float]:
    report = {}
    for key in rows[0]:
        values = [row[key] for row in rows if row[key] == row[key]]
        seconds = key.startswith("first")
        report[f"{key}, median s" if seconds else f"{key}, mean"] = round(
            (median if seconds else fmean)(values), 3
        )
    return report
