"""Users' own notes: the files that they send are kept, and found by nobody else."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tutor.errors import InputError, StorageError
from tutor.index import SyncReport
from tutor.index.store import Progress
from tutor.names import checked_name

SUFFIXES = (".md", ".markdown", ".txt")
MAX_FILE = 2 * 2**20
"""Bytes of one file."""
MAX_ALL = 20 * 2**20
"""Bytes of all files of one user."""
MAX_FILES = 100

_CONTROL = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))
_UNSAFE = re.compile(r"[^\w.() +-]")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class NoteFile:
    """A file of a user's own notes: its name, and how many items were found in it."""

    name: str
    items: int


def safe_name(name: str) -> str:
    """The last part of a file's name, with nothing in it that a file system or a page minds.

    Raises `InputError` for a file that isn't Markdown or text.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem, dot, suffix = _UNSAFE.sub("_", last).strip(" .").rpartition(".")
    suffix = suffix.lower()
    if not dot or not stem.strip(" ._") or f".{suffix}" not in SUFFIXES:
        raise InputError(
            f"{name[:80]!r} is no file of notes", fix="use a name in .md, .markdown or .txt"
        )
    return f"{stem.strip(' .')[:60].strip(' .')}.{suffix}"


class Notebook:
    """The notes of one user: the files in a folder of theirs, and what the index has of them.

    `ingest` and `forget` are those of `Tutor`. Names are made safe; no path is
    ever taken from a name. Methods raise what these raise, and `StorageError`.
    """

    def __init__(
        self, folder: Path, user: str, ingest: Callable[..., SyncReport],
        forget: Callable[[str, str], SyncReport],
    ) -> None:
        self.folder = folder / _folder_name(checked_name(user, "user"))
        self._user, self._ingest, self._forget = user, ingest, forget

    def add(self, source: Path, name: str, progress: Progress | None = None) -> SyncReport:
        """Keeps a copy of the file, in the place of one with the same name, and ingests it.

        A file in which nothing is found isn't kept. Raises `InputError` for one
        that is no text, is too large or is one too many.
        """
        path = self._keep(source, safe_name(name))
        report = self._ingest(path, self._user, progress=progress)
        if not (report.added or report.updated or report.skipped):
            self._drop(path)
        return report

    def remove(self, name: str) -> None:
        """Removes the file of that name, and what was found in it. Raises `InputError`."""
        self._forget(name, self._user)
        with contextlib.suppress(InputError):
            self._drop(self.folder / safe_name(name))

    def _keep(self, source: Path, name: str) -> Path:
        try:
            size = source.stat().st_size
            others = {p.name: p.stat().st_size for p in self._files() if p.name != name}
            if size > MAX_FILE:
                raise InputError(
                    f"{name!r} has {size / 2**20:.1f} MB; {MAX_FILE // 2**20} are allowed",
                    fix="split the file",
                )
            if len(others) >= MAX_FILES or sum(others.values()) + size > MAX_ALL:
                raise InputError(
                    f"there is no room for {name!r}: {MAX_FILES} files and "
                    f"{MAX_ALL // 2**20} MB of notes are allowed",
                    fix="remove some first",
                )
            content = source.read_bytes()
            if not content.strip():
                raise InputError(f"{name!r} is empty")
            if _is_binary(content):
                raise InputError(f"{name!r} holds no text", fix="send Markdown or plain text")
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self.folder / f".{name}.new"
            shutil.copyfile(source, new)
            os.replace(new, self.folder / name)
        except OSError as error:
            raise StorageError(
                f"{name!r} can't be kept: {error.strerror}", fix="free some disk space, then send it again"
            ) from None
        return self.folder / name

    def _drop(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()

    def clear(self) -> None:
        """Deletes all files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if not path.name.startswith(".")]


def _is_binary(content: bytes) -> bool:
    """Whether so much of it is control characters that no encoding makes text of it."""
    head = content[:8192]
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"))  # UTF-16 and -32 are full of NUL
    return not marked and len(head) - len(head.translate(None, _CONTROL)) > len(head) / 20


def _folder_name(user: str) -> str:
    """Of its own for each user, on file systems without case too, and never a way out."""
    if _PLAIN.fullmatch(user):
        return user
    readable = "".join(c for c in user if c.isascii() and c.isalnum())[:20].lower()
    return f"{readable}~{hashlib.sha256(user.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
