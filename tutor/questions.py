"""What comes in from outside with a question, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tutor import lexicon
from tutor.chat import Message
from tutor.errors import InputError

MAX_QUESTION = 4000
"""Characters; longer questions are refused with one line."""

History = Sequence[Message | Mapping[str, str] | tuple[str, str]]
"""Turns of the conversation before the question, oldest first: `Message`s,
{"role": ..., "content": ...} mappings, or (role, content) pairs."""


def checked_question(question: str) -> str:
    """The question without control characters. Raises `InputError`."""
    if not isinstance(question, str):
        raise InputError(f"a question is text, not {type(question).__name__}")
    if len(question) > MAX_QUESTION:
        raise InputError(
            f"the question has {len(question)} characters; {MAX_QUESTION} are allowed",
            fix="ask about one thing at a time",
        )
    clean = lexicon.printable(question).strip()
    if not any(c.isalnum() for c in clean):
        raise InputError("the question is empty", fix="type a question about Kubernetes")
    return clean


def messages(history: History) -> list[Message]:
    """The turns as `Message`s. Raises `InputError` for one that isn't a turn."""
    found: list[Message] = []
    for turn in history:
        if isinstance(turn, Message):
            found.append(turn)
            continue
        try:
            role, content = (turn["role"], turn["content"]) if isinstance(turn, Mapping) else turn
        except (KeyError, TypeError, ValueError):
            raise InputError(f"a turn of the history has a role and content, not {turn!r}") from None
        if role not in ("user", "assistant", "system") or not isinstance(content, str):
            raise InputError(f"a turn's role is user or assistant, and its content text: {role!r}")
        found.append(Message(role, content[:MAX_QUESTION]))
    return found
