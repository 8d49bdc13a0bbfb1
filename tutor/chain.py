"""The tutor as LangChain parts: a retriever and a runnable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import ConfigDict

from tutor.answers import Answer, Event


class TutorRetriever(BaseRetriever):
    """Passages as `Document`s; metadata: item_id, title, source, score, lang, topic."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    tutor: Any
    k: int = 5

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(
                page_content=passage.text,
                metadata={
                    "item_id": passage.item_id,
                    "title": passage.title,
                    "source": passage.source,
                    "score": passage.score,
                    "lang": passage.lang,
                    "topic": passage.topic,
                },
            )
            for passage in self.tutor.search(query, k=self.k)
        ]


class TutorRunnable(Runnable[Any, Answer]):
    """question, or {"question": ..., "history": [...]} -> `Answer`."""

    def __init__(self, tutor: Any) -> None:
        self._tutor = tutor

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        question, history = _parts(input)
        return self._tutor.ask(question, history=history)

    def stream(  # type: ignore[override]
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Event]:
        question, history = _parts(input)
        yield from self._tutor.stream(question, history=history)


def _parts(value: Any) -> tuple[str, Any]:
    if isinstance(value, dict):
        return value["question"], value.get("history", ())
    return value, ()
