"""Accounts and sessions: who may come in, for how long, and what is kept of it."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tutor.errors import InputError, StorageError
from tutor.settings import Settings
from tutor.web import accounts as module
from tutor.web.accounts import (
    FREE_TRIES,
    IDLE,
    WHOLE,
    Refused,
    Sessions,
    accounts,
    add_account,
    remove_account,
)

PASSWORD = "correct horse battery"
SECOND = timedelta(seconds=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.COST, "n", 16)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(settings: Settings, clock: Clock) -> Sessions:
    add_account(settings, "li", PASSWORD)
    return Sessions(settings.data_dir, clock)


def fails(sessions: Sessions, name: str = "li", password: str = "wrong", address: str = "a") -> int:
    with pytest.raises(Refused) as refused:
        sessions.login(name, password, address)
    return refused.value.wait


def test_an_account_is_kept_hashed_for_its_owner_only(settings: Settings) -> None:
    assert accounts(settings) == []
    add_account(settings, "wang", PASSWORD)
    add_account(settings, "李", PASSWORD)
    assert accounts(settings) == ["wang", "李"]
    path = settings.data_dir / "accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text("utf-8")
    assert PASSWORD not in text
    kept = json.loads(text)["accounts"]
    assert kept["wang"]["hash"] != kept["李"]["hash"]
    assert [p.name for p in settings.data_dir.iterdir()] == ["accounts.json"]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "-x", "x" * 33, "a\n", "<b>", "\u202eli"])
def test_a_name_has_letters_and_digits(settings: Settings, name: str) -> None:
    with pytest.raises(InputError, match="name of an account"):
        add_account(settings, name, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "x" * 300, "aaaaaaaaaaaa", "Correct.Horse"])
def test_a_weak_password_is_refused(settings: Settings, password: str) -> None:
    with pytest.raises(InputError, match="password"):
        add_account(settings, "correct.horse", password)


def test_names_that_read_alike_are_one(settings: Settings) -> None:
    add_account(settings, "Li", PASSWORD)
    for name in ("Li", "li", "Ｌｉ"):
        with pytest.raises(InputError, match="already"):
            add_account(settings, name, PASSWORD)


def test_a_damaged_file_locks_the_door(settings: Settings, sessions: Sessions) -> None:
    token = sessions.login("li", PASSWORD, "a")
    (settings.data_dir / "accounts.json").write_text('{"accounts": {"li": {}}}')
    with pytest.raises(StorageError, match="damaged"):
        accounts(settings)
    for question in (lambda: sessions.needed, lambda: sessions.user(token)):
        with pytest.raises(StorageError):
            question()


def test_a_session_knows_its_user(sessions: Sessions, settings: Settings) -> None:
    token = sessions.login(" li ", PASSWORD, "a")
    assert len(token) >= 43
    assert sessions.user(token) == "li"
    assert sessions.user(token + "x") is sessions.user("") is sessions.user(None) is None
    path = settings.data_dir / "sessions.json"
    assert token not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sessions.logout(token)
    assert sessions.user(token) is None


def test_sessions_outlive_a_restart(sessions: Sessions, settings: Settings, clock: Clock) -> None:
    token = sessions.login("li", PASSWORD, "a")
    assert Sessions(settings.data_dir, clock).user(token) == "li"
    (settings.data_dir / "sessions.json").write_text("[")
    assert Sessions(settings.data_dir, clock).user(token) is None


def test_a_session_ends_when_it_is_not_used(sessions: Sessions, settings: Settings, clock: Clock) -> None:
    token = sessions.login("li", PASSWORD, "a")
    clock.wait(IDLE - SECOND)
    assert sessions.user(token) == "li"
    clock.wait(IDLE - SECOND)
    assert Sessions(settings.data_dir, clock).user(token) == "li"
    clock.wait(IDLE)
    assert sessions.user(token) is None


def test_a_session_ends_after_a_week(sessions: Sessions, clock: Clock) -> None:
    token = sessions.login("li", PASSWORD, "a")
    for _ in range(int(WHOLE / timedelta(hours=6)) - 1):
        clock.wait(timedelta(hours=6))
        assert sessions.user(token) == "li"
    clock.wait(timedelta(hours=6))
    assert sessions.user(token) is None


def test_a_removed_account_and_a_changed_password_end_sessions(
    sessions: Sessions, settings: Settings
) -> None:
    token = sessions.login("li", PASSWORD, "a")
    add_account(settings, "li", PASSWORD + "!", change=True)
    assert sessions.user(token) is None
    fails(sessions, password=PASSWORD)
    token = sessions.login("li", PASSWORD + "!", "a")
    remove_account(settings, "li")
    assert sessions.user(token) is None
    assert not sessions.needed
    add_account(settings, "li", PASSWORD)
    assert sessions.user(token) is None
    assert sessions.needed


@pytest.mark.parametrize("name", ["wang", "LI", "", "li\x00", "\ud800"])
def test_no_other_name_comes_in(sessions: Sessions, name: str) -> None:
    fails(sessions, name, PASSWORD)


def test_failures_make_a_name_wait_longer_and_longer(sessions: Sessions, clock: Clock) -> None:
    waits = [fails(sessions, address=f"a{n}") for n in range(FREE_TRIES["name"])]
    assert waits == [0] * (len(waits) - 1) + [4]
    assert fails(sessions, password=PASSWORD) == 4
    sessions_of_others = fails(sessions, "wang")
    assert sessions_of_others == 0
    clock.wait(4 * SECOND)
    assert fails(sessions) == 8
    clock.wait(8 * SECOND)
    assert sessions.user(sessions.login("li", PASSWORD, "a")) == "li"
    assert fails(sessions) == 0


def test_failures_make_an_address_wait(sessions: Sessions) -> None:
    for n in range(FREE_TRIES["address"]):
        wait = fails(sessions, f"guess{n}")
    assert wait > 0
    assert fails(sessions, "li", PASSWORD) > 0
    assert sessions.user(sessions.login("li", PASSWORD, "elsewhere")) == "li"


def test_nobody_waits_longer_than_a_quarter_of_an_hour(sessions: Sessions, clock: Clock) -> None:
    for n in range(40):
        wait = fails(sessions, address=f"a{n}")
        clock.wait(wait * SECOND)
    assert wait == 900


def test_there_is_nothing_to_remove(settings: Settings) -> None:
    with pytest.raises(InputError, match="no account"):
        remove_account(settings, "li")


def test_an_account_that_is_not_there_gets_no_password(settings: Settings) -> None:
    with pytest.raises(InputError, match="no account"):
        add_account(settings, "li", PASSWORD, change=True)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path, chat="none")
    with pytest.raises(StorageError, match="can't be"):
        add_account(settings, "li", PASSWORD)
