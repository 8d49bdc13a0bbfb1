"""One question being answered: a thread reads the events, the page gets frames.

`tutor.stream` blocks while a model computes. A thread of its own reads it, so
that the server stays free, a stop is noticed at once, and the iterator is
closed in the thread that runs it (a running generator can't be closed from
outside).
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from tutor.answers import Answer, Done, Event, Evidence, Sentence, Token
from tutor.conversations import State
from tutor.errors import TutorError
from tutor.retrieval import Passage
from tutor.web import chat, render
from tutor.web.line import Line

FRAME = 0.05
"""Seconds between two frames; events that come faster share one."""

log = logging.getLogger("tutor.web")

Frame = dict[str, object]


@dataclass(frozen=True)
class Waiting:
    """The evidence is there, and so many wait for the model before this question.

    `ahead` is -1 once its turn has come.
    """

    ahead: int


Happening = Event | Waiting


class Run:
    """Events of one question, read in a thread. Make it inside an event loop.

    After the evidence it waits in `line` until it is the user's turn at the model.
    """

    def __init__(self, open_stream: Callable[[], Iterator[Event]], line: Line, user: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._events: deque[Happening | Exception | None] = deque()
        self._stopped = threading.Event()
        self._open = open_stream
        self._line, self._user = line, user
        self.abandoned = False
        """Whether nobody waits for the rest, and it mustn't enter the conversation."""
        threading.Thread(target=self._read, name="tutor-ask", daemon=True).start()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """Ends `batches` now, and the stream before its next event."""
        self._stopped.set()
        self._wake.set()
        self._line.look()

    def _read(self) -> None:
        try:
            if not self.stopped:
                with closing(self._happenings()) as events:
                    for event in events:
                        if self.stopped:
                            break
                        self._put(event)
        except Exception as error:
            self._put(error)
        else:
            self._put(None)

    def _happenings(self) -> Generator[Happening]:
        """The stream; after its evidence it waits for its turn at the model."""
        with self._line.looking():
            stream = self._open()
            first = next(stream, None)
        with closing(stream):  # type: ignore[type-var]
            if first is None:
                return
            yield first
            if not isinstance(first, Evidence) or not (first.answerable and first.writes):
                yield from stream
            elif self._line.enter(self._user, left=self._stopped.is_set, told=self._wait):
                try:
                    yield Waiting(-1)
                    yield from stream
                finally:
                    self._line.leave()

    def _wait(self, ahead: int) -> None:
        self._put(Waiting(ahead))

    def _put(self, event: Happening | Exception | None) -> None:
        self._events.append(event)
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the server is gone
            self._stopped.set()

    async def batches(self) -> AsyncIterator[list[Happening]]:
        """What has arrived, at most once per `FRAME`. Raises what the stream raised."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.stopped:
                return
            batch: list[Happening] = []
            while self._events:
                event = self._events.popleft()
                if event is None or isinstance(event, Exception):
                    if batch:
                        yield batch
                    if event is not None:
                        raise event
                    return
                batch.append(event)
            if batch:
                yield batch
            await asyncio.sleep(FRAME)


class Runs:
    """Which question each session is waiting for. Used on the event loop only."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._running: dict[str, tuple[int, Run]] = {}
        self._stopped: dict[str, int] = {}

    def start(
        self, session: str, user: str, turn: int, open_stream: Callable[[], Iterator[Event]]
    ) -> Run:
        """Replaces what the session was waiting for."""
        self.stop(session)
        run = Run(open_stream, self._line, user)
        if self._stopped.pop(session, -1) == turn:  # stopped while it stood in the queue
            run.stop()
        self._running[session] = (turn, run)
        return run

    def stop(self, session: str, turn: int | None = None) -> None:
        """Stops that turn of the session; without a turn, abandons whichever is running."""
        running = self._running.get(session)
        if running is not None and turn in (None, running[0]):
            running[1].abandoned = turn is None
            running[1].stop()
        elif turn is not None:
            self._stopped[session] = turn

    def end(self, session: str, run: Run) -> None:
        run.stop()
        if self._running.get(session, (0, None))[1] is run:
            del self._running[session]

    def forget(self, session: str) -> None:
        self.stop(session)
        self._stopped.pop(session, None)


class View:
    """What a turn looks like after the events so far, and what of it is worth keeping."""

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._pending = ""
        self._model = render.looking()
        self._body = ""
        self._bar = ""
        self._evidence = ""
        self._state = "asking"
        self._chat, self._number = "", -1
        self.kept: list[str] = []
        self.passages: tuple[Passage, ...] = ()
        self.answerable = True
        self.answer: Answer | None = None

    def place(self, chat: str, number: int) -> None:
        """Says under which number of which conversation the question is kept."""
        self._chat, self._number = chat, number

    def take(self, events: Sequence[Happening]) -> None:
        """Brings the view up to date with some more events."""
        ahead = -1
        for event in events:
            if isinstance(event, Waiting):
                ahead = event.ahead
            elif isinstance(event, Evidence):
                self.passages, self.answerable = event.passages, event.answerable
                self._evidence = render.evidence(event.passages, answerable=event.answerable)
                if event.answerable and event.passages:
                    self._body = render.preview(event.passages[0])
            elif isinstance(event, Token):
                self._pending += event.text
            elif isinstance(event, Sentence):
                self._pending = after(self._pending, event.text)
                if event.kept:
                    self.kept.append(event.text)
            elif isinstance(event, Done):
                self._finish(event.answer)
        if self.answer is None:
            status = render.in_line(ahead) if ahead >= 0 else ""
            self._model = render.draft(self.kept, self._pending, status=status)

    def _finish(self, answer: Answer) -> None:
        self.answer = answer
        self._state, self._model = answer.status, ""
        self._body = render.answer(answer)
        self._bar = chat.bar(self._chat, self._number, chat.to_copy(answer))
        self.passages = answer.passages
        self._evidence = chat.evidence(answer)

    def stop(self, question: str) -> None:
        """Ends the turn with what there is of an answer to `question` without the model."""
        left = chat.left_over(question, self.passages, self.kept, self.answerable)
        self._state, self._model = "stopped", render.stopped(left is not None)
        self._bar = chat.again()
        if left is not None:
            self._body, self._evidence = render.answer(left, footer=False), chat.evidence(left)
            self._bar = chat.bar(self._chat, self._number, chat.to_copy(left), more=chat.ask_again())

    def fail(self, error: Exception) -> None:
        known = error if isinstance(error, TutorError) else None
        if known is None:
            log.error("a question failed", exc_info=error)
        self._state, self._bar = "error", chat.again()
        self._model = render.error(known, "error")

    def warn(self, error: TutorError) -> None:
        """Adds a line about something that didn't go well beside the answer."""
        self._model += render.error(error)

    @property
    def outcome(self) -> State:
        """How the turn ended; "stopped" while it hasn't."""
        return "stopped" if self._state == "asking" else self._state  # type: ignore[return-value]

    def frame(self) -> Frame:
        return {
            "turn": self._turn,
            "chat": self._chat,
            "number": self._number,
            "state": self._state,
            "model": self._model,
            "body": self._body,
            "bar": self._bar,
            "evidence": self._evidence,
            "count": len(self.passages),
        }


def after(pending: str, sentence: str) -> str:
    """What of the draft is left once a sentence of it was judged."""
    clean = re.sub(r"\s*\[\d+\]$", "", sentence).strip()
    at = pending.find(clean)
    return pending[at + len(clean) :] if clean and at >= 0 else ""
