"""Accounts and sessions of the web UI: who a request is from.

Passwords are kept as scrypt hashes in accounts.json, sessions by the SHA-256
of their token in sessions.json, both in the data folder and readable by its
owner only. Without accounts there is one user, "me", and no login.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tutor.errors import InputError, StorageError
from tutor.settings import Settings

ALONE = "me"
"""The user where there are no accounts."""
ACCOUNTS, SESSIONS = "accounts.json", "sessions.json"
SHORTEST, LONGEST = 10, 256
"""Characters of a password."""
IDLE, WHOLE = timedelta(hours=12), timedelta(days=7)
"""How long a session lasts unused, and at all."""
COST = {"n": 2**15, "r": 8, "p": 3}
"""scrypt's, as OWASP recommends for 32 MiB."""
FREE_TRIES = {"name": 5, "address": 20}
"""Failures before a name or an address has to wait, twice as long after each."""
LONGEST_WAIT = timedelta(minutes=15)

_TOUCH = timedelta(minutes=5)
_MANY = 10_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Account(_Strict):
    salt: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    n: Annotated[int, Field(ge=2, le=2**20)]
    r: Annotated[int, Field(ge=1, le=32)]
    p: Annotated[int, Field(ge=1, le=16)]
    since: datetime


class _Accounts(_Strict):
    accounts: dict[str, _Account]


class _Session(_Strict):
    user: str
    stamp: str
    begun: datetime
    seen: datetime


class _Sessions(_Strict):
    sessions: dict[str, _Session]


def accounts(settings: Settings) -> list[str]:
    """The names that can log in, sorted. Raises `StorageError` for a damaged file."""
    return sorted(_read(settings.data_dir))


def add_account(
    settings: Settings, name: str, password: str, *, change: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> str:
    """Adds an account, or gives it another password with `change`; returns its name as kept.

    A changed password ends the account's sessions. An account called "me" sees
    what was learnt before there were accounts. Raises `InputError` for a name
    or password that can't be used, and `StorageError`.
    """
    name = _checked_name(name)
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"the password has {len(password)} characters", fix=f"use {SHORTEST} to {LONGEST}"
        )
    if password.casefold() == name.casefold() or len(set(password)) < 3:
        raise InputError("the password is too easy to guess")
    known = _read(settings.data_dir)
    taken = {other.casefold(): other for other in known}.get(name.casefold())
    if change and name not in known:
        raise InputError(f"there is no account {name!r}", fix=f"tutor user add {name}")
    if taken is not None and not change:
        raise InputError(f"there is an account {taken!r} already")
    salt = secrets.token_bytes(16)
    account = _Account(salt=salt.hex(), hash=_hash(password, salt, **COST).hex(), since=clock(), **COST)
    _write(settings.data_dir / ACCOUNTS, _Accounts(accounts={**known, name: account}))
    return name


def remove_account(settings: Settings, name: str) -> None:
    """Removes an account and ends its sessions; what was learnt stays. Raises `InputError`."""
    known = _read(settings.data_dir)
    name = unicodedata.normalize("NFKC", name)
    if name not in known:
        raise InputError(f"there is no account {name!r}", fix="see `tutor user list`")
    del known[name]
    _write(settings.data_dir / ACCOUNTS, _Accounts(accounts=known))


class Refused(Exception):
    """A login that failed. `wait` is how many seconds must pass before the next try."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


@dataclass(frozen=True)
class _Tries:
    failed: int
    until: datetime


class Sessions:
    """Logging in and out, and the user of a session. Safe to share between threads.

    Accounts that are added, changed or removed meanwhile count at once.
    """

    def __init__(
        self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._hashing = threading.Lock()  # scrypt takes 32 MiB: one at a time
        self._tries: dict[tuple[str, str], _Tries] = {}
        self._known: Mapping[str, _Account] = {}
        self._version: object = None
        self._sessions = self._load()

    @property
    def needed(self) -> bool:
        """Whether there are accounts, so that one has to log in."""
        with self._lock:
            return bool(self._accounts())

    def login(self, name: str, password: str, address: str) -> str:
        """A new session's token. Raises `Refused`, without saying what was wrong.

        Takes as long for a name that there isn't. `address` is where the
        request comes from: names and addresses are slowed down apart.
        """
        name = unicodedata.normalize("NFKC", name.strip())[:64]
        now = self._clock()
        keys = (("name", name.casefold()), ("address", address))
        with self._lock:
            if wait := max(self._wait(key, now) for key in keys):
                raise Refused(wait)
            account = self._accounts().get(name)
            # Counted before the password is known, so that tries at the same time count too.
            for key in keys:
                self._fail(key, now)
        with self._hashing:
            right = _matches(password[: LONGEST + 1], account)
        with self._lock:
            if account is None or not right:
                raise Refused(max(self._wait(key, now) for key in keys))
            for key in keys:
                self._tries.pop(key, None)
            token = secrets.token_urlsafe(32)
            self._sessions[_digest(token)] = _Session(
                user=name, stamp=_stamp(account), begun=now, seen=now
            )
            self._save(now)
        return token

    def user(self, token: str | None) -> str | None:
        """Whose session that is; None if it isn't one any more."""
        if not token:
            return None
        now, key = self._clock(), _digest(token)
        with self._lock:
            session = self._sessions.get(key)
            if session is None or not self._lives(session, now):
                return None
            if now - session.seen >= _TOUCH:
                self._sessions[key] = session.model_copy(update={"seen": now})
                # That somebody was here isn't worth an error to him.
                with contextlib.suppress(StorageError):
                    self._save(now)
            return session.user

    def logout(self, token: str | None) -> None:
        """Ends the session."""
        with self._lock:
            if token and self._sessions.pop(_digest(token), None) is not None:
                self._save(self._clock())

    def _lives(self, session: _Session, now: datetime) -> bool:
        account = self._accounts().get(session.user)
        return (
            account is not None
            and hmac.compare_digest(session.stamp, _stamp(account))
            and now - session.seen < IDLE
            and now - session.begun < WHOLE
        )

    def _accounts(self) -> Mapping[str, _Account]:
        path = self._folder / ACCOUNTS
        try:
            found = path.stat()
            version: object = (found.st_mtime_ns, found.st_size, found.st_ino)
        except FileNotFoundError:
            version = None
        if version != self._version:
            self._known, self._version = _read(self._folder), version
        return self._known

    def _load(self) -> dict[str, _Session]:
        try:
            text = (self._folder / SESSIONS).read_text("utf-8")
            return dict(_Sessions.model_validate_json(text).sessions)
        except (OSError, ValidationError, UnicodeDecodeError):
            return {}  # everybody logs in again

    def _save(self, now: datetime) -> None:
        self._sessions = {k: s for k, s in self._sessions.items() if self._lives(s, now)}
        _write(self._folder / SESSIONS, _Sessions(sessions=self._sessions))

    def _wait(self, key: tuple[str, str], now: datetime) -> int:
        tries = self._tries.get(key)
        left = (tries.until - now).total_seconds() if tries and tries.failed >= FREE_TRIES[key[0]] else 0
        return max(0, -int(-left // 1))

    def _fail(self, key: tuple[str, str], now: datetime) -> None:
        before = self._tries.get(key)
        if before is None or now - before.until > LONGEST_WAIT:
            before = _Tries(0, now)
        failed, free = before.failed + 1, FREE_TRIES[key[0]]
        wait = min(timedelta(seconds=2 ** min(failed - free + 2, 20)), LONGEST_WAIT)
        if len(self._tries) >= _MANY:
            self._tries.pop(next(iter(self._tries)))
        self._tries[key] = _Tries(failed, now + (wait if failed >= free else timedelta()))


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFKC", name)
    good = 1 <= len(name) <= 32 and all(char.isalnum() or char in "-_." for char in name)
    if not good or not name[0].isalnum():
        raise InputError(
            f"{name[:40]!r} can't be the name of an account",
            fix="use 1 to 32 letters, digits, '-', '_' and '.'",
        )
    return name


def _hash(password: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)


def _matches(password: str, account: _Account | None) -> bool:
    cost = COST if account is None else {"n": account.n, "r": account.r, "p": account.p}
    salt = bytes(16) if account is None else bytes.fromhex(account.salt)
    wanted = bytes(32) if account is None else bytes.fromhex(account.hash)
    return hmac.compare_digest(_hash(password, salt, **cost), wanted) and account is not None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(account: _Account) -> str:
    return hashlib.sha256((account.salt + account.hash).encode()).hexdigest()[:16]


def _read(folder: Path) -> dict[str, _Account]:
    path = folder / ACCOUNTS
    try:
        return dict(_Accounts.model_validate_json(path.read_bytes()).accounts)
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise StorageError(
            f"{str(path)!r} is damaged: {error.errors()[0]['msg']}",
            fix="restore it, or delete it and add the accounts again",
        ) from None
    except OSError as error:
        raise StorageError(f"{str(path)!r} can't be read: {error.strerror}") from None


def _write(path: Path, content: _Strict) -> None:
    """All or nothing, and for its owner's eyes only."""
    text = json.dumps(content.model_dump(mode="json"), ensure_ascii=False, indent=1)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made by mkstemp with mode 0600: at no moment can others read it.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise StorageError(f"{str(path)!r} can't be written: {error.strerror}") from None
