"""Conversations of a user: kept as events in the log, and replayed from them.

A conversation is the log's "chat-<id>", with events of these kinds:

- asked     {"question"}
- answered  {"asked", "state", "answer", "kept", "passages", "answerable"}
- feedback  {"asked", "rating", "reason", "question", "answer", "items"}
- renamed   {"title"}
- deleted   {}

`asked` in the others is the number of the question's own event.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from tutor import lexicon
from tutor.answers import Answer
from tutor.chat import Message
from tutor.errors import InputError
from tutor.progress import Event
from tutor.retrieval import Passage

State = Literal["grounded", "refused", "stopped", "error"]
Rating = Literal["up", "down", ""]

REMEMBERED = 12
"""Messages of a conversation that go with its next question."""
MAX_TITLE = 80
MAX_REASON = 1000

_ID = re.compile(r"chat-[0-9a-f]{16}")

log = logging.getLogger("tutor.conversations")


class Log(Protocol):
    """What is needed of `tutor.progress.Store`."""

    def append(
        self, user: str, interview: str, kind: str, data: dict[str, Any], at: datetime
    ) -> Event: ...

    def events(self, user: str, interview: str | None = None) -> list[Event]: ...

    def users(self) -> list[str]: ...


@dataclass(frozen=True)
class Turn:
    """A question with what came of it.

    `number` is that of its event. `answer` is None unless it was finished;
    `kept` are the checked sentences, and `passages` the evidence, of one that
    wasn't. `state` is "stopped" too when the server ended before the answer.
    """

    number: int
    question: str
    at: datetime
    state: State = "stopped"
    answer: Answer | None = None
    kept: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    answerable: bool = True
    rating: Rating = ""
    reason: str = ""

    @property
    def said(self) -> str:
        """What the tutor said, as text."""
        return self.answer.text if self.answer else " ".join(self.kept)


@dataclass(frozen=True)
class Conversation:
    """Questions and answers in their order; `title` is the first question unless it was renamed."""

    id: str
    title: str
    turns: tuple[Turn, ...]
    last: datetime

    def history(self) -> list[Message]:
        """What goes with the next question."""
        said: list[Message] = []
        for turn in self.turns:
            said.append(Message("user", turn.question))
            if turn.said:
                said.append(Message("assistant", turn.said))
        return said[-REMEMBERED:]

    def turn(self, number: int) -> Turn:
        """The turn of that number. Raises `InputError`."""
        for turn in self.turns:
            if turn.number == number:
                return turn
        raise InputError(f"conversation {self.id!r} has no question {number!r}")


class Conversations:
    """The conversations of one user. Every method may raise `StorageError`."""

    def __init__(
        self, store: Log, user: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._user = user
        self._clock = clock

    def all(self, query: str = "") -> list[Conversation]:
        """Those in which every word of the query occurs, the latest first; all without one."""
        found = [c for c in replay(self._store.events(self._user)) if _holds(c, query)]
        return sorted(found, key=lambda c: (c.last, c.id), reverse=True)

    def get(self, id: str) -> Conversation:
        """That conversation. Raises `InputError` if there is none, or not any more."""
        if _ID.fullmatch(id):
            for found in replay(self._store.events(self._user, id)):
                return found
        raise InputError(f"there is no conversation {id[:40]!r}")

    def ask(self, question: str, id: str = "") -> tuple[Conversation, int]:
        """Keeps a question, as the first of a new conversation unless `id` names one.

        Returns the conversation as it was before, and the question's number.
        """
        before = self.get(id) if id else Conversation(_new_id(), _line(question), (), self._clock())
        event = self._append(before.id, "asked", {"question": question})
        return before, event.seq

    def answer(
        self,
        id: str,
        number: int,
        state: State,
        *,
        answer: Answer | None = None,
        kept: Sequence[str] = (),
        passages: Sequence[Passage] = (),
        answerable: bool = True,
    ) -> None:
        """Keeps what came of question `number`: the finished answer, or what there was of it."""
        self._append(id, "answered", {
            "asked": number,
            "state": state,
            "answer": None if answer is None else asdict(answer),
            "kept": list(kept),
            "passages": [] if answer else [asdict(passage) for passage in passages],
            "answerable": answerable,
        })  # fmt: skip

    def rate(self, id: str, number: int, rating: Rating, reason: str = "") -> None:
        """Keeps what the user thinks of an answer; `rating` "" takes it back. Raises `InputError`."""
        if rating not in ("up", "down", ""):
            raise InputError(f"a rating is 'up', 'down' or '', not {rating[:20]!r}")
        turn = self.get(id).turn(number)
        self._append(id, "feedback", {
            "asked": number,
            "rating": rating,
            "reason": reason.strip()[:MAX_REASON],
            "question": turn.question,
            "answer": turn.said,
            "items": [passage.item_id for passage in _passages(turn)],
        })  # fmt: skip

    def rename(self, id: str, title: str) -> None:
        """Gives the conversation another title. Raises `InputError` for an empty one."""
        title = _line(title)
        if not title:
            raise InputError("a conversation needs a title")
        self._append(self.get(id).id, "renamed", {"title": title})

    def delete(self, id: str) -> None:
        """Takes the conversation away. Raises `InputError` if there is none.

        The log is only ever appended to: the text leaves the disk with `Store.delete`.
        """
        self._append(self.get(id).id, "deleted", {})

    def _append(self, id: str, kind: str, data: dict[str, Any]) -> Event:
        return self._store.append(self._user, id, kind, data, self._clock())


def replay(events: Iterable[Event]) -> list[Conversation]:
    """The conversations that the events tell of; other events are passed over.

    An event that can't be read is reported to the log "tutor.conversations".
    """
    chats: dict[str, list[Event]] = {}
    for event in events:
        if _ID.fullmatch(event.interview):
            chats.setdefault(event.interview, []).append(event)
    return [found for id, many in chats.items() if (found := _replay(id, many)) is not None]


def _replay(id: str, events: Sequence[Event]) -> Conversation | None:
    title, turns = "", dict[int, Turn]()
    for event in events:
        try:
            if event.kind == "asked":
                turns[event.seq] = Turn(event.seq, str(event.data["question"]), event.at)
            elif event.kind == "answered":
                turns[event.data["asked"]] = _answered(turns[event.data["asked"]], event.data)
            elif event.kind == "feedback":
                turns[event.data["asked"]] = replace(
                    turns[event.data["asked"]],
                    rating=event.data["rating"], reason=event.data["reason"],
                )  # fmt: skip
            elif event.kind == "renamed":
                title = str(event.data["title"])
            elif event.kind == "deleted":
                return None
        except (KeyError, TypeError, ValidationError) as error:
            log.warning("event %d of %r left out: %s", event.seq, id, type(error).__name__)
    if not turns:
        return None
    first = next(iter(turns.values()))
    return Conversation(
        id, title or _line(first.question), tuple(turns.values()), max(e.at for e in events)
    )


def _answered(turn: Turn, data: Any) -> Turn:
    read_answer, read_passages = _readers()
    answer = data["answer"]
    return replace(
        turn,
        state=data["state"],
        answer=None if answer is None else read_answer.validate_python(answer),
        kept=tuple(map(str, data["kept"])),
        passages=read_passages.validate_python(data["passages"]),
        answerable=bool(data["answerable"]),
    )


@cache
def _readers() -> tuple[TypeAdapter[Answer], TypeAdapter[tuple[Passage, ...]]]:
    return TypeAdapter(Answer), TypeAdapter(tuple[Passage, ...])


def feedback(store: Log, user: str | None = None) -> list[Event]:
    """The "feedback" events of one user or all, the earliest first.

    Of a question that was rated again only the last counts, and none if that took it back.
    """
    last: dict[tuple[str, str, object], Event] = {}
    for name in store.users() if user is None else [user]:
        for event in store.events(name):
            if event.kind == "feedback" and _ID.fullmatch(event.interview):
                last[event.user, event.interview, event.data.get("asked")] = event
    kept = [event for event in last.values() if event.data.get("rating")]
    return sorted(kept, key=lambda e: (e.at, e.user, e.interview, e.seq))


def to_markdown(conversation: Conversation, lang: str) -> str:
    """The conversation as a Markdown document, with the sources of every answer."""
    said = _ZH if lang == "zh" else _EN
    parts = [f"# {conversation.title}"]
    for turn in conversation.turns:
        parts.append(f"## {_line(turn.question)}")
        if _line(turn.question) != turn.question.strip():
            parts.append("\n".join(f"> {line}" for line in turn.question.splitlines()))
        parts.append(turn.said or said["nothing"])
        if turn.answer and turn.answer.citations:
            lines = [
                f"- {c.marker} {c.title} ({c.source}): “{' '.join(c.quote.split())}”"
                for c in turn.answer.citations
            ]
            parts.append(f"**{said['sources']}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


_ZH = {"nothing": "*（没有回答）*", "sources": "来源"}
_EN = {"nothing": "*(no answer)*", "sources": "Sources"}


def _passages(turn: Turn) -> tuple[Passage, ...]:
    return turn.answer.passages if turn.answer else turn.passages


def _holds(conversation: Conversation, query: str) -> bool:
    words = lexicon.normalise(query).lower().split()
    if not words:
        return True
    texts = [conversation.title, *(t for turn in conversation.turns for t in (turn.question, turn.said))]
    text = lexicon.normalise("\n".join(texts)).lower()
    return all(word in text for word in words)


def _line(text: str) -> str:
    """One line, short enough for a list."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"


def _new_id() -> str:
    return f"chat-{secrets.token_hex(8)}"
