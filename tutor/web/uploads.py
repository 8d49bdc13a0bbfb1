"""Files that users send, kept until the action that they belong to is done."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tutor.errors import InputError, StorageError
from tutor.web.pages import Upload

PENDING = 50
"""Files of one user that may wait for their action."""
KEPT = 3600.0
"""Seconds that they wait."""

_UNSAFE = re.compile(r"[^\w.() +-]")


class Uploads:
    """Files by token, each for the user who sent it. What an earlier run left is deleted.

    Received on the event loop, taken and dropped in threads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, tuple[str, Path, str, float]] = {}
        shutil.rmtree(folder, ignore_errors=True)

    async def receive(self, user: str, name: str, content: AsyncIterator[bytes], most: int) -> str:
        """Writes the file, and returns its token. Raises `InputError` and `StorageError`."""
        self._expire()
        if sum(owner == user for owner, *_ in list(self._waiting.values())) >= PENDING:
            raise InputError(f"{PENDING} files are waiting already")
        token = secrets.token_urlsafe(24)
        path = self._folder / token.replace("-", "_") / _safe(name)
        size = 0
        try:
            path.parent.mkdir(parents=True, mode=0o700)
            with path.open("wb") as file:
                async for part in content:
                    size += len(part)
                    if size > most:
                        raise InputError(f"{name[:80]!r} is larger than {most // 2**20} MB")
                    file.write(part)
        except OSError as error:
            self._remove(path)
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"the upload can't be written: {error.strerror}") from None
        except BaseException:
            self._remove(path)
            raise
        self._waiting[token] = (user, path, name[:200], time.monotonic())
        return token

    def take(self, user: str, token: str) -> Upload:
        """The user's file of that token. Raises `InputError`."""
        owner, path, name, _ = self._waiting.get(token, ("", Path(), "", 0.0))
        if not owner or owner != user:
            raise InputError("an uploaded file is no longer there", fix="choose it again")
        return Upload(name, path)

    def drop(self, user: str, token: str) -> None:
        """Deletes the file once its action is done."""
        if self._waiting.get(token, ("",))[0] == user:
            self._forget(token)

    def _expire(self) -> None:
        old = time.monotonic() - KEPT
        for token in [t for t, (_, _, _, at) in list(self._waiting.items()) if at < old]:
            self._forget(token)

    def _forget(self, token: str) -> None:
        waiting = self._waiting.pop(token, None)
        if waiting is not None:
            self._remove(waiting[1])

    def _remove(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            shutil.rmtree(path.parent)


def _safe(name: str) -> str:
    """The last part of the name, with nothing in it that a file system minds."""
    last = _UNSAFE.sub("_", re.split(r"[/\\]", name)[-1]).strip(" .")
    stem, dot, suffix = last.rpartition(".")
    return f"{stem[:60]}{dot}{suffix[:10]}" if stem else last[:60] or "file"
