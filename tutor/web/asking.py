"""The stream of the page "Ask": a question goes in, frames come out, the log keeps both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from tutor.answers import Event
from tutor.errors import TutorError
from tutor.questions import checked_question
from tutor.web.line import Line
from tutor.web.turns import Frame, Runs, View

if TYPE_CHECKING:
    from tutor.app import Tutor

log = logging.getLogger("tutor.web")


class Asking:
    """Answers the questions of all sessions. Used on the event loop only.

    `places` of them have the model at the same time.
    """

    def __init__(self, tutor: Tutor, places: int) -> None:
        self._tutor = tutor
        self._runs = Runs(Line(places))

    async def ask(self, sent: object, session: str, user: str) -> AsyncIterator[Frame]:
        """Frames of the turn that the page sent, the last with its final state."""
        question, turn, chat = asked(sent)
        view = View(turn)
        chats = self._tutor.conversations(user)
        try:
            question = checked_question(question)
            before, number = await asyncio.to_thread(chats.ask, question, chat)
        except Exception as error:
            view.fail(error)
            yield view.frame()
            return
        view.place(before.id, number)

        def keep() -> None:
            chats.answer(
                before.id, number, view.outcome, answer=view.answer, kept=view.kept,
                passages=view.passages, answerable=view.answerable,
            )  # fmt: skip

        def stream() -> Iterator[Event]:
            return self._tutor.stream(question, history=before.history(), wait=0, user=user)

        run = self._runs.start(session, user, turn, stream)
        kept = False
        try:
            yield view.frame()
            async with aclosing(run.batches()) as batches:
                async for batch in batches:
                    view.take(batch)
                    if view.answer is None:
                        yield view.frame()
            if view.answer is None:
                view.stop(question)
        except Exception as error:
            view.fail(error)
        else:
            kept = True
            await self._keep(view, keep)
        finally:
            self._runs.end(session, run)
            if not kept:
                # Here the task may be about to end: no waiting for a thread any more.
                _quietly(keep)
        if not run.abandoned:
            yield view.frame()

    async def _keep(self, view: View, keep: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(keep)
        except TutorError as error:
            view.warn(error)

    def stop(self, sent: object, session: str) -> None:
        """Ends that turn; what there was of it stays."""
        self._runs.stop(session, asked(sent)[1])

    def clear(self, session: str) -> None:
        """Ends whatever the session waits for; nobody waits for the rest."""
        self._runs.stop(session)

    def leave(self, session: str) -> None:
        self._runs.forget(session)


def _quietly(keep: Callable[[], None]) -> None:
    try:
        keep()
    except TutorError as error:
        log.error("an answer wasn't kept: %s", error)


def asked(sent: Any) -> tuple[str, int, str]:
    """Question, turn and conversation out of what the page sent."""
    data = sent if isinstance(sent, dict) else {}
    question, turn, chat = data.get("question", ""), data.get("turn", 0), data.get("chat", "")
    return (
        question if isinstance(question, str) else "",
        turn if isinstance(turn, int) and 0 <= turn < 1_000_000 else 0,
        chat if isinstance(chat, str) else "",
    )



