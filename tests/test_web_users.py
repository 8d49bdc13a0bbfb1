"""The door of a server with accounts: nothing of a user reaches a stranger or another user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from evals.shots import serving as serving_tutor
from tests.conftest import judged
from tests.doubles import Clock, FakeJudge
from tests.test_web import (
    Site,
    ask,
    browser_test,
    chromium,
    finish,
    serving,
    until,
)
from tests.test_web import pytestmark as warnings_of_gradio
from tutor.app import Tutor
from tutor.settings import Settings
from tutor.web.accounts import COST, FREE_TRIES, add_account, remove_account
from tutor.web.guard import COOKIE, MAX_UPLOAD, is_loopback

pytestmark = warnings_of_gradio
__all__ = ["chromium"]

PASSWORD = "correct horse battery"
USERS = ("li", "王")


@pytest.fixture(scope="module")
def settings_of_door(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("door")
    return Settings(data_dir=folder, cache_dir=folder, chat="none", host="0.0.0.0")


@pytest.fixture(scope="module")
def door(settings_of_door: Settings) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(COST, "n", 16)
        for name in USERS:
            add_account(settings_of_door, name, PASSWORD)
        with serving(settings_of_door.data_dir, public=True) as site:
            yield site


@pytest.fixture
def site(door: Site) -> Site:
    door.fake.log.kept.clear()
    return door


def login(site: Site, name: str, password: str = PASSWORD, **headers: str):
    body = urlencode({"name": name, "password": password}).encode()
    return site.request("POST", "/login", body,
                        Content_Type="application/x-www-form-urlencoded", **headers)  # fmt: skip


def token(site: Site, name: str) -> str:
    status, headers, _ = login(site, name)
    assert status == 303
    return headers["set-cookie"].split(";")[0]


def test_a_public_server_without_accounts_serves_nobody(tmp_path: Path) -> None:
    with serving(tmp_path, public=True) as site:
        for path in ("/", "/login"):
            status, _, body = site.request("GET", path)
            assert (status, b"tutor user add NAME" in body) == (503, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/gradio_api/heartbeat/x"), ("GET", "/gradio_api/queue/data?session_hash=x"),
     ("GET", "/theme.css"), ("GET", "/assets/x.js"), ("GET", "/static/x.js"), ("GET", "/manifest.json"), ("GET", "/kt/who"),
     ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/run/predict"), ("POST", "/kt/upload")],
)  # fmt: skip
@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=guess", f"{COOKIE}=", "a=b; c{=;;", f'{COOKIE}="'])
def test_strangers_get_nothing_but_the_login_page(site: Site, method: str, path: str, cookie: str) -> None:
    headers = {"Cookie": cookie, "X_Kube_Tutor_User": "li"}
    status, _, body = site.request(method, path, b"{}" if method == "POST" else None, **headers)
    assert (status, body) == (401, b"log in first")
    status, found, _ = site.request("GET", "/", **headers)
    assert (status, found["location"]) == (303, "/login")


def test_the_login_page_speaks_the_browsers_language_and_loads_nothing(site: Site) -> None:
    for lang, word in (("zh-CN,zh;q=0.9", "密码"), ("de", "Password")):
        status, headers, body = site.request("GET", "/login", Accept_Language=lang)
        assert (status, headers["cache-control"]) == (200, "no-store")
        page = body.decode()
        assert word in page
        assert "src=" not in page
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "密码" in site.request("GET", "/login?lang=zh")[2].decode()


def test_a_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use(site: Site) -> None:
    status, headers, _ = login(site, "li")
    assert (status, headers["location"]) == (303, "/")
    name, *rules = headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=") and len(name) > 43
    assert set(rules) == {"Path=/", "Max-Age=604800", "HttpOnly", "SameSite=Lax"}
    secure = login(site, "li", Origin=f"https://127.0.0.1:{site.port}")[1]["set-cookie"]
    assert secure.endswith("; Secure")
    status, headers, _ = site.request("GET", "/", Cookie=name)
    assert (status, headers["cache-control"]) == (200, "no-store")
    assert site.request("GET", "/kt/who", Cookie=name)[2] == b"li"
    status, headers, _ = site.request("POST", "/logout", b"", Cookie=name)
    assert (status, headers["location"]) == (303, "/login")
    assert "Max-Age=0" in headers["set-cookie"]
    assert site.request("GET", "/", Cookie=name)[0] == 303


@pytest.mark.parametrize("name", ["li", "nobody", "<script>alert(1)</script>", ""])
def test_a_failed_login_does_not_say_what_was_wrong(site: Site, name: str) -> None:
    status, headers, body = login(site, name, "wrong", Accept_Language="en")
    assert status == 401
    assert "set-cookie" not in headers
    assert "The name or the password is wrong." in body.decode()
    assert "<script>alert" not in body.decode()


def test_another_site_cannot_log_in_or_out(site: Site) -> None:
    assert login(site, "li", Origin="https://evil.example")[0] == 403
    assert login(site, "li", Origin="null")[0] == 403
    cookie = token(site, "li")
    assert site.request("POST", "/logout", b"", Cookie=cookie, Origin="https://evil.example")[0] == 403
    assert site.request("GET", "/logout", Cookie=cookie)[0] == 404
    assert site.request("GET", "/", Cookie=cookie)[0] == 200


def test_any_host_name_may_be_used_once_one_has_to_log_in(site: Site) -> None:
    assert site.request("GET", "/login", Host="tutor.example")[0] == 200
    assert site.request("GET", "/", Host="")[0] in (400, 403)


def test_a_session_hash_belongs_to_one_user(site: Site) -> None:
    li, wang = token(site, "li"), token(site, "王")
    body = json.dumps({"data": [], "fn_index": 0, "session_hash": "hash1"}).encode()
    path = "/gradio_api/queue/data?session_hash=hash1"
    headers = {"Content_Type": "application/json"}
    assert site.request("POST", "/gradio_api/queue/join?session_hash=hash1", body, Cookie=li, **headers)[0] != 403
    assert site.request("GET", path, Cookie=wang)[0] == 403
    assert site.request("GET", "/gradio_api/heartbeat/hash1", Cookie=wang)[0] == 403


def test_an_upload_is_its_senders_alone_and_has_an_end(site: Site) -> None:
    cookie = token(site, "li")
    status, _, body = site.request("POST", "/kt/upload?name=../../a%00b.md", b"text", Cookie=cookie)
    assert (status, len(body) > 20) == (200, True)
    status = site.request("POST", "/kt/upload", None, Cookie=cookie, Content_Length=str(MAX_UPLOAD + 1))[0]
    assert status == 413
    assert site.request("GET", "/kt/upload", Cookie=cookie)[0] == 404


def test_a_removed_account_is_shut_out_at_once(site: Site, settings_of_door: Settings) -> None:
    add_account(settings_of_door, "gone", PASSWORD)
    cookie = token(site, "gone")
    assert site.request("GET", "/", Cookie=cookie)[0] == 200
    remove_account(settings_of_door, "gone")
    assert site.request("GET", "/", Cookie=cookie)[0] == 303


def test_a_damaged_file_of_accounts_lets_nobody_in(site: Site, settings_of_door: Settings) -> None:
    cookie, path = token(site, "li"), settings_of_door.data_dir / "accounts.json"
    text = path.read_bytes()
    path.write_text("{")
    try:
        for where in ("/", "/login"):
            status, _, body = site.request("GET", where, Cookie=cookie)
            assert (status, b"damaged" in body) == (503, True)
    finally:
        path.write_bytes(text)
    path.rename(path.with_suffix(".away"))
    try:
        assert site.request("GET", "/", Cookie=cookie)[0] == 503
    finally:
        path.with_suffix(".away").rename(path)


class TestUsers:
    pytestmark = browser_test

    def test_two_users_see_nothing_of_each_other(self, site: Site, chromium) -> None:
        context = chromium.new_context(locale="zh-CN")
        page = context.new_page()
        page.set_default_timeout(15_000)

        def come_in(name: str, password: str = PASSWORD) -> None:
            page.fill("[name=name]", name)
            page.fill("[name=password]", password)
            page.press("[name=password]", "Enter")

        page.goto(site.url)
        come_in("li", "wrong password")
        page.wait_for_selector("[role=alert]")
        come_in("li")
        page.wait_for_selector("#kt[data-ready]")
        until(lambda: page.inner_text("#kt-user") == "li")
        ask(page, "li 的秘密问题")
        finish(page)
        page.wait_for_selector("#kt-chats li")
        address = page.url
        page.fill("#kt-q", "li 的草稿")
        page.click("#kt-logout button")
        page.wait_for_selector("[name=password]")
        come_in("王")
        page.wait_for_selector("#kt[data-ready]")
        until(lambda: page.inner_text("#kt-user") == "王")
        page.goto(address)
        page.reload()
        page.wait_for_selector("#kt-chats .kt-quiet")
        assert page.url.endswith("#/ask")
        assert "秘密" not in page.content()
        assert page.input_value("#kt-q") == ""
        assert page.evaluate("Object.values(localStorage).join()").find("草稿") < 0
        ask(page, "王的问题")
        finish(page)
        assert [c.title for c in site.fake.conversations("li").all()] == ["li 的秘密问题"]
        assert [c.title for c in site.fake.conversations("王").all()] == ["王的问题"]
        assert site.fake.conversations("me").all() == []
        assert site.fake.users == ["li", "王"]
        context.clear_cookies()
        page.click("[data-nav=library]")
        page.wait_for_selector("[name=password]")
        context.close()


    def test_a_second_user_finds_nothing_of_the_first_on_any_page(
        self, tutor: Tutor, settings: Settings, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chromium
    ) -> None:
        monkeypatch.setitem(COST, "n", 16)
        for name in USERS:
            add_account(settings, name, PASSWORD)
        pages = lived(tutor, judge, tmp_path)
        with serving_tutor(tutor) as url:
            seen = {name: walk(chromium, url, name, pages) for name in USERS}
        secrets = {SECRET, *(where.split("/")[1] for where in pages if "/" in where and where != "library/notes")}
        assert len(secrets) == 5
        assert all(secret in "".join(seen["li"].values()) for secret in secrets)
        for where, shown in seen["王"].items():
            assert not [secret for secret in secrets if secret in shown], where
        assert "kt-progress-empty" in seen["王"]["progress"]
        assert "kt-progress-empty" not in seen["li"]["progress"]
        assert tutor.conversations("王").all() == [] and tutor.notes("王") == []
        assert tutor.progress("王").interviews == ()


SECRET = "xyzzy"


def lived(tutor: Tutor, judge: FakeJudge, folder: Path) -> dict[str, tuple[str, str]]:
    """Gives li something on every page; returns the addresses, with what stands there for li and for others."""
    clock = Clock(datetime(2026, 1, 5, 9, tzinfo=UTC), 7)
    judged(tutor, judge, clock=clock)
    interview = tutor.interview(topics=["storage"], n=2, user="li", lang="zh")
    interview.ask("pvc")
    interview.reply(f"PVC 是用户对存储的申请，{SECRET}。", predicted=8)
    interview.appeal(2, f"{SECRET} 我说到了")
    finished = tutor.interview(topics=["scheduling"], n=1, user="li", lang="zh")
    finished.ask("drain")
    finished.reply(f"{SECRET} 不清楚。")
    finished.finish()
    note = folder / f"{SECRET}.md"
    note.write_text(f"# What is the {SECRET} release process?\n\nCall 4711.\n", "utf-8")
    tutor.notebook("li").add(note, note.name)
    [own] = [item.id for item in tutor.items("li") if item.id.startswith("own-")]
    asked, number = tutor.conversations("li").ask(f"What is the {SECRET} release process?")
    answer = tutor.ask(f"What is the {SECRET} release process?", user="li")
    tutor.conversations("li").answer(asked.id, number, answer.status, answer=answer)
    judged(tutor, judge)  # its clock is the real one: the cards have long been due
    return {
        f"ask/{asked.id}": (".kt-turn", "#kt-welcome"), "interview": (".kt-iv-list", ".kt-iv-setup"),
        f"interview/{interview.id}": (".kt-iv-points", ".kt-iv-setup"),
        f"interview/{finished.id}": (".kt-iv-report", ".kt-iv-setup"),
        "review": (".kt-iv-today", "a[href='#/interview']"), "progress": (".kt-progress-page", ".kt-progress-empty"),
        "library": (".kt-lib-group", ".kt-lib-group"), "library/notes": (".kt-lib-files", "#kt-library-files .kt-quiet"),
        f"library/{own}": (".kt-lib-item", ".kt-lib-group"),
    }  # fmt: skip


def walk(chromium, url: str, name: str, pages: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Logs in and goes to every address; returns what stands there, hidden or not."""
    context = chromium.new_context(locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(url)
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector("#kt[data-ready]")
    until(lambda: page.inner_text("#kt-user") == name)
    seen = {}
    for where, (mine, theirs) in pages.items():
        page.goto(f"{url}#/{where}")
        view = where.split("/")[0]
        page.wait_for_selector(f"#kt-{view} {mine if name == 'li' else theirs}")
        # What is somebody else's leads back to the page itself.
        expected = where if name == "li" or where in (view, "library/notes") else view
        until(lambda expected=expected: page.evaluate("location.hash") == f"#/{expected}")
        seen[where] = page.inner_html("#kt")
    context.close()
    return seen


def test_guesses_are_slowed_down(site: Site) -> None:
    for n in range(FREE_TRIES["address"] + 1):
        status, _, body = login(site, f"guess{n}", Accept_Language="en")
    assert status == 429
    assert b"seconds" in body
    assert login(site, "li")[0] == 429


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("0.0.0.0", False), ("::", False),
     ("127.0.0.1.evil.example", False), ("", False)],
)  # fmt: skip
def test_what_is_this_machine(host: str, own: bool) -> None:
    assert is_loopback(host) is own
