"""The vocabulary of chat models: what every shell and adapter agrees on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatModel(Protocol):
    """Something that continues a conversation. Safe to use from many threads."""

    name: str
    """What a person would call it; holds no secret."""

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """Yield the reply in pieces of text, at most `max_tokens` tokens long.

        Ends before any of the `stop` strings. Closing the iterator cancels the
        generation and frees what it used. Nothing happens before the first
        piece is asked for; from then on `ModelError` (or `EndpointError`) is
        raised when the model can't answer or breaks off.
        """
        ...

    def ready(self) -> bool:
        """Whether a reply could start at once."""
        ...

    def close(self) -> None:
        """Let go of everything. May be called twice; no call may follow it."""
        ...
