"""Names of users and of what is theirs: one rule wherever such a name is kept."""

from __future__ import annotations

from tutor.errors import InputError


def checked_name(name: str, what: str) -> str:
    """The name if it can be that of a `what`, such as "user". Raises `InputError`."""
    good = (
        isinstance(name, str)
        and 1 <= len(name) <= 64
        and name.isprintable()
        and name == name.strip()
    )
    if not good or "/" in name or "\\" in name:
        raise InputError(
            f"{str(name)[:80]!r} can't be the name of a {what}",
            fix="use 1 to 64 printable characters without slashes or spaces around them",
        )
    return name
