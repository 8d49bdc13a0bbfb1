"""The pages "Library" and "Progress": what they answer, and a learner's way through them in a browser."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.conftest import judged
from tests.doubles import Clock, FakeEmbedder, FakeJudge
from tests.test_web import CHROMIUM, browser_test, until
from tests.test_web import pytestmark as warnings_of_gradio
from tests.test_web_render import HOSTILE
from tutor.app import Tutor
from tutor.progress import Review, learner, mastery
from tutor.progress.trend import trend
from tutor.settings import Settings
from tutor.web import actions, charts
from tutor.web.uploads import Uploads
from tutor.web.words.library import WORDS
from tutor.web.words.progress import WORDS as PROGRESS

pytestmark = warnings_of_gradio

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
NOTES = "# 我们的 xyzzy 发布流程是怎样的？\n\n先放量 5%，再看 plugh 面板。\n\n# How do we page the xyzzy team?\n\nCall 4711.\n"


class Visitor:
    """Sends actions as the page does, and keeps what would stand on it."""

    def __init__(self, tutor: Tutor, clock: Clock, folder: Path, user: str = "li", lang: str = "zh") -> None:
        self.tutor, self.clock, self.user, self.lang = tutor, clock, user, lang
        self.sent, self.uploads = folder / "sent", Uploads(folder / "uploads")

    def act(self, page: str, action: str, **data: object) -> dict:
        sent = {"run": 1, "page": page, "action": action, "lang": self.lang, "data": data}
        found = actions.run(self.tutor, sent, user=self.user, now=self.clock(), uploads=self.uploads)
        *self.frames, last = found
        self.html = "".join(last["html"].values())
        inert(self.html + last["toast"] + last["error"])
        return last

    def open(self, id: str = "") -> dict:
        return self.act("library", "open", id=id)

    def find(self, query: str, topic: str = "", level: str = "") -> list[str]:
        self.act("library", "find", query=query, topic=topic, level=level)
        return re.findall('href="#/library/([^"]+)"', self.html)

    def upload(self, *files: tuple[str, str | bytes]) -> dict:
        for number, (name, content) in enumerate(files):
            path = self.sent / str(number) / "file"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            self.uploads._waiting[str(number)] = (self.user, path, name, 1e18)
        return self.act("library", "upload", files={"uploads": [str(n) for n in range(len(files))]})

    @property
    def words(self) -> str:
        return " ".join(unescape(re.sub("<[^>]+>", " ", self.html)).split())


class Inert(HTMLParser):
    """Fails for an element, attribute or address that the pages don't write themselves."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "iframe", "object", "style", "link", "base", "meta", "math", "embed"), tag
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("srcdoc", "action", "formaction"), (tag, name)
            if name in ("href", "src"):
                assert re.match(r"#/|https://", value or ""), value
            if name == "style":
                assert re.fullmatch(r"((left|bottom|height):[\d.e-]+%;?)+", value or ""), value

    handle_startendtag = handle_starttag


def inert(html: str) -> None:
    Inert(convert_charrefs=True).feed(html)
    assert "<script" not in html.lower() and not re.search("[\ue000-\ue00f\u202a-\u202e]", html)


@pytest.fixture
def clock() -> Clock:
    return Clock(START, 7)


@pytest.fixture
def me(tutor: Tutor, judge: FakeJudge, clock: Clock, tmp_path: Path) -> Visitor:
    return Visitor(judged(tutor, judge, clock=clock), clock, tmp_path / "visitor")


def other(me: Visitor, tmp_path: Path, user: str = "wang") -> Visitor:
    return Visitor(me.tutor, me.clock, tmp_path / "visitor-2", user)


# browsing ------------------------------------------------------------------------------------


def test_items_stand_by_topic_and_are_found_by_topic_and_level(me: Visitor) -> None:
    me.open()
    assert [me.html.count(f"#/library/{i}\"") for i in ("pod-pending", "probes", "drain", "pvc")] == [1] * 4
    assert "Pod 与生命周期" in me.words and "etcd</h3>" not in me.html
    assert me.find("", topic="storage") == ["pvc"]
    assert me.find("", level="senior") == [] and WORDS.say("zh", "nothing") in me.words
    me.open("topic/storage")
    assert 'value="storage" selected' in me.html and "#/library/probes" not in me.html
    me.lang = "en"
    me.open()
    assert "How do liveness and readiness probes differ" in me.words


@pytest.mark.parametrize("query", ["存活探针和就绪探针", "How do liveness", "probes diff"])
def test_search_finds_as_one_types(me: Visitor, query: str) -> None:
    assert me.find(query)[0] == "probes"
    assert "probes" not in me.find(query, topic="storage")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_found_is_shown_in_the_language_of_the_page(me: Visitor, lang: str) -> None:
    me.lang = lang
    for query in ("How do liveness and readiness probes differ?", "存活探针和就绪探针有什么区别？"):
        assert me.find(query)[0] == "probes"
        shown = re.search(r'<p class="kt-quiet">([^<]+)</p></li>', me.html)[1]
        item = me.tutor.item("probes")
        assert shown.rstrip("…") in " ".join(item.answer[lang].split()), query


def test_where_nothing_fits_only_the_nearest_are_shown(me: Visitor) -> None:
    me.upload(("many.md", "".join(f"# 第 {n} 个问题是什么？\n\n第 {n} 个答案。\n\n" for n in range(9))))
    assert len(me.find("问题是什么")) >= 9
    assert len(me.find("asdfqwer")) == 5 and WORDS.say("zh", "unsure") in me.words


@pytest.mark.parametrize(
    ("query", "topic", "level"),
    [("存活探针", "", ""), ("50%/a b?#&=+", "pod-lifecycle", "mid"), ("", "storage", ""), ("", "", "junior"), ("../notes", "", "")],
)
def test_one_comes_back_to_a_search_by_its_address(me: Visitor, query: str, topic: str, level: str) -> None:
    said = me.act("library", "find", query=query, topic=topic, level=level)
    found = me.html
    page, _, id = said["route"].partition("/")
    assert page == "library" and len(id.split("/")) == 4
    me.open(unquote(id))
    assert found in me.html
    assert f'value="{escape(query)}"' in me.html
    assert f'name="level" value="{level}" checked' in me.html
    assert (f'<option value="{topic}" selected>' in me.html) is bool(topic)
    assert me.act("library", "find", query="", topic="", level="")["route"] == "library"


@pytest.mark.parametrize("id", ["find/", "find/all", "find/x/y/z/w", f"find/all/all/{'x' * 500}", *(f"find/{a}/{a}/{a}" for a in HOSTILE)])
def test_any_address_of_a_search_is_a_search(me: Visitor, id: str) -> None:
    assert me.open(id)["error"] == "" and 'name="query"' in me.html


def test_an_item_shows_both_languages_points_misconceptions_source_and_version(me: Visitor) -> None:
    assert me.open("pod-pending")["error"] == ""
    for text in (
        "kubectl describe pod", "Read the scheduling events", "反复崩溃的 Pod 已被调度", "A Pod that keeps crashing",
        "追问一", "follow-up two", "pod-pending.md:1", "concepts/x", "v1.25", "初级",
    ):  # fmt: skip
        assert text in me.words, text
    assert 'href="https://kubernetes.io/zh-cn/docs/concepts/x/"' in me.html
    assert me.html.count('<span class="kt-lib-weight" role="img" aria-label="权重 3/5"') == 1
    assert re.search(r'value="zh" checked.*value="en">.*value="side">', me.html)


@pytest.mark.parametrize("id", ["no-such", "../etc", "own-0", *HOSTILE[:8]])
def test_what_is_not_there_leads_back_to_the_list(me: Visitor, id: str) -> None:
    said = me.open(id)
    assert said["route"] == "library" and WORDS.say("zh", "gone") in said["toast"]


@pytest.mark.parametrize("page", ["library", "progress"])
def test_a_question_can_be_practised_from_here(me: Visitor, page: str) -> None:
    said = me.act(page, "practise", id="pvc")
    interview = me.tutor.interview(resume=said["route"].removeprefix("interview/"), user="li")
    question = interview.next()
    assert (question.item_id, question.of, str(question)) == ("pvc", 1, "PV 和 PVC 是什么关系")
    interview.reply("不知道")
    assert me.act(page, "practise", id="no-such")["error"]


# own notes -----------------------------------------------------------------------------------


def test_an_upload_is_reported_file_by_file_and_found_by_its_owner_alone(me: Visitor, tmp_path: Path) -> None:
    said = me.upload(
        ("notes.md", NOTES), ("photo.png", b"\x89PNG"), ("big.md", b"x" * (2 * 2**20 + 1)), ("empty.txt", ""),
        ("nothing.md", "---\n\n***\n"),
    )  # fmt: skip
    assert said["error"] == "" and said["focus"] == "library-result"
    meanwhile = ["".join(frame["html"].values()) for frame in me.frames]
    for n, name in enumerate(("notes.md", "photo.png", "big.md", "empty.txt", "nothing.md"), 1):
        assert any(f"第 {n}/5 个：{name}" in html for html in meanwhile)
    for text in ("新增 2 条", WORDS.say("zh", "reason-type"), "2.0 MB; 2 are allowed", "empty", WORDS.say("zh", "no-items")):
        assert text in me.words, text
    assert [f.name for f in me.tutor.notes("li")] == ["notes.md"]
    assert [p.name for p in me.tutor.notebook("li").folder.iterdir()] == ["notes.md"]
    [first, *_] = me.find("我们的 xyzzy 发布流程")
    assert first.startswith("own-")
    me.open(first)
    assert "plugh" in me.words and "notes.md" in me.words and "library.practise" not in me.html
    me.open()
    assert WORDS.say("zh", "own") in me.words and first in me.html

    stranger = other(me, tmp_path)
    for show in (stranger.open, lambda: stranger.open("notes"), lambda: stranger.find("我们的 xyzzy 发布流程")):
        show()
        assert "xyzzy" not in stranger.words and "own-" not in stranger.html
    assert stranger.open(first)["route"] == "library"
    assert stranger.act("library", "remove", name="notes.md")["error"]

    me.upload(("notes.md", NOTES.replace("4711", "4712")))
    assert "更新 1 条" in me.words and "1 条没有变化" in me.words
    assert WORDS.say("zh", "was-removed") in me.act("library", "remove", name="notes.md")["toast"]
    assert me.tutor.notes("li") == [] and not list(me.tutor.notebook("li").folder.iterdir())
    assert all(not i.startswith("own-") for i in me.find("我们的 xyzzy 发布流程"))


@pytest.mark.parametrize("content", [bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0dIHDR" * 9])
def test_a_file_that_is_no_text_is_said_to_be_none(me: Visitor, content: bytes) -> None:
    me.upload(("fake.md", content))
    assert "内容不是文字" in me.words and "gb18030" not in me.words
    assert me.tutor.notes("li") == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "gb18030"])
def test_text_in_any_usual_encoding_is_text(me: Visitor, encoding: str) -> None:
    me.upload(("mine.md", NOTES.encode(encoding)))
    assert "新增 2 条" in me.words


def test_the_report_of_an_upload_outlives_a_change_of_language(me: Visitor) -> None:
    me.open("notes")
    assert "data-relang" not in me.html
    me.open()
    assert "data-relang" in me.html


def test_problems_are_told_with_their_lines(me: Visitor) -> None:
    me.upload(("bad.md", "# 问题一是什么？\n\n答案\xff\n".encode("latin-1", "replace") + b"\xff\xfe\x00 z\n"))
    assert "NUL" in me.words or "can't be read" in me.words


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x.md", "C:\\windows\\x.md", "/abs/x.md", *HOSTILE[:6], "a\0b.md"])
def test_hostile_names_stay_names(me: Visitor, name: str, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*.md"))
    said = me.upload((f"{name}.md", NOTES))
    assert said["error"] == ""
    new = set(tmp_path.rglob("*.md")) - before
    assert {p.parent for p in new} == {me.tutor.notebook("li").folder}
    [file] = me.tutor.notes("li")
    assert not set(file.name) & set("/\\<>\"'&\0")
    me.open("notes")
    me.act("library", "remove", name=file.name)
    assert me.tutor.notes("li") == []


def test_hostile_contents_stay_text(me: Visitor) -> None:
    text = "\n\n".join(f"# {attack.splitlines()[0]} what is it {n}?\n\n{attack}\n" for n, attack in enumerate(HOSTILE))
    me.upload(("hostile.md", text))
    own = [item.id for item in me.tutor.items("li") if item.id.startswith("own-")]
    assert len(own) > len(HOSTILE) // 2
    for lang in ("zh", "en"):
        me.lang = lang
        me.open()
        me.open("notes")
        for id in own:
            me.open(id)
    for query in HOSTILE:
        me.find(query, topic=query, level=query)


def test_a_hostile_corpus_stays_text(me: Visitor) -> None:
    nasty = "\n\n".join(HOSTILE)
    both = {"zh": nasty, "en": nasty}
    item = me.tutor.item("pvc")
    bad = replace(
        item, question=both, answer=both, reference='x"><script>1</script>', since='1"><b>', topic='"><script>',
        points=tuple(replace(point, text=both) for point in item.points), follow_ups=(both,),
        misconceptions=tuple(replace(m, claim=both, correction=both) for m in item.misconceptions),
    )  # fmt: skip
    me.tutor.item = lambda id, user=None: bad  # type: ignore[method-assign]
    me.tutor.items = lambda user=None: [bad]  # type: ignore[method-assign]
    me.open("pvc")
    me.open()
    me.find("PV 和 PVC 是什么关系")


# progress ------------------------------------------------------------------------------------


def learned(me: Visitor, days: int = 12) -> None:
    """Answers all four items now and then, better and better, predicting eight."""
    for day in range(0, days, 3):
        for item in me.tutor.items():
            said = "。".join(p.text["zh"] for p in item.points[: 1 + (day > 6 and item.id != "pvc")]) if day > 2 else f"不清楚{HOSTILE[0]}"
            interview = me.tutor.interview(topics=[item.topic], n=1, user="li", lang="zh")
            interview.ask(item.id)
            interview.reply(said, predicted=8)
            interview.finish()
        me.clock.now += timedelta(days=3)


def test_without_replies_progress_is_friendly(me: Visitor) -> None:
    me.act("progress", "open", id="")
    assert PROGRESS.say("zh", "empty-title") in me.words and 'href="#/interview"' in me.html


def test_progress_shows_what_the_log_says_and_each_plot_has_its_numbers(me: Visitor, tmp_path: Path) -> None:
    learned(me)
    me.act("progress", "open", id="")
    found = me.tutor.progress("li")
    for topic in found.mastery:
        numbers = f"{topic.mean * 100:.0f}%（90% 区间 {topic.low * 100:.0f}–{topic.high * 100:.0f}%）"
        assert numbers in me.words, topic
    for level in found.readiness.values():
        assert f"{level.mean * 100:.0f}%（90% 区间 {level.low * 100:.0f}–{level.high * 100:.0f}%）" in me.words
    assert "高估" in me.words and f"{found.calibration.bias:.1f}" in me.words
    assert me.html.count("预计 8，实得") == len(found.reviews)
    assert me.html.count('<details class="kt-ch-numbers">') == 5
    assert me.html.count("<table>") == 5 and me.html.count('class="kt-ch-column') == 28
    assert len(found.weak) and all(f"#/library/{weak.item_id}" in me.html for weak in found.weak)
    assert found.weak[0].text in me.words and me.tutor.item("pvc").points[1].text["en"] in me.words
    stranger = other(me, tmp_path)
    stranger.act("progress", "open", id="")
    assert PROGRESS.say("zh", "empty-title") in stranger.words


def test_lines_are_drawn_for_the_chosen_topics(me: Visitor) -> None:
    learned(me)
    me.act("progress", "trend", topics=["storage", "scheduling", "nonsense", *HOSTILE[:3]])
    assert me.html.count("<polyline") == 2 and me.html.count("<polygon") == 0
    me.act("progress", "trend", topics="storage")
    assert me.html.count("<polyline") == 1 and me.html.count("<polygon") == 1
    me.act("progress", "trend")
    assert PROGRESS.say("zh", "trend-none") in me.words


def test_the_trend_ends_with_todays_mastery_and_begins_with_the_first_reply(me: Visitor) -> None:
    items = me.tutor.items()

    def reply(id: str, day: int, score: float) -> Review:
        item = me.tutor.item(id)
        return Review("li", id, item.topic, item.level, START + timedelta(days=day), score, ())

    reviews = [reply("pvc", 0, 2.0), reply("drain", 3, 9.0), reply("pvc", 6, 9.0)]
    now = START + timedelta(days=8)
    found = trend(reviews, items, ["storage", "scheduling"], now)
    assert [day.day for day, _ in found["storage"]] == [5, 8, 11, 13]
    assert [day.day for day, _ in found["scheduling"]] == [8, 11, 13]
    today = {one.topic: one for one in mastery(learner("li", reviews, now), items)}
    for topic, course in found.items():
        assert course[-1][1].mean == pytest.approx(today[topic].mean)
    assert found["storage"][0][1].mean < found["storage"][2][1].mean
    many = trend([reply("pvc", day, 5.0) for day in range(200)], items, ["storage"], START + timedelta(days=200), most=30)
    assert len(many["storage"]) <= 31


def test_plots_keep_within_their_frame() -> None:
    html = charts.interval(-1, 0.5, 7, "t") + charts.bars([charts.Bar(9, "t")]) + charts.lines(
        [(1, [charts.Point(0, -3, "t", -9, 9), charts.Point(1, 4, "t", 0, 1)])], x_labels=[(0, "a")], y_labels=[(1, "b")]
    )  # fmt: skip
    assert all(0 <= float(n) <= 100 for n in re.findall(r"(?<![\w-])-?\d+(?:\.\d+)?(?=[ ,%\"hH])", html))


@pytest.mark.parametrize("words", [WORDS, PROGRESS])
def test_every_string_has_the_same_fields_in_both_languages(words) -> None:
    for key, (zh, en) in words.strings.items():
        assert set(re.findall(r"\{(\w+)\}", zh)) == set(re.findall(r"\{(\w+)\}", en)), key


# in a browser --------------------------------------------------------------------------------


@pytest.fixture
def site(settings: Settings, embedder: FakeEmbedder, judge: FakeJudge, clock: Clock) -> Iterator[tuple[str, Tutor]]:
    import uvicorn

    from tutor.web import application, server_config

    with (
        Tutor.open(settings, chat_model=None, embedder=embedder, judge=judge) as tutor,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        judged(tutor, judge)
        server = uvicorn.Server(server_config(application(tutor, settings.data_dir)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: server.started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/", tutor
        finally:
            server.should_exit = True
            thread.join(20)


class TestBrowser:
    pytestmark = browser_test

    def test_a_learner_uploads_notes_asks_about_them_reads_and_looks_at_progress(self, site, tmp_path: Path) -> None:
        from playwright.sync_api import sync_playwright

        url, tutor = site
        file = tmp_path / "<img src=x onerror=window.__xss=1>.md"
        file.write_text(NOTES + "\n\n# What about " + HOSTILE[2] + "?\n\n" + HOSTILE[0] + "\n", "utf-8")
        wrong: list[str] = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900}).new_page()
            page.set_default_timeout(30_000)
            page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda r: None if r.url.startswith(url) else wrong.append(r.url))
            page.on("dialog", lambda dialog: dialog.accept())
            page.goto(f"{url}#/library/notes")
            page.set_input_files("#kt-library input[type=file]", file)
            page.click("#kt-library .kt-lib-upload button")
            page.wait_for_selector("#kt-library-result")
            assert "新增 3 条" in page.inner_text("#kt-library-result")
            assert tutor.notes("me")[0].items == 3

            page.click(".kt-lib-parts a >> nth=0")
            page.fill("#kt-library [name=query]", "xyzzy 发布")
            page.wait_for_selector("#kt-library-list .kt-lib-rows.kt-panel")
            page.click("#kt-library-list .kt-lib-rows.kt-panel a >> nth=0")
            page.wait_for_selector("#kt-library .kt-lib-item")
            assert "plugh" in page.inner_text("#kt-library .kt-lib-text")
            assert page.evaluate("window.__xss") is None

            page.goto(f"{url}#/library/pvc")
            page.wait_for_selector("#kt-library .kt-lib-en", state="attached")
            assert page.is_hidden(".kt-lib-en") and page.is_visible(".kt-lib-zh")
            page.check('[name="kt-lib-view"][value="side"]', force=True)
            assert page.is_visible(".kt-lib-en") and page.is_visible(".kt-lib-zh")
            page.click("#kt-library .kt-lib-zh .kt-ask >> nth=0")
            page.wait_for_selector("#kt-ask .kt-turn")
            assert "#/ask" in page.url and page.inner_text(".kt-question") == "追问一"

            page.goto(f"{url}#/progress")
            page.wait_for_selector("#kt-progress .kt-progress-empty")
            for item in tutor.items():
                interview = tutor.interview(topics=[item.topic], n=1, user="me", lang="zh")
                interview.ask(item.id)
                interview.reply(item.answer["zh"], predicted=4)
            page.reload()
            page.wait_for_selector("#kt-progress .kt-progress-page")
            page.hover("#kt-progress .kt-ch-rail >> nth=0")
            assert page.locator(".kt-ch-tip:visible").count() == 1
            page.set_viewport_size({"width": 390, "height": 844})
            for width in ("#kt-progress", "#kt-library"):
                assert page.evaluate(f"document.querySelector('{width}').scrollWidth <= 390")
            hostile_notes(page, url)
            page.goto(f"{url}#/library/notes")
            page.click("#kt-library-files .kt-danger >> nth=0")
            page.wait_for_function("document.querySelectorAll('#kt-library-files .kt-danger').length === 1")
            page.click("#kt-library-files .kt-danger")
            until(lambda: tutor.notes("me") == [])
            assert page.evaluate("window.__xss") is None
            browser.close()
        assert wrong == []


def hostile_notes(page, url: str) -> None:
    """Sends each hostile string as a file's name, and all of them as the text of a note, and looks at both."""
    page.goto(f"{url}#/library/notes")
    page.wait_for_selector("#kt-library-files")
    names = [{"name": name, "mimeType": "text/plain", "buffer": b"x"} for name in HOSTILE]
    text = "\n\n".join(f"# Why 0{n} {attack.splitlines()[0]}?\n\n{attack}\n" for n, attack in enumerate(HOSTILE))
    notes = {"name": "all of them.md", "mimeType": "text/markdown", "buffer": text.encode()}
    for sent in (names[:40], [*names[40:], notes]):
        page.set_input_files("#kt-library input[type=file]", sent)
        assert page.inner_text("[data-chosen]").count(" · ") >= len(sent) - 1
        page.click("#kt-library .kt-lib-upload button")
        page.wait_for_function(f"document.querySelectorAll('.kt-lib-report tbody tr').length === {len(sent)}")
        nothing_runs(page)
    page.goto(f"{url}#/library")
    page.fill("#kt-library [name=query]", "Why")
    page.wait_for_function("document.querySelectorAll('#kt-library-list .kt-quiet').length > 20")
    nothing_runs(page)
    page.goto(f"{url}#/library/{page.get_attribute('#kt-library-list a', 'href').split('/')[-1]}")
    page.wait_for_selector("#kt-library .kt-lib-item")
    nothing_runs(page)


def nothing_runs(page) -> None:
    assert page.evaluate("window.__xss") is None
    assert page.evaluate(
        "document.querySelectorAll('#kt-library :is(script, img, iframe, object, style, link, base, meta, video, svg)').length"
    ) == 0
    assert page.evaluate(
        "[...document.querySelectorAll('#kt-library *')].flatMap(node => [...node.attributes])"
        ".filter(found => found.name.startsWith('on') || found.name === 'srcdoc').length"
    ) == 0
