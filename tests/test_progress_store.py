"""The log on disk: nothing is lost, nothing is changed, and what is deleted is gone."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.conftest import ROOT
from tutor.errors import InputError, SettingsError, StorageError, TutorError
from tutor.progress import Store, database

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
POSTGRES = os.environ.get("TEST_POSTGRES_URL")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database; the PostgreSQL one is a schema of its own, dropped afterwards."""
    if request.param == "sqlite":
        yield str(tmp_path / "progress.sqlite3")
        return
    if not POSTGRES:
        pytest.skip("set TEST_POSTGRES_URL=postgresql+psycopg://user@host/database")
    engine, schema = sa.create_engine(POSTGRES), f"test_{uuid4().hex}"
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    engine.dispose()


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    with Store(place) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "progress.sqlite3"


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    prelude = "import sys\nfrom datetime import UTC, datetime\nfrom tutor.progress import Store\nNOW = datetime.now(UTC)\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def one_line(error: TutorError) -> str:
    text = str(error)
    assert "\n" not in text and "sqlalche.me" not in text
    return text


# what is kept --------------------------------------------------------------------------------


def test_events_come_back_as_they_were(store: Store) -> None:
    data = {"reply": "甲\n'); DROP TABLE events;-- \ud800 \x00 😀", "n": [1, 2.5, None, True], "x": {}}
    beijing = NOW.astimezone(timezone(timedelta(hours=8)))
    kept = store.append("李 四", "i1", "replied", data, beijing)
    assert (kept.seq, kept.at, kept.at.tzinfo, kept.data) == (0, NOW, UTC, data)
    assert store.events("李 四") == store.events("李 四", "i1") == [kept]
    assert store.events("李 四")[0].at.tzinfo is UTC


def test_they_outlive_the_process(place: str) -> None:
    with Store(place) as store:
        kept = [store.append("li", "i1", "asked", {"n": n}, NOW) for n in range(3)]
    with Store(place) as store:
        assert store.events("li") == kept
        assert store.append("li", "i1", "asked", {}, NOW).seq == 3


def test_interviews_are_in_the_order_of_their_start_and_events_in_their_own(store: Store) -> None:
    hour = timedelta(hours=1)
    store.append("li", "b", "started", {}, NOW)
    store.append("li", "a", "started", {}, NOW + hour)
    store.append("li", "b", "asked", {}, NOW + 2 * hour)
    store.append("li", "a", "asked", {}, NOW + hour / 2)  # the clock was set back
    store.append("li", "b", "finished", {}, NOW + 3 * hour)
    assert [(e.interview, e.seq) for e in store.events("li")] == [
        ("b", 0), ("b", 1), ("b", 2), ("a", 0), ("a", 1)
    ]  # fmt: skip
    first, second = store.interviews("li")
    assert (first.id, first.events, first.finished) == ("b", 3, True)
    assert (first.started, first.last) == (NOW, NOW + 3 * hour)
    assert (second.id, second.events, second.finished) == ("a", 2, False)
    assert store.interviews("nobody") == []


def test_users_are_apart(store: Store) -> None:
    store.append("li", "i1", "asked", {"of": "li"}, NOW)
    store.append("wang", "i1", "appealed", {"of": "wang"}, NOW)
    assert store.users() == ["li", "wang"]
    assert [e.data["of"] for e in store.events("li", "i1")] == ["li"]
    assert [e.user for e in store.appeals()] == ["wang"] and store.appeals("li") == []
    assert store.delete("li") == 1
    assert store.users() == ["wang"] and len(store.events("wang")) == 1


def test_reviews_are_read_from_the_log(store: Store) -> None:
    grade = {"score": 8, "points": [{"text": "p", "verdict": "hit", "weight": 2, "quote": "q"}]}
    for probe in (False, True):
        data = {"item_id": "x", "topic": "cni", "level": "mid", "probe": probe, "grade": grade}
        store.append("li", "i1", "graded", data, NOW)
    store.append("li", "i1", "graded", {"item_id": "broken"}, NOW)
    (found,) = store.reviews("li")
    assert (found.item_id, found.score, found.at, found.interview) == ("x", 8.0, NOW, "i1")


def test_an_export_is_complete_json(store: Store) -> None:
    kept = [store.append("li", "i1", "replied", {"reply": "甲"}, NOW) for _ in range(2)]
    found = json.loads(json.dumps(store.export("li")))
    assert found["user"] == "li" and [e["seq"] for e in found["events"]] == [0, 1]
    assert datetime.fromisoformat(found["events"][0]["at"]) == kept[0].at
    assert found["events"][0]["data"] == {"reply": "甲"}
    assert store.export("nobody")["events"] == []


# what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "a/b", "a\\b", "a\nb", "a\x00b", "\u202eab", " a", "a ", "\ud800"]
)
def test_names_that_cannot_be_kept(store: Store, name: str) -> None:
    for user, interview in ((name, "i1"), ("li", name)):
        with pytest.raises(InputError) as raised:
            store.append(user, interview, "asked", {}, NOW)
        one_line(raised.value)
    for method in (store.events, store.export, store.delete, store.interviews, store.reviews):
        with pytest.raises(InputError):
            method(name)


@pytest.mark.parametrize("data", [{"x": float("nan")}, {"x": object()}, {"x": {1, 2}}])
def test_data_that_is_not_json(store: Store, data: dict) -> None:
    with pytest.raises(InputError, match="must be JSON"):
        store.append("li", "i1", "asked", data, NOW)
    assert store.events("li") == []


def test_times_without_a_zone_and_kinds_without_a_name(store: Store) -> None:
    with pytest.raises(InputError, match="time zone"):
        store.append("li", "i1", "asked", {}, NOW.replace(tzinfo=None))
    for kind in ("", "x" * 33, "a\nb"):
        with pytest.raises(InputError, match="no kind"):
            store.append("li", "i1", kind, {}, NOW)


@pytest.mark.parametrize("seq", [0, 2, 7, -1])
def test_an_event_only_goes_to_the_end(store: Store, seq: int) -> None:
    assert store.append("li", "i1", "asked", {}, NOW, seq=0).seq == 0
    with pytest.raises(InputError, match="went on elsewhere: its next event is 1"):
        store.append("li", "i1", "asked", {}, NOW, seq=seq)
    assert len(store.events("li")) == 1


def test_an_event_is_never_changed(store: Store) -> None:
    kept = store.append("li", "i1", "asked", {"n": 1}, NOW)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store._engine.begin() as connection:
        connection.execute(sa.update(database.events).values(kind="forged"))
    assert store.events("li") == [kept]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", ":memory:", "mysql://h/d", "://x", "sqlite+nothing:///x", "postgresql://h:port/d"]
)
def test_places_that_are_no_store(url: str) -> None:
    with pytest.raises((SettingsError, StorageError)) as raised:
        Store(url)
    one_line(raised.value)


def test_a_server_that_does_not_answer_keeps_its_password_secret() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError, match="can't be reached") as raised:
        Store("postgresql://li:geheim@127.0.0.1:1/tutor?connect_timeout=2")
    assert "geheim" not in one_line(raised.value)


# more than one writer ------------------------------------------------------------------------


def test_threads_lose_nothing(store: Store) -> None:
    def write(n: int) -> list[int]:
        return [store.append("li", "i1", "asked", {"by": n}, NOW).seq for _ in range(10)]

    with ThreadPoolExecutor(6) as pool:
        numbers = [seq for found in pool.map(write, range(6)) for seq in found]
    assert sorted(numbers) == list(range(60))
    assert [e.seq for e in store.events("li")] == list(range(60))


def test_of_two_windows_with_the_same_number_one_is_told(store: Store) -> None:
    def write(n: int) -> str:
        try:
            store.append("li", "i1", "asked", {"by": n}, NOW, seq=0)
        except InputError:
            return "told"
        return "kept"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(write, range(4))) == ["kept", "told", "told", "told"]


def test_processes_open_an_empty_place_at_once_and_lose_nothing(place: str) -> None:
    code = """
        with Store(sys.argv[1]) as store:
            for n in range(15):
                store.append("li", "i1", "asked", {"n": n}, NOW)
    """
    writers = [run(code, place) for _ in range(2)]
    for writer in writers:
        assert writer.communicate(timeout=60)[1] == "" and writer.returncode == 0
    with Store(place) as store:
        assert [e.seq for e in store.events("li")] == list(range(30))


def test_a_kill_loses_at_most_the_append_in_flight(place: str) -> None:
    code = """
        store = Store(sys.argv[1])
        for n in range(100_000):
            seq = store.append("li", "i1", "replied", {"reply": "words " * 200}, NOW).seq
            print(seq, flush=True)
    """
    acknowledged = -1
    for lines in (3, 17):
        writer = run(code, place)
        assert writer.stdout is not None
        for _ in range(lines):
            acknowledged = int(writer.stdout.readline())
        writer.kill()
        rest = writer.stdout.read()  # communicate() would miss what is buffered
        acknowledged = max([acknowledged, *map(int, rest.split())])
        writer.communicate()
        with Store(place) as store:
            numbers = [e.seq for e in store.events("li")]
        assert numbers == list(range(len(numbers)))
        assert acknowledged + 1 <= len(numbers) <= acknowledged + 2
        acknowledged = len(numbers) - 1


# deletion ------------------------------------------------------------------------------------


def leftovers(file: Path, mark: str) -> list[str]:
    return [p.name for p in file.parent.iterdir() if mark.encode() in p.read_bytes()]


def test_what_is_deleted_leaves_the_files(file: Path) -> None:
    rng, mark = random.Random(2), "Geheimnis"
    with Store(file) as store:
        for n in range(150):
            user = rng.choice(["li", "wang", "zhao"])
            size = rng.choice([10, 100, 900])
            store.append(user, f"i{n % 7}", "replied", {"reply": (mark + user) * size}, NOW)
        store.events("li")
        assert leftovers(file, mark + "li")
        assert store.delete("li") > 0
        assert leftovers(file, mark + "li") == []
        assert leftovers(file, mark + "wang")
        assert store.delete("li") == 0


def test_a_reader_in_the_way_is_reported_and_deleting_again_finishes(file: Path, monkeypatch) -> None:
    monkeypatch.setattr(database, "BUSY", 0.05)
    with Store(file) as store:
        store.append("li", "i1", "replied", {"reply": "Geheimnis"}, NOW)
        reader = sqlite3.connect(file, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        with pytest.raises(StorageError, match="another program is reading") as raised:
            store.delete("li")
        one_line(raised.value)
        assert store.events("li") == []
        reader.close()
        assert store.delete("li") == 0
        assert leftovers(file, "Geheimnis") == []


# failures ------------------------------------------------------------------------------------


def test_the_settings_that_keep_data_safe(file: Path) -> None:
    with Store(file) as store, store._engine.connect() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in pragmas]
    assert found == ["wal", 2, 1, 1, database.BUSY * 1000]


def test_a_full_disk_is_one_line_and_costs_nothing_that_was_kept(file: Path) -> None:
    with Store(file) as store:
        kept = store.append("li", "i1", "replied", {"reply": "a"}, NOW)
        with store._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match="the disk is full") as raised:
            store.append("li", "i1", "replied", {"reply": "b" * 100_000}, NOW)
        assert "free some disk space" in one_line(raised.value)
        assert store.events("li") == [kept]
        store.close()
        assert store.append("li", "i1", "replied", {"reply": "b" * 100_000}, NOW).seq == 1


def test_a_file_that_is_no_database(file: Path) -> None:
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match="is damaged") as raised:
        Store(file)
    assert str(file) in one_line(raised.value)
    assert file.read_bytes().startswith(b"not a database")


def test_a_file_damaged_in_the_middle(file: Path) -> None:
    with Store(file) as store:
        for _ in range(60):
            store.append("li", "i1", "replied", {"reply": "a" * 1000}, NOW)
    content = bytearray(file.read_bytes())
    with sqlite3.connect(file) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()[0]
    db.close()
    content[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    file.write_bytes(content)
    with Store(file) as store:
        with pytest.raises(StorageError, match="is damaged") as raised:
            store.events("li")
        one_line(raised.value)
        with pytest.raises(StorageError, match="is damaged"):
            store.append("li", "i1", "asked", {}, NOW)


@pytest.mark.parametrize("name", ["blocked/progress.sqlite3", "folder"])
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="KUBE_TUTOR_DATA_DIR") as raised:
        Store(tmp_path / name)
    one_line(raised.value)


def test_a_file_that_may_only_be_read(file: Path) -> None:
    with Store(file) as store:
        kept = store.append("li", "i1", "asked", {}, NOW)
        with store._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(StorageError, match="can't be written: .*KUBE_TUTOR_DATA_DIR"):
            store.append("li", "i1", "asked", {}, NOW)
        assert store.events("li") == [kept]


def test_another_writer_that_does_not_let_go(file: Path, monkeypatch) -> None:
    monkeypatch.setattr(database, "BUSY", 0.05)
    with Store(file) as store:
        writer = sqlite3.connect(file, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="is busy") as raised:
            store.append("li", "i1", "asked", {}, NOW)
        one_line(raised.value)
        writer.close()
        assert store.append("li", "i1", "asked", {}, NOW).seq == 0


# versions ------------------------------------------------------------------------------------


def test_the_migrations_lead_to_the_tables_in_use(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(ROOT / "tutor/progress/migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [database.REVISION]
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), database.events.metadata) == []


def test_a_store_of_a_newer_version_is_refused_and_untouched(place: str) -> None:
    with Store(place) as store:
        store.append("li", "i1", "asked", {}, NOW)
        with store._engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer version.*'9999'.*update kube-tutor") as raised:
        Store(place)
    one_line(raised.value)
    engine = sa.create_engine(database.url_of(place))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar() == 1
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_half_done(place: str, monkeypatch) -> None:
    upgrade = database._upgrade

    def interrupted(*arguments) -> None:
        upgrade(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "_upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Store(place)
    engine = sa.create_engine(database.url_of(place))
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    monkeypatch.undo()
    with Store(place) as store:
        assert store.append("li", "i1", "asked", {}, NOW).seq == 0


def test_opening_again_needs_no_migration(file: Path) -> None:
    Store(file).close()
    code = "Store(sys.argv[1]).users(); print('alembic' in sys.modules)"
    assert run(code, str(file)).communicate(timeout=60)[0].strip() == "False"


def test_what_was_never_started_is_no_interview(store: Store) -> None:
    store.append("li", "chat-1", "asked", {}, NOW)
    store.append("li", "i1", "started", {}, NOW)
    assert [one.id for one in store.interviews("li")] == ["i1"]
