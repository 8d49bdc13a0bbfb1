"""An OpenAI-compatible endpoint as a chat model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from tutor.chat import Message
from tutor.errors import EndpointError
from tutor.llm.langchain import chat_openai, http_client, pieces, said_by


class EndpointChat:
    """An OpenAI-compatible chat endpoint, such as "http://127.0.0.1:11434/v1".

    `timeout` is the longest silence, in seconds, before and within a reply.
    Raises `EndpointError` for a URL that isn't plain http or https. The key is
    sent to that endpoint and shown nowhere; none is read from the environment.
    """

    def __init__(
        self, base_url: str, model: str, api_key: str | None = None, *, timeout: float = 60.0
    ) -> None:
        self.name = model
        self._where = _checked_url(base_url)
        self._key = (api_key or "").strip()
        if not (self._key.isascii() and self._key.isprintable() and " " not in self._key):
            raise EndpointError(
                "the key of the chat endpoint holds characters that can't be sent",
                fix="check KUBE_TUTOR_CHAT_KEY",
            )
        self._timeout = timeout
        self._lock = threading.Lock()
        self._model: Any = None
        self._client: Any = None

    def __repr__(self) -> str:
        return f"EndpointChat({self._where!r}, {self.name!r})"

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        with self._lock:
            if self._model is None:
                host = urlsplit(self._where).hostname or ""
                # A proxy of the environment is for the world, not for this machine.
                proxied = not (host == "localhost" or host == "::1" or host.startswith("127."))
                self._client = http_client(self._timeout, proxied)
                self._model = chat_openai(self._where, self.name, self._key, self._client)
        try:
            yield from pieces(self._model, messages, {"max_tokens": max_tokens}, stop)
        except Exception as error:
            raise self._explained(error) from None

    def ready(self) -> bool:
        return True

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _explained(self, error: Exception) -> EndpointError:
        import openai

        where, said = f"the chat endpoint {self._where!r}", self._clean(error)
        status = getattr(error, "status_code", None)
        if isinstance(error, openai.APITimeoutError):
            what = f"{where} said nothing for {self._timeout:g} seconds"
            fix = "check that it is up and not overloaded, and KUBE_TUTOR_CHAT_URL"
        elif isinstance(error, openai.APIConnectionError):
            what = f"{where} can't be reached: {_root_cause(error)}"
            fix = "check that it is running, and KUBE_TUTOR_CHAT_URL"
        elif status in (401, 403):
            what = f"{where} refuses the key ({status})" if self._key else f"{where} wants a key"
            fix = "check KUBE_TUTOR_CHAT_KEY"
        elif status == 404 and "model" in said.lower():
            what = f"{where} has no model {self.name!r}"
            fix = "check KUBE_TUTOR_CHAT_MODEL"
        elif status == 404:
            what = f"{where} has no chat API there (404)"
            fix = "check KUBE_TUTOR_CHAT_URL; it usually ends in /v1"
        elif status == 429:
            what = f"{where} is limiting requests or its quota is used up (429)"
            fix = "wait, or check the account behind KUBE_TUTOR_CHAT_KEY"
        elif status is not None and 300 <= status < 400:
            what = f"{where} redirects elsewhere ({status})"
            fix = "put the final address in KUBE_TUTOR_CHAT_URL"
        elif status is not None and status >= 500:
            what = f"{where} failed ({status})"
            fix = "see its own log; nothing is wrong with kube-tutor's settings"
        elif status is not None:
            what = f"{where} refused the request ({status}): {said}"
            fix = "check KUBE_TUTOR_CHAT_MODEL and KUBE_TUTOR_CHAT_URL"
        elif isinstance(error, openai.APIError):
            what = f"{where} broke off with an error: {said}"
            fix = "see its own log"
        else:
            what = f"{where} answers, but not as a chat API does ({type(error).__name__})"
            fix = "check KUBE_TUTOR_CHAT_URL; it usually ends in /v1"
        return EndpointError(what, fix=fix)

    def _clean(self, error: Exception) -> str:
        """The endpoint's own words, on one line and without the key."""
        said = " ".join(said_by(error).split())
        return (said.replace(self._key, "***") if self._key else said)[:200]


def _checked_url(url: str) -> str:
    fix = "set KUBE_TUTOR_CHAT_URL to something like http://127.0.0.1:11434/v1"
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise EndpointError("the chat endpoint's URL isn't one", fix=fix) from None
    if parts.scheme not in ("http", "https") or not host:
        raise EndpointError(
            f"the chat endpoint's URL must begin with http:// or https://, not {parts.scheme!r}",
            fix=fix,
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise EndpointError(
            f"the URL of the chat endpoint at {host!r} holds more than an address",
            fix="put the key in KUBE_TUTOR_CHAT_KEY, not in KUBE_TUTOR_CHAT_URL",
        )
    return url.strip().rstrip("/")


def _root_cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return " ".join(str(error).split())[:120] or type(error).__name__
