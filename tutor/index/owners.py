"""Whose an item is: told by the root under which it stands in the index.

Everybody may see what was read from a folder of the machine, whose root is an
absolute path. A user's own notes stand under "user/<name>/<file name>", and
nobody else ever sees them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from tutor.corpus.items import Item
from tutor.errors import InputError
from tutor.names import checked_name

_PREFIX = "user/"
_OWN = "own-"
PRIVATE = f"{_PREFIX}%"
"""SQL pattern of the roots that are somebody's own."""


def is_own(item: Item) -> bool:
    """True for an item out of somebody's own notes."""
    return item.id.startswith(_OWN)


def roots_of(user: str) -> str:
    """What the roots of all files of the user begin with. Raises `InputError`."""
    return f"{_PREFIX}{checked_name(user, 'user')}/"


def root_of(user: str, name: str) -> str:
    """The root of the user's file of that name. Raises `InputError` for names that can't be."""
    if not name or "/" in name or not name.isprintable():
        raise InputError(f"{name[:80]!r} can't be the name of a file of notes")
    return roots_of(user) + name


def owner_of(root: str) -> str:
    """The user whose root that is, "" for everybody's."""
    return root.split("/", 2)[1] if root.startswith(_PREFIX) else ""


def owned(items: Iterable[Item], root: str) -> list[Item]:
    """The items as a user's own.

    Their ids are those of no other user's, whoever has the same file; and they
    are notes, whatever the file says: trusted like the corpus is only the corpus.
    """
    return [
        replace(item, id=_own_id(item, root), kind="note" if item.kind == "curated" else item.kind)
        for item in items
    ]


def _own_id(item: Item, root: str) -> str:
    digest = hashlib.sha256(f"{root}\0{item.id}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_OWN}{digest[:20]}"
