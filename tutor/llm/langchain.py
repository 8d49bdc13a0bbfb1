"""LangChain: its chat models as ours, and what both of our own adapters share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tutor.chat import Message
from tutor.errors import EndpointError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class LangChainChat:
    """A LangChain chat model object as a `ChatModel`.

    `max_tokens` is kept by counting the model's pieces, since LangChain has no
    common name for it; callbacks and tracing stay as the object has them.
    """

    def __init__(self, chat_model: BaseChatModel) -> None:
        self._model = chat_model
        given = getattr(chat_model, "model_name", None) or getattr(chat_model, "model", None)
        self.name = given if isinstance(given, str) else type(chat_model).__name__

    def __repr__(self) -> str:
        return f"LangChainChat({self.name!r})"

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        chunks = None
        try:
            chunks = self._model.stream(_langchain(messages), stop=list(stop) or None)
            left = max_tokens
            for chunk in chunks:
                if text := str(chunk.text):
                    yield text
                    left -= 1
                if left <= 0:
                    break
        except Exception as error:
            # Its text may hold anything, a key included: only its kind is told.
            raise EndpointError(
                f"the LangChain chat model {self.name!r} failed: {type(error).__name__}",
                fix="check that object's own settings",
            ) from None
        finally:
            if hasattr(chunks, "close"):
                chunks.close()

    def ready(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: the object belongs to its maker."""


def http_client(timeout: float, proxied: bool) -> Any:
    import openai

    limits = openai.Timeout(timeout, connect=min(timeout, 5.0))
    return openai.DefaultHttpxClient(trust_env=proxied, follow_redirects=False, timeout=limits)


def chat_openai(url: str, model: str, key: str, client: Any) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        base_url=url,
        model=model,
        # Never None: LangChain would send the environment's OPENAI_API_KEY instead.
        api_key=key or "none",
        http_client=client,
        timeout=client.timeout,
        openai_proxy=None,
        max_retries=0,
        temperature=0,
        stream_usage=False,
        use_responses_api=False,
    )


def pieces(
    model: Any, messages: Sequence[Message], body: dict[str, object], stop: Sequence[str]
) -> Iterator[str]:
    # `_stream` is LangChain's hook below callbacks and tracers: a LANGSMITH_TRACING
    # left in the environment must not send learners' words to a third party.
    chunks = model._stream(_langchain(messages), stop=list(stop) or None, extra_body=body)
    finished = False
    with contextlib.closing(chunks):
        for chunk in chunks:
            if text := str(chunk.text):
                yield text
            finished = finished or bool((chunk.generation_info or {}).get("finish_reason"))
    if not finished:
        raise ValueError("the stream ended without a reason")


def _langchain(messages: Sequence[Message]) -> list[Any]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds: dict[str, Callable[..., Any]] = {
        "system": SystemMessage,
        "user": HumanMessage,
        "assistant": AIMessage,
    }
    return [kinds[message.role](content=message.content) for message in messages]


def said_by(error: Exception) -> str:
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    return str(said or getattr(error, "message", "") or type(error).__name__)
