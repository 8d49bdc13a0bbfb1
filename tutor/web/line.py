"""Whose turn it is at the chat model, when more people ask than it can answer at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from time import monotonic

PATIENCE = 1.0
"""Seconds that the model leaves to the search for evidence, if need be."""


class Line:
    """Lets `places` questions at a time to the model; the others wait, one after another.

    The next is the one whose user was let in the longest ago, so that a user
    with many windows waits behind those with one; among equals the first to
    come. And while evidence is still looked for, nobody is let in for up to
    `PATIENCE` seconds: it is quick as long as the model leaves it the cores.
    Safe to share between threads.
    """

    def __init__(self, places: int) -> None:
        self._changed = threading.Condition()
        self._free = places
        self._looking = 0
        self._waiting: list[tuple[str, int]] = []
        self._numbers = count(1)
        self._let_in: dict[str, int] = {}

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Around the search for a question's evidence."""
        with self._changed:
            self._looking += 1
        try:
            yield
        finally:
            with self._changed:
                self._looking -= 1
                self._changed.notify_all()

    def enter(self, user: str, *, left: Callable[[], bool], told: Callable[[int], None]) -> bool:
        """Waits for a place; False if `left` says meanwhile that nobody waits any more.

        `told` learns how many are ahead, whenever that changes. A True has to
        be given back by `leave`; whoever makes `left` true calls `look`.
        """
        with self._changed:
            mine = (user, next(self._numbers))
            self._waiting.append(mine)
            last, patience = -1, PATIENCE
            try:
                while not left():
                    ahead = sorted(self._waiting, key=self._order).index(mine)
                    ready = self._free and not ahead
                    if ready and (not self._looking or patience <= 0):
                        self._free -= 1
                        self._let_in[user] = next(self._numbers)
                        return True
                    if not self._free and ahead != last:
                        told(ahead)
                        last = ahead
                    began = monotonic()
                    self._changed.wait(patience if ready else None)
                    if ready:
                        patience -= monotonic() - began
                return False
            finally:
                self._waiting.remove(mine)
                self._changed.notify_all()

    def _order(self, waiting: tuple[str, int]) -> tuple[int, int]:
        user, number = waiting
        return self._let_in.get(user, 0), number

    def leave(self) -> None:
        """Gives the place to the next."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def look(self) -> None:
        """Lets those who wait see that somebody has left."""
        with self._changed:
            self._changed.notify_all()
