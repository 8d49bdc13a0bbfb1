"""From what a page sent to its handler and back; and the files that come with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tutor.errors import InputError
from tutor.web import actions
from tutor.web.pages import Context, Data, Download, Frame, text, texts, uploads
from tutor.web.uploads import PENDING, Uploads

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def perform(handle: Callable[..., Any], data: object = None, **changes: object) -> list[dict[str, Any]]:
    sent = {"run": 7, "page": "library", "action": "open", "lang": "zh", "data": data, **changes}
    found = actions.run(
        None, sent, user="li", now=NOW, handler=lambda page: handle  # type: ignore[arg-type]
    )
    return list(found)


def test_a_handler_learns_who_asks_from_the_server_alone() -> None:
    seen: list[Context] = []

    def handle(context: Context, action: str, data: Data) -> Frame:
        seen.append(context)
        return Frame({"library": "<p>x</p>"}, toast="t", focus="f", route="library/x",
                     download=Download("a.md", b"\xff\x00", "text/x"))  # fmt: skip

    *_, last = perform(handle, {"user": "wang"}, user="wang")
    assert (seen[0].user, seen[0].lang, seen[0].now) == ("li", "zh", NOW)
    assert last == {
        "run": 7, "user": "li", "account": False, "html": {"library": "<p>x</p>"}, "toast": "t",
        "error": "", "focus": "f", "route": "library/x", "done": True,
        "download": {"name": "a.md", "type": "text/x", "content": "/wA="},
    }  # fmt: skip


def test_every_message_holds_what_came_before() -> None:
    def handle(context: Context, action: str, data: Data) -> Iterator[Frame]:
        yield Frame({"a": "1"}, toast="first")
        yield Frame({"b": "2"})
        yield Frame({"a": "3"})

    messages = perform(handle)
    assert [m["done"] for m in messages] == [False, False, False, True]
    assert [m["html"] for m in messages[1:]] == [{"a": "1", "b": "2"}, *[{"a": "3", "b": "2"}] * 2]
    assert messages[-1]["toast"] == "first"


@pytest.mark.parametrize(("sent", "lang"), [("zh", "zh"), ("en", "en"), ("fr", "en"), (None, "en"), ([], "en")])
def test_the_language_is_one_of_two(sent: object, lang: str) -> None:
    seen: list[str] = []
    perform(lambda context, *_: seen.append(context.lang) or Frame(), lang=sent)
    assert seen == [lang]


def test_an_error_for_people_is_shown_and_what_was_done_stays() -> None:
    def handle(context: Context, action: str, data: Data) -> Iterator[Frame]:
        yield Frame({"a": "1"})
        raise InputError("the <b>reply</b> is empty", fix="write one")

    *_, last = perform(handle)
    assert "the &lt;b&gt;reply&lt;/b&gt; is empty (write one)" in last["error"]
    assert (last["html"], last["done"]) == ({"a": "1"}, True)


def test_any_other_error_is_told_to_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    def handle(*_: object) -> Frame:
        raise RuntimeError("a secret at /home/someone")

    [last] = perform(handle)
    assert "secret" not in last["error"]
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    "changes",
    [{"page": "nowhere"}, {"page": "../ask"}, {"page": None}, {"page": []}, {"action": "Open"}, {"action": ""},
     {"action": None}, {"action": "a b"}],
)  # fmt: skip
def test_what_no_page_offers_is_refused(changes: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    [last] = perform(lambda *_: pytest.fail("called"), **changes)
    assert last["error"]
    assert "no action" in caplog.text


@pytest.mark.parametrize("sent", [None, [], "x", 3, {}])
def test_nonsense_is_refused(sent: object) -> None:
    [last] = actions.run(None, sent, user="li", now=NOW)  # type: ignore[arg-type]
    assert (last["run"], last["done"], last["error"] != "") == (0, True, True)


def test_data_are_texts_and_lists_of_texts_of_some_length() -> None:
    seen: list[Data] = []
    perform(
        lambda context, action, data: seen.append(data) or Frame(),
        {"a": " x ", "b": ["y", 3, None, "z"], "c": 4, "d": {"e": "f"}, "long": "x" * 200_000, "k" * 99: "v",
         "none": None},
    )  # fmt: skip
    [data] = seen
    assert set(data) == {"a", "b", "long"}
    assert (text(data, "a"), text(data, "b"), text(data, "q")) == ("x", "", "")
    assert (texts(data, "b"), texts(data, "a"), texts(data, "q")) == (["y", "z"], [" x "], [])
    assert len(data["long"]) == 100_000
    assert len(text(data, "long", 10)) == 10
    assert uploads(data, "b") == []


async def parts(*found: bytes) -> AsyncIterator[bytes]:
    for part in found:
        yield part


def send(kept: Uploads, user: str, name: str, *found: bytes, most: int = 100) -> str:
    return asyncio.run(kept.receive(user, name, parts(*found), most))


@pytest.fixture
def kept(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads")


def test_a_file_is_there_for_its_action_and_gone_after_it(kept: Uploads, tmp_path: Path) -> None:
    token = send(kept, "li", "笔记 1.md", b"a", b"b")
    seen: list[Any] = []

    def handle(context: Context, action: str, data: Data) -> Frame:
        seen.extend((file.name, file.path.name, file.path.read_bytes()) for file in uploads(data, "files"))
        return Frame()

    sent = {"run": 1, "page": "library", "action": "add", "data": {"files": {"uploads": [token]}}}
    for _ in range(2):
        *_, last = actions.run(None, sent, user="li", now=NOW, uploads=kept, handler=lambda page: handle)  # type: ignore[arg-type]
    assert seen == [("笔记 1.md", "笔记 1.md", b"ab")]
    assert "no longer there" in last["error"]
    assert not [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]


def test_nobody_takes_the_file_of_another(kept: Uploads) -> None:
    token = send(kept, "li", "a.md", b"a")
    for user, guess in (("wang", token), ("li", "x"), ("", "")):
        with pytest.raises(InputError, match="no longer there"):
            kept.take(user, guess)
    kept.drop("wang", token)
    assert kept.take("li", token).path.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [("../../etc/passwd", "passwd"), ("C:\\x\\a.md", "a.md"), ("..", "file"), ("", "file"), (".env", "env"),
     ("a\x00b\n.md", "a_b_.md"), ("x" * 300 + ".md", "x" * 60 + ".md"), ("<img onerror=1>.md", "_img onerror_1_.md")],
)  # fmt: skip
def test_a_name_leads_nowhere(kept: Uploads, tmp_path: Path, name: str, safe: str) -> None:
    path = kept.take("li", send(kept, "li", name, b"a")).path
    assert path.name == safe
    assert path.resolve().is_relative_to(tmp_path / "uploads")


def test_a_file_that_is_too_large_leaves_nothing(kept: Uploads, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="larger"):
        send(kept, "li", "a.md", b"x" * 60, b"x" * 60)
    assert not [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]


def test_only_so_many_files_wait(kept: Uploads) -> None:
    for _ in range(PENDING):
        send(kept, "li", "a.md")
    with pytest.raises(InputError, match="waiting already"):
        send(kept, "li", "a.md")
    send(kept, "wang", "a.md")


def test_what_an_earlier_run_left_is_deleted(kept: Uploads, tmp_path: Path) -> None:
    send(kept, "li", "a.md", b"a")
    Uploads(tmp_path / "uploads")
    assert not (tmp_path / "uploads").exists()
