"""Turns at the model: so many at a time, users one after another, nobody held up by who leaves."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

from tests.test_web import until
from tests.test_web_render import passage
from tutor.answers import Event, Evidence, Token
from tutor.web.line import PATIENCE, Line
from tutor.web.turns import Run, View, Waiting


class Asker:
    """A thread that waits in the line until it is let in, and then until it may go."""

    def __init__(self, line: Line, user: str, order: list[str], name: str = "") -> None:
        self.line, self.user, self.order, self.name = line, user, order, name or user
        self.ahead: list[int] = []
        self.gone, self.done = threading.Event(), threading.Event()
        self.entered: bool | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        before = len(line._waiting)
        self.thread.start()
        until(lambda: self.entered is not None or len(line._waiting) > before)

    def _run(self) -> None:
        self.entered = self.line.enter(self.user, left=self.gone.is_set, told=self.ahead.append)
        if self.entered:
            self.order.append(self.name)
            self.done.wait(10)
            self.line.leave()

    def finish(self) -> None:
        self.done.set()
        self.thread.join(10)

    def go_away(self) -> None:
        self.gone.set()
        self.line.look()
        self.thread.join(10)


def test_so_many_get_in_at_once_and_the_others_know_how_many_are_ahead() -> None:
    order: list[str] = []
    line = Line(2)
    askers = [Asker(line, f"user{n}", order) for n in range(5)]
    assert order == ["user0", "user1"]
    assert [asker.ahead for asker in askers] == [[], [], [0], [1], [2]]
    askers[1].finish()
    until(lambda: len(order) == 3)
    until(lambda: askers[4].ahead == [2, 1])
    for n in (0, 2, 3, 4):
        until(lambda n=n: f"user{n}" in order)
        askers[n].finish()
    assert order == [f"user{n}" for n in range(5)]


def test_many_windows_of_one_user_do_not_hold_up_another_user() -> None:
    order: list[str] = []
    line = Line(1)
    greedy = [Asker(line, "greedy", order, f"greedy{n}") for n in range(4)]
    modest = Asker(line, "modest", order)
    assert modest.ahead == [0]
    greedy[0].finish()
    until(lambda: "modest" in order)
    modest.finish()
    for asker in greedy[1:]:
        until(lambda asker=asker: asker.name in order)
        asker.finish()
    assert order == ["greedy0", "modest", "greedy1", "greedy2", "greedy3"]


def test_who_leaves_while_waiting_holds_nobody_up() -> None:
    order: list[str] = []
    line = Line(1)
    first, second, third = (Asker(line, name, order) for name in ("a", "b", "c"))
    second.go_away()
    assert second.entered is False
    first.finish()
    until(lambda: "c" in order)
    third.finish()
    assert order == ["a", "c"]
    assert line._waiting == []


def test_the_model_waits_for_evidence_of_others_but_not_for_ever() -> None:
    order: list[str] = []
    line = Line(2)
    with line.looking():
        first = Asker(line, "a", order)
        assert order == []
    until(lambda: order == ["a"])
    began = time.monotonic()
    with line.looking():
        second = Asker(line, "b", order)
        until(lambda: order == ["a", "b"])
    assert time.monotonic() - began >= 0.9 * PATIENCE
    first.finish()
    second.finish()


def streaming(started: list[str], name: str, gate: threading.Event) -> Callable[[], Iterator[Event]]:
    def stream() -> Iterator[Event]:
        yield Evidence((passage("正文"),), 0.9, True)
        started.append(name)
        gate.wait(10)
        yield Token("完")

    return stream


async def one_before(line: Line, started: list[str], gate: threading.Event) -> tuple[Run, Run]:
    """Somebody at the model of a line with one place, and the next, who has just begun."""
    first = Run(streaming(started, "first", gate), line, "a")
    while started != ["first"]:
        await asyncio.sleep(0.01)
    return first, Run(streaming(started, "second", gate), line, "b")


def test_evidence_comes_before_ones_turn_and_the_model_after_it() -> None:
    async def ask() -> None:
        line, started, gate = Line(1), [], threading.Event()
        first, second = await one_before(line, started, gate)
        view, seen = View(1), []
        async for batch in second.batches():
            view.take(batch)
            seen += batch
            if any(isinstance(event, Waiting) for event in batch):
                assert "正文" in str(view.frame()["evidence"])
                assert "下一个就是你" in str(view.frame()["model"])
                break
        assert started == ["first"]
        gate.set()
        async for batch in second.batches():
            view.take(batch)
            seen += batch
        assert started == ["first", "second"]
        assert "下一个" not in str(view.frame()["model"])
        assert [type(event).__name__ for event in seen] == ["Evidence", "Waiting", "Waiting", "Token"]
        first.stop()

    asyncio.run(ask())


def test_stopping_while_waiting_ends_the_run_and_frees_its_place_in_the_line() -> None:
    async def ask() -> None:
        line, started, gate = Line(1), [], threading.Event()
        first, second = await one_before(line, started, gate)
        while not line._waiting:
            await asyncio.sleep(0.01)
        second.stop()
        while line._waiting:
            await asyncio.sleep(0.01)
        gate.set()
        first.stop()
        while not line._free:
            await asyncio.sleep(0.01)
        assert started == ["first"]

    asyncio.run(ask())
