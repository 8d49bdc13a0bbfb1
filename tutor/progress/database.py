"""The database behind the store: opened, migrated, and its failures put in one line."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, make_url

from tutor.errors import InputError, SettingsError, StorageError

REVISION = "0001"
"""The revision of the tables that this program reads and writes."""
BUSY = 10.0
"""Seconds to wait for another writer."""

_LOCK = 0x6B756265
"""Key of the PostgreSQL lock that migrations take: "kube" in ASCII."""
_UPDATE = "update kube-tutor"
_FOLDER = "set KUBE_TUTOR_DATA_DIR to a folder that you can write"
_SPACE = "free some disk space and try again; what was saved before is kept"


class _Utc(sa.TypeDecorator):
    """Aware datetimes in and out, UTC inside: SQLite keeps no time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


events = sa.Table(
    "events",
    sa.MetaData(),
    sa.Column("user", sa.String(64), primary_key=True),
    sa.Column("interview", sa.String(64), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", _Utc, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("events_by_kind", "kind", "user"),
)


def to_json(data: Any) -> str:
    """Compact JSON. Raises `InputError` for what JSON can't hold, such as NaN."""
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(f"an event's data must be JSON: {error}") from error
    # Half a surrogate pair, pasted by a learner, can only be stored escaped.
    return text if _encodes(text) else json.dumps(data, separators=(",", ":"))


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def url_of(place: str | Path) -> URL:
    """A path or a database URL, as a URL. Raises `SettingsError` for what can't be used."""
    text = str(place)
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
    except (exc.ArgumentError, ValueError):  # ValueError: a port that is no number
        raise SettingsError("the database URL can't be read", fix=_examples()) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(f"there is no store for {url.drivername!r} databases", fix=_examples())
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise SettingsError("the log of interviews needs a file, not memory", fix=_examples())
    return url


def _examples() -> str:
    return "use a path, or postgresql+psycopg://user@host/database"


def open_engine(url: URL) -> sa.Engine:
    """An engine whose tables are at `REVISION`; created or upgraded as needed."""
    with reported(url):
        engine = _engine(url)
        try:
            _migrate(engine, url)
        except BaseException:
            engine.dispose()
            raise
        return engine


def _engine(url: URL) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        try:
            return sa.create_engine(url, json_serializer=to_json, pool_pre_ping=True)
        except ImportError as error:
            raise SettingsError(
                "PostgreSQL needs the package psycopg", fix="pip install 'psycopg[binary]'"
            ) from error
    Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, json_serializer=to_json, connect_args={"timeout": BUSY})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        # SQLAlchemy's own BEGIN comes too late for a lock, and skips DDL.
        connection.isolation_level = None
        _use_wal(connection)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A reader that turns writer may find its snapshot outdated and fail: writers lock first.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    # SQLite doesn't wait for this lock by itself when two processes open a new file at once.
    deadline = time.monotonic() + BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _migrate(engine: sa.Engine, url: URL) -> None:
    with engine.connect() as connection:
        if _revision(connection) == REVISION:
            return
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        _upgrade(connection, url)


def _upgrade(connection: sa.Connection, url: URL) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    found = _revision(connection)
    try:
        ScriptDirectory.from_config(config).get_revision(found or "base")
    except CommandError:
        raise StorageError(
            f"the log of interviews in {_shown(url)!r} was written by a newer version "
            f"(revision {found!r}, this is {REVISION!r})",
            fix=_UPDATE,
        ) from None
    command.upgrade(config, REVISION)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


@contextlib.contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that holds the writers' lock from its start (SQLite)."""
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextlib.contextmanager
def reported(url: URL) -> Iterator[None]:
    """Failures of the database become a `StorageError` of one line, with what mends them."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except (exc.DBAPIError, sqlite3.Error) as error:
        what, fix = _explain(getattr(error, "orig", None) or error, url)
    except exc.SQLAlchemyError as error:
        what, fix = _first_line(error), None
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        what, fix = error.strerror or str(error), _FOLDER
    else:
        return
    raise StorageError(f"the log of interviews in {_shown(url)!r} {what}", fix=fix)


def _explain(error: BaseException, url: URL) -> tuple[str, str | None]:
    name = getattr(error, "sqlite_errorname", "") or ""
    state = getattr(error, "sqlstate", None)
    if name == "SQLITE_FULL" or state == "53100":
        return "can't be written: the disk is full", _SPACE
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "is damaged", (
            "put a backup in its place, or move it away to start anew; "
            "`sqlite3 FILE .recover` saves what can still be read"
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return f"can't be written: {_first_line(error)}", _FOLDER
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is busy: another program holds it", "close that program and try again"
    if url.get_backend_name() == "postgresql" and state is None:
        return f"can't be reached: {_first_line(error)}", "check that PostgreSQL runs, and the URL"
    return f"can't be used: {_first_line(error)}", None


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _shown(url: URL) -> str:
    """The file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return url.render_as_string(hide_password=True)
