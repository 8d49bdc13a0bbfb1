"""The log on disk: what happened is appended, never changed, and only ever deleted whole."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from tutor.errors import InputError, StorageError
from tutor.names import checked_name
from tutor.progress.database import (
    events,
    open_engine,
    reported,
    to_json,
    url_of,
    writing,
)
from tutor.progress.log import reviews_of
from tutor.progress.types import Event, InterviewSummary, Review

FORMAT = 1
"""Version of what `export` returns."""

_TRIES = 50


class Store:
    """The events of all users, in SQLite or PostgreSQL.

    `url` is a path, or a URL such as `sqlite:////data/progress.sqlite3` or
    `postgresql+psycopg://user@host/database`; tables are made or upgraded on
    opening. One object serves any number of threads, and any number of
    processes may have the same place open. An event is on disk when `append`
    returns. Raises `SettingsError` for a URL that can't be used, and
    `StorageError`, from any method, when the database is damaged, can't be
    written or reached, is full, or belongs to a newer version.
    """

    def __init__(self, url: str | Path) -> None:
        self._url = url_of(url)
        self._engine = open_engine(self._url)

    def append(
        self,
        user: str,
        interview: str,
        kind: str,
        data: Mapping[str, Any],
        at: datetime,
        *,
        seq: int | None = None,
    ) -> Event:
        """Adds one event to the end of the user's interview, or nothing at all.

        With `seq`, only if that is the next number: so that of two windows
        that continue the same interview, one is told. Raises `InputError`
        then, and for a name, time or data that can't be kept.
        """
        user, interview = checked_name(user, "user"), checked_name(interview, "interview")
        if not kind or len(kind) > 32 or not kind.isprintable():
            raise InputError(f"{kind!r} is no kind of event")
        if at.tzinfo is None:
            raise InputError(f"the time of an event needs a time zone, not {at.isoformat()!r}")
        row = {"user": user, "interview": interview, "kind": kind, "at": at.astimezone(UTC)}
        row["data"] = json.loads(to_json(dict(data)))
        last = sa.select(sa.func.max(events.c.seq)).where(
            events.c.user == user, events.c.interview == interview
        )
        for _ in range(_TRIES):
            try:
                with reported(self._url), writing(self._engine) as connection:
                    found = connection.execute(last).scalar()
                    following = 0 if found is None else found + 1
                    if seq not in (None, following):
                        raise InputError(
                            f"interview {interview!r} went on elsewhere: "
                            f"its next event is {following}, not {seq}",
                            fix="open the interview again",
                        )
                    connection.execute(events.insert().values(seq=following, **row))
            except exc.IntegrityError:  # another writer took the number first
                continue
            return Event(seq=following, **row)
        raise StorageError(f"interview {interview!r} is written to by too many at once")

    def events(self, user: str, interview: str | None = None) -> list[Event]:
        """The user's events: interviews in the order of their start, each in its own order."""
        where = [events.c.user == checked_name(user, "user")]
        if interview is not None:
            where.append(events.c.interview == checked_name(interview, "interview"))
        return _by_start(self._select(*where))

    def reviews(self, user: str) -> list[Review]:
        """The user's graded replies; see `reviews_of`."""
        where = events.c.user == checked_name(user, "user"), events.c.kind == "graded"
        return reviews_of(_by_start(self._select(*where)))

    def appeals(self, user: str | None = None) -> list[Event]:
        """The "appealed" events of one user, or of all, the earliest first."""
        where = [events.c.kind == "appealed"]
        if user is not None:
            where.append(events.c.user == checked_name(user, "user"))
        return sorted(self._select(*where), key=lambda e: (e.at, e.user, e.interview, e.seq))

    def interviews(self, user: str) -> list[InterviewSummary]:
        """The user's interviews, the latest first: what has a "started" event."""
        started = sa.func.max(sa.case((events.c.kind == "started", 1), else_=0))
        finished = sa.func.max(sa.case((events.c.kind == "finished", 1), else_=0))
        query = (
            sa.select(
                events.c.interview,
                sa.func.min(events.c.at).label("started"),
                sa.func.max(events.c.at).label("last"),
                sa.func.count().label("events"),
                finished.label("finished"),
            )
            .where(events.c.user == checked_name(user, "user"))
            .group_by(events.c.interview)
            .having(started == 1)
        )
        with reported(self._url), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = [InterviewSummary(*row[:4], finished=bool(row[4])) for row in rows]
        return sorted(found, key=lambda i: (i.last, i.id), reverse=True)

    def users(self) -> list[str]:
        """The names that have events, sorted."""
        with reported(self._url), self._engine.connect() as connection:
            return sorted(connection.execute(sa.select(events.c.user).distinct()).scalars())

    def export(self, user: str) -> dict[str, Any]:
        """All that is kept of the user, ready for `json.dumps`; times are ISO 8601 in UTC."""
        return {
            "format": FORMAT,
            "user": user,
            "events": [
                {
                    "interview": event.interview,
                    "seq": event.seq,
                    "at": event.at.isoformat(),
                    "kind": event.kind,
                    "data": event.data,
                }
                for event in self.events(user)
            ],
        }

    def delete(self, user: str) -> int:
        """Deletes all that is kept of the user; returns how many events that were.

        Their bytes leave the SQLite files too. Raises `StorageError` if another
        program that reads them prevents that; deleting again then finishes it.
        """
        with reported(self._url):
            with writing(self._engine) as connection:
                where = events.c.user == checked_name(user, "user")
                count = connection.execute(events.delete().where(where)).rowcount
            if self._engine.dialect.name == "sqlite":
                self._forget()
        return count

    def _forget(self) -> None:
        # secure_delete misses what page splits left behind (seen with 3.40), so the file is
        # written anew; the write-ahead log holds what was inserted until it is cut off.
        with contextlib.closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("VACUUM")
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StorageError(
                f"another program is reading {self._url.database!r}; "
                "its log file still holds what was deleted",
                fix="close that program and delete again",
            )

    def close(self) -> None:
        """Closes all connections. The store opens them again if it is used."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _select(self, *where: sa.ColumnElement[bool]) -> list[Event]:
        query = sa.select(events).where(*where)
        with reported(self._url), self._engine.connect() as connection:
            return [Event(**row) for row in connection.execute(query).mappings()]


def _by_start(found: Sequence[Event]) -> list[Event]:
    # By the number and not by the time within an interview: a clock may be set back.
    start: dict[str, datetime] = {}
    for event in found:
        start[event.interview] = min(start.get(event.interview, event.at), event.at)
    return sorted(found, key=lambda e: (start[e.interview], e.interview, e.seq))
