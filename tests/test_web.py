"""The page in a real browser, over a double of `Tutor` that says what a test wants."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.test_conversations import MemoryLog
from tests.test_web_render import HOSTILE
from tutor.answers import Answer, Citation, Done, Event, Evidence, Sentence, Token
from tutor.conversations import Conversations
from tutor.errors import SettingsError
from tutor.questions import checked_question
from tutor.retrieval import Passage
from tutor.settings import Settings
from tutor.web import application, launch, server_config

# Gradio's own bookkeeping of its queue uses what pandas 3 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

CHROMIUM = "/usr/bin/chromium"
needs_browser = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"there is no {CHROMIUM}")

TEXT = """`Pending` 表示 Pod 已被集群接受，但还没有运行。

先用 `kubectl describe pod` 看事件，再看 NODE 列：

```bash
kubectl describe pod web
```

| 原因 | 事件 |
|---|---|
| 资源不足 | `FailedScheduling` |
"""
QUOTE = "先用 `kubectl describe pod` 看事件，再看 NODE 列："
OTHER = "\n\n".join(f"第 {n} 段：污点与容忍的说明。" for n in range(30)) + "\n\n最后一句在很下面。"
PASSAGES = (
    Passage(TEXT, "Pod 为什么一直 Pending？", "pending", "corpus/pending.md", 1.0, "zh", topic="pod"),
    Passage(OTHER, "污点和容忍是什么？", "taints", "corpus/taints.md", 0.5, "zh", topic="scheduling"),
)
ANSWER = f"""看事件就知道原因。 [1] 最后再看污点。 [2]

**参考答案** [1]

{TEXT}"""


class FakeTutor:
    """Answers by what a question holds; a test double for the page only."""

    chat = None

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[tuple[str, str]], float]] = []
        self.users: list[str | None] = []
        self.log = MemoryLog()
        self.gate = threading.Event()
        self.after_sentence = threading.Event()
        self.running = 0
        self.closed = 0

    def conversations(self, user: str = "me") -> Conversations:
        return Conversations(self.log, user)

    def stream(
        self, question: str, *, history=(), wait: float = 60.0, user: str | None = None
    ) -> Iterator[Event]:
        checked_question(question)
        self.users.append(user)
        self.asked.append((question, [(m.role, m.content) for m in history], wait))
        return self._events(question)

    def _events(self, question: str) -> Iterator[Event]:
        self.running += 1
        try:
            if "boom" in question:
                raise RuntimeError("a secret detail at /home/someone")
            if "refuse" in question:
                yield Evidence(PASSAGES, 0.1, False)
                yield Done(self.done(question, "没有可靠的依据。\n\n最接近的主题：\n- 污点和容忍是什么？",
                                     status="refused", suggestions=("污点和容忍是什么？",)))  # fmt: skip
            elif "hostile" in question:
                yield from self.hostile(question)
            elif "slow" in question:
                yield Evidence(PASSAGES, 0.9, True)
                for n in range(2000):
                    yield Token(f"词{n} ")
                    time.sleep(0.02)
                yield Done(self.done(question, "endless"))
            elif "gate" in question:
                yield Evidence(PASSAGES, 0.9, True)
                assert self.gate.wait(30)
                for piece in ("看事件", "就知道原因。", "GPU 坏了。", "最后"):
                    yield Token(piece)
                yield Sentence("看事件就知道原因。 [1]", True)
                yield Sentence("GPU 坏了。", False, "no passage says so")
                assert self.after_sentence.wait(30)
                yield Done(self.done(question, ANSWER, dropped=(("GPU 坏了。", "no"),)))
            else:
                yield Evidence(PASSAGES, 0.9, True)
                yield Done(self.done(question, ANSWER, suggestions=("那污点呢？",),
                                     notices=("模型还没准备好。",)))  # fmt: skip
        except GeneratorExit:
            self.closed += 1
            raise
        finally:
            self.running -= 1

    def done(self, question: str, text: str, **changes: object) -> Answer:
        fields: dict = {
            "question": question, "text": text, "passages": PASSAGES, "status": "grounded",
            "confidence": 0.9, "lang": "zh", "timings": {"evidence": 0.1, "total": 1.0},
            "citations": (
                Citation("[1]", "pending", "Pod 为什么一直 Pending？", "corpus/pending.md", QUOTE),
                Citation("[2]", "taints", "污点和容忍是什么？", "corpus/taints.md", "最后一句在很下面。"),
            ),
        }  # fmt: skip
        if changes.get("status") == "refused":
            fields["citations"] = ()
        return Answer(**{**fields, **changes})

    def hostile(self, question: str) -> Iterator[Event]:
        everything = "\n\n".join(HOSTILE)
        passages = tuple(
            Passage(text, text, f"p{n}", text, 1.0, "en", topic=text)
            for n, text in enumerate([everything, *HOSTILE])
        )
        yield Evidence(passages, 0.9, True)
        for n, text in enumerate(HOSTILE):
            yield Token(text)
            if n % 3 == 0:
                yield Sentence(f"{text} [1]", True)
                time.sleep(0.06)
        cites = tuple(
            Citation(f"[{n}]", f"p{n}", text, text, text) for n, text in enumerate(HOSTILE, 1)
        )
        yield Done(Answer(question, everything + " [1] [2] [3]", cites, passages, "grounded", 0.9, "en",
                          {"evidence": 0.1, "total": 1.0}, tuple(HOSTILE), everything,
                          suggestions=tuple(HOSTILE)))  # fmt: skip


class Site:
    def __init__(self, fake: FakeTutor, port: int) -> None:
        self.fake = fake
        self.port = port
        self.url = f"http://127.0.0.1:{port}/"

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            if body is not None and "Content_Length" not in headers:
                headers["Content-Length"] = str(len(body))
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@contextmanager
def serving(folder: Path, *, public: bool = False) -> Iterator[Site]:
    import uvicorn

    fake = FakeTutor()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = application(fake, folder, public=public)  # type: ignore[arg-type]
        running = uvicorn.Server(server_config(app))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: running.started)
            yield Site(fake, listener.getsockname()[1])
        finally:
            fake.gate.set()
            fake.after_sentence.set()
            running.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("web")) as site:
        yield site


@pytest.fixture
def site(server: Site) -> Iterator[Site]:
    server.fake.gate.clear()
    server.fake.after_sentence.clear()
    server.fake.asked.clear()
    server.fake.log.kept.clear()
    server.fake.closed = 0
    yield server
    server.fake.gate.set()
    server.fake.after_sentence.set()
    until(lambda: server.fake.running == 0)


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(site: Site, chromium):
    """Opens the page as a new visitor; afterwards nothing may have gone wrong in any of them."""
    contexts, wrong = [], []

    def open_page(lang: str = "zh-CN", width: int = 1280, height: int = 900, site: Site = site):
        context = chromium.new_context(locale=lang, viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(site.url) else wrong.append(r.url))
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status > 399 else None)
        page.goto(site.url)
        page.wait_for_selector("#kt[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it didn't happen in time"
        time.sleep(0.02)


def ask(page, question: str) -> None:
    page.fill("#kt-q", question)
    page.press("#kt-q", "Enter")


def finish(page, number: int = 1, state: str = "grounded"):
    turn = f".kt-turn:nth-of-type({number})"
    page.wait_for_selector(f"{turn}[data-state={state}]")
    assert page.locator(".kt-status").count() == 0
    return page.locator(turn)


browser_test = [pytest.mark.browser, needs_browser]


class TestPage:
    pytestmark = browser_test

    def test_evidence_stands_there_before_the_model_says_a_word(self, visit, site) -> None:
        page = visit()
        ask(page, "gate: Pod 一直 Pending？")
        page.wait_for_selector(".kt-card")
        assert page.locator(".kt-card").count() == 2
        assert page.locator(".kt-card[open]").count() == 1
        assert page.locator(".kt-draft").count() == 0
        assert "已被集群接受" in page.inner_text(".kt-preview")
        site.fake.gate.set()
        page.wait_for_selector(".kt-kept")
        assert page.inner_text(".kt-draft") == "最后"
        assert "核对中" in page.inner_text(".kt-badge")
        assert "看事件就知道原因" in page.inner_text(".kt-kept")
        assert "GPU" not in page.inner_text(".kt-turn")
        site.fake.after_sentence.set()
        turn = finish(page)
        assert turn.locator(".kt-draft").count() == 0
        assert turn.locator(".kt-answer .kt-cite").count() == 3
        assert "1 句" in turn.locator(".kt-foot").inner_text()

    def test_an_answer_has_code_tables_notices_and_follow_ups(self, visit) -> None:
        page = visit()
        ask(page, "Pod 一直 Pending？")
        turn = finish(page)
        assert "kubectl describe pod web" in turn.locator(".kt-answer pre").inner_text()
        assert turn.locator(".kt-answer td").count() == 2
        assert turn.locator(".kt-notice").inner_text() == "模型还没准备好。"
        turn.locator(".kt-ask").click()
        finish(page, 2)
        assert page.locator(".kt-question").nth(1).inner_text() == "那污点呢？"

    @pytest.mark.parametrize("width", [1280, 390])
    def test_a_chip_opens_the_passage_at_the_highlighted_quote(self, visit, width) -> None:
        page = visit(width=width)
        ask(page, "Pod 一直 Pending？")
        turn = finish(page)
        assert page.locator(".kt-card mark").count() >= 2
        page.locator(".kt-card").nth(1).evaluate("card => { card.open = false }")
        turn.locator('.kt-answer [data-cite="2"]').click()
        page.wait_for_selector(".kt-card[open] mark.kt-active")
        mark = page.locator("mark.kt-active")
        assert mark.inner_text() == "最后一句在很下面。"
        page.wait_for_timeout(800)
        top = mark.evaluate("mark => mark.getBoundingClientRect().top")
        assert 60 < top < 900
        turn.locator('.kt-answer [data-cite="1"]').first.click()
        until(lambda: "先用" in page.locator("mark.kt-active").first.inner_text())
        marked = "".join(page.locator("mark.kt-active").all_inner_texts())
        assert marked == QUOTE.replace("`", "")
        if width == 390:
            page.locator(".kt-card[open] .kt-back").first.click()
            page.wait_for_timeout(800)
            assert page.locator(".kt-question").evaluate("q => q.getBoundingClientRect().top") > 50

    def test_evidence_follows_the_turn_whose_chip_is_clicked(self, visit) -> None:
        page = visit()
        ask(page, "Pod 一直 Pending？")
        first = finish(page)
        ask(page, "refuse this")
        finish(page, 2, "refused")
        assert page.locator(".kt-card[open]").count() == 0
        first.locator('.kt-answer [data-cite="1"]').first.click()
        page.wait_for_selector("mark.kt-active")

    def test_a_refusal_shows_topics_that_can_be_asked(self, visit, site) -> None:
        page = visit()
        ask(page, "refuse: 红烧肉怎么做？")
        turn = finish(page, state="refused")
        assert turn.locator(".kt-refusal").is_visible()
        assert turn.locator(".kt-cite").count() == 0
        turn.locator(".kt-ask", has_text="污点和容忍是什么？").click()
        finish(page, 2)
        assert site.fake.asked[-1][0] == "污点和容忍是什么？"

    def test_stop_closes_the_stream_and_the_next_question_works(self, visit, site) -> None:
        page = visit()
        ask(page, "slow please")
        page.wait_for_selector(".kt-draft")
        assert site.fake.running == 1
        assert not page.locator("#kt-send").is_visible()
        page.click("#kt-stop")
        turn = finish(page, state="stopped")
        until(lambda: site.fake.running == 0)
        assert site.fake.closed == 1
        assert "已停止" in turn.inner_text()
        assert "已被集群接受" in turn.inner_text()
        ask(page, "Pod 一直 Pending？")
        finish(page, 2)

    def test_leaving_the_page_closes_the_stream(self, visit, site) -> None:
        page = visit()
        ask(page, "slow please")
        page.wait_for_selector(".kt-draft")
        page.close()
        until(lambda: site.fake.running == 0, 40)
        assert site.fake.closed == 1

    def test_a_new_chat_stops_and_forgets(self, visit, site) -> None:
        page = visit()
        ask(page, "Pod 一直 Pending？")
        finish(page)
        ask(page, "slow please")
        page.wait_for_selector(".kt-draft")
        page.click("#kt-new")
        page.wait_for_selector("#kt-welcome")
        assert page.locator(".kt-turn").count() == page.locator(".kt-card").count() == 0
        until(lambda: site.fake.running == 0)
        page.wait_for_timeout(300)
        ask(page, "那怎么排查？")
        finish(page)
        assert site.fake.asked[-1][1] == []

    def test_a_follow_up_carries_the_conversation(self, visit, site) -> None:
        page = visit()
        ask(page, "Pod 一直 Pending？")
        finish(page)
        ask(page, "那怎么排查？")
        finish(page, 2)
        assert [asked[0] for asked in site.fake.asked] == ["Pod 一直 Pending？", "那怎么排查？"]
        assert site.fake.asked[0][1:] == ([], 0)
        assert site.fake.asked[1][1] == [("user", "Pod 一直 Pending？"), ("assistant", ANSWER)]

    def test_two_windows_share_no_conversation(self, visit, site) -> None:
        one, two = visit(), visit()
        ask(one, "Pod 一直 Pending？")
        finish(one)
        ask(two, "slow please")
        two.wait_for_selector(".kt-draft")
        ask(one, "那怎么排查？")
        finish(one, 2)
        assert site.fake.asked[1][1] == []
        assert len(site.fake.asked[2][1]) == 2
        assert two.locator(".kt-turn").count() == 1
        assert site.fake.running == 1
        two.click("#kt-stop")
        finish(two, state="stopped")

    def test_the_language_is_the_browsers_until_it_is_switched(self, visit) -> None:
        page = visit("en-US")
        assert "What would you like" in page.inner_text("#kt-welcome h2")
        assert page.locator("#kt-welcome .kt-ask:visible").count() == 4
        page.click("[data-set-lang=zh]")
        assert "想弄懂" in page.inner_text("#kt-welcome h2")
        assert "问" in page.get_attribute("#kt-q", "placeholder")
        assert page.evaluate("document.documentElement.lang") == "zh-CN"
        page.locator("#kt-welcome .kt-ask:visible").first.click()
        turn = finish(page)
        assert "接着问" in turn.inner_text()
        page.click("[data-set-lang=en]")
        assert "Ask next" in turn.inner_text()
        assert "接着问" not in turn.inner_text()
        page.reload()
        page.wait_for_selector("#kt[data-ready]")
        assert page.evaluate("document.documentElement.lang") == "en"

    def test_enter_sends_but_not_with_shift_nor_while_composing(self, visit, site) -> None:
        page = visit()
        page.fill("#kt-q", "一")
        page.press("#kt-q", "Shift+Enter")
        page.locator("#kt-q").type("二")
        page.evaluate(
            "document.querySelector('#kt-q').dispatchEvent(new KeyboardEvent('keydown',"
            "{key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
        )
        assert page.input_value("#kt-q") == "一\n二"
        assert page.locator(".kt-turn").count() == 0
        page.press("#kt-q", "Enter")
        finish(page)
        assert site.fake.asked[0][0] == "一\n二"
        assert page.input_value("#kt-q") == ""

    def test_errors_are_one_line(self, visit, caplog) -> None:
        page = visit()
        ask(page, "？？")
        turn = finish(page, state="error")
        assert "问题是空的" in turn.inner_text()
        ask(page, "boom")
        turn = finish(page, 2, "error")
        assert "日志" in turn.inner_text()
        assert "secret" not in page.content()
        assert any("a question failed" in record.message for record in caplog.records)
        ask(page, "Pod 一直 Pending？")
        finish(page, 3)

    def test_a_question_has_an_end(self, visit, site) -> None:
        page = visit()
        ask(page, "长" * 5000)
        page.wait_for_selector("#kt-toast .kt-error")
        assert "最多 4000 个字" in page.inner_text("#kt-toast")
        assert len(page.input_value("#kt-q")) == 5000 and site.fake.asked == []
        ask(page, "长 " * 2000)
        finish(page)
        assert len(site.fake.asked[0][0]) == 3999
        height = page.locator(".kt-question").evaluate("question => question.clientHeight")
        assert height < 300

    def test_a_second_question_stands_at_the_top(self, visit) -> None:
        for width, height in ((1280, 800), (390, 844)):
            page = visit(width=width, height=height)
            ask(page, "Pod 一直 Pending？")
            finish(page)
            ask(page, "refuse this")
            finish(page, 2, "refused")
            page.wait_for_timeout(800)
            top = page.locator(".kt-question").nth(1).evaluate("question => question.getBoundingClientRect().top")
            assert 50 < top < 200, width

    def test_an_address_that_there_is_not_becomes_the_one_shown(self, visit, site) -> None:
        page = visit()
        page.goto(f"{site.url}#/nonsense/x")
        page.wait_for_url("**/#/ask")
        page.goto(f"{site.url}#/library")
        page.wait_for_selector("#kt-library .kt-page")
        assert page.url.endswith("#/library")

    def test_hostile_text_runs_nowhere(self, visit) -> None:
        assert len(HOSTILE) >= 60 and len(" ".join(HOSTILE)) < 3900
        page = visit("en-US")
        ask(page, "hostile " + " ".join(HOSTILE)[:3900])
        turn = finish(page)
        assert "<script>window.__xss=1</script>" in turn.locator(".kt-question").inner_text()
        for card in page.locator(".kt-card").all()[:12]:
            card.evaluate("card => { card.open = true }")
        turn.locator(".kt-answer [data-cite]").first.click()
        page.wait_for_timeout(500)
        assert page.evaluate("window.__xss") is None
        assert page.evaluate(
            "document.querySelectorAll('#kt-log :is(script,img,iframe,object,style,link,form,input,"
            "svg,base,meta):not(.kt-answerbar *), #kt-evidence :is(script,img,iframe,object,style,link,form,input,svg)')"
            ".length"
        ) == 0
        assert page.evaluate(
            "[...document.querySelectorAll('#kt-log *, #kt-evidence *, #kt-chats *')].flatMap(node =>"
            "[...node.attributes]).filter(a => a.name.startsWith('on')).length"
        ) == 0

    def test_the_evidence_is_that_of_the_turn_one_looks_at(self, visit, site) -> None:
        page = visit()
        ask(page, "Pod 一直 Pending？")
        finish(page)
        ask(page, "refuse 红烧肉？")
        finish(page, 2, "refused")
        until(lambda: "所以没有引用" in page.inner_text("#kt-evidence"))
        page.locator(".kt-turn").nth(0).locator('.kt-answer [data-cite="2"]').click()
        until(lambda: "所以没有引用" not in page.inner_text("#kt-evidence"))
        assert page.locator("#kt-evidence mark.kt-active").count() == 1
        page.locator(".kt-turn").nth(1).scroll_into_view_if_needed()
        page.evaluate("document.querySelector('#kt-log').scrollTo(0, 99999)")
        until(lambda: "所以没有引用" in page.inner_text("#kt-evidence"))

    def test_a_reload_loses_nothing(self, visit, site) -> None:
        page = visit()
        ask(page, "Pod 一直 Pending？")
        finish(page)
        page.wait_for_selector("#kt-chats li > a[aria-current]")
        page.fill("#kt-q", "还没发出的问题")
        before = [page.inner_text(part) for part in (".kt-question", ".kt-body", "#kt-evidence")]
        page.reload()
        finish(page)
        assert [page.inner_text(part) for part in (".kt-question", ".kt-body", "#kt-evidence")] == before
        until(lambda: page.input_value("#kt-q") == "还没发出的问题")
        page.locator('.kt-answer [data-cite="2"]').click()
        page.wait_for_selector("mark.kt-active")
        page.evaluate("location.hash = '#/progress'")
        page.reload()
        page.click("[data-nav=ask]")
        finish(page)
        ask(page, "slow 那怎么排查？")
        page.wait_for_selector(".kt-draft")
        assert [role for role, _ in site.fake.asked[-1][1]] == ["user", "assistant"]
        address, context = page.url, page.context
        page.close()
        page = context.new_page()
        page.goto(address)
        finish(page, 2, "stopped").locator(".kt-again").click()
        page.wait_for_selector(".kt-turn:nth-of-type(3) .kt-draft")
        assert site.fake.asked[-1][0] == "slow 那怎么排查？"
        page.click("#kt-stop")
        finish(page, 3, "stopped")
        assert page.input_value("#kt-q") == ""

    def test_a_reload_while_the_model_writes_is_no_error(self, visit) -> None:
        page = visit()
        for _ in range(2):
            ask(page, "slow please")
            page.wait_for_selector("[data-state=asking] .kt-draft, .kt-turn:last-child .kt-draft")
            page.reload()
            page.wait_for_selector("#kt[data-ready]")
        page.click("#kt-new")

    def test_conversations_are_searched_renamed_exported_and_deleted(self, visit, site) -> None:
        page = visit()
        ask(page, "第一个问题？")
        finish(page)
        page.click("#kt-new")
        ask(page, "第二个问题？")
        finish(page)
        page.wait_for_selector("#kt-chats li:nth-of-type(2)")
        page.locator("#kt-chats li > a", has_text="第一个").click()
        until(lambda: page.inner_text(".kt-question") == "第一个问题？")
        page.go_back()
        until(lambda: page.inner_text(".kt-question") == "第二个问题？")
        page.locator("#kt-chatlist [name=query]").type("第一个")
        until(lambda: page.locator("#kt-chats li").count() == 1)
        page.click("#kt-chats summary")
        page.fill("#kt-chats [name=title]", "<b>排查</b>")
        page.press("#kt-chats [name=title]", "Enter")
        page.wait_for_selector("#kt-chats li:nth-of-type(2)")
        entry = page.locator("#kt-chats li", has_text="<b>排查</b>")
        entry.locator("summary").click()
        with page.expect_download() as download:
            entry.locator("[data-act='ask.export']").click()
        assert download.value.suggested_filename == "b-排查-b.md"
        assert Path(download.value.path()).read_text("utf-8").startswith("# <b>排查</b>\n\n## 第一个问题？")
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("#kt-chats li", has_text="第二个").locator("summary").click()
        page.locator("#kt-chats li", has_text="第二个").locator("[data-act='ask.delete']").click()
        page.wait_for_selector("#kt-welcome")
        assert page.url.endswith("#/ask")
        assert [c.title for c in site.fake.conversations().all()] == ["<b>排查</b>"]

    def test_an_answer_is_rated_with_a_reason(self, visit, site) -> None:
        page = visit("en-US")
        ask(page, "Pod 一直 Pending？")
        turn = finish(page)
        turn.get_by_label("Not helpful").click()
        reason = turn.locator("[name=reason]")
        reason.fill("引用错了")
        reason.press("Enter")
        until(lambda: turn.locator("[name=reason]").count() == 0)
        assert turn.get_by_label("Not helpful").get_attribute("aria-pressed") == "true"
        [kept] = site.fake.conversations().all()
        assert (kept.turns[0].rating, kept.turns[0].reason) == ("down", "引用错了")

    def test_each_page_has_an_address_and_a_failure_has_a_sentence(self, visit, site, caplog) -> None:
        page = visit()  # this tutor has no progress: that page can't be shown
        page.click("[data-nav=progress]")
        page.wait_for_selector("#kt-progress .kt-error")
        assert "没能完成" in page.inner_text("#kt-progress")
        assert page.url.endswith("#/progress")
        assert page.locator("[aria-current=page]").inner_text() == "进度"
        assert page.title().startswith("进度 · ")
        assert not page.locator("#kt-ask").is_visible()
        page.go_back()
        ask(page, "Pod 一直 Pending？")
        finish(page)
        assert any("of page 'progress' failed" in record.message for record in caplog.records)

    def test_looks_and_language_stay(self, visit) -> None:
        page = visit("en-US", width=390, height=844)
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#kt-theme")
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("[data-set-lang=zh]")
        page.reload()
        page.wait_for_selector("#kt[data-ready]")
        assert light != dark == page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert page.locator("[data-nav=review]").inner_text() == "复习"

    def test_nothing_overflows_on_a_phone(self, visit) -> None:
        page = visit(width=390, height=844)
        ask(page, "Pod 一直 Pending？")
        turn = finish(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator(".kt-main").evaluate("main => main.scrollWidth") <= 390
        assert page.locator("#kt-q").is_visible()
        page.click("#kt-showchats")
        assert page.locator("#kt-chats li").is_visible()
        page.click("#kt-showchats")
        assert not page.locator("#kt-chatlist").is_visible()
        below = page.locator(".kt-side").bounding_box()
        assert below["y"] >= turn.bounding_box()["y"] + turn.bounding_box()["height"] - 1


# the door ------------------------------------------------------------------------------------

FILES = [
    "/gradio_api/file=/etc/passwd", "/gradio_api/file=../../etc/passwd", "/file=/etc/passwd",
    "/gradio_api/file=pyproject.toml", "/gradio_api/file%3D/etc/passwd", "/gradio_api/file/etc/passwd",
    "/gradio_api/file=%2e%2e/%2e%2e/etc/passwd", "/gradio_api/file=.env", "/static/../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2f..%2froutes.py", "/tutor/app.py",
    "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/proxy=https://example.com/", "/config",
    "/gradio_api/info", "/gradio_api/openapi.json", "/docs", "/openapi.json", "/monitoring",
    "/gradio_api/runs", "/gradio_api/upload", "/svelte/x", "/custom_component/a/b/c/d", "/gradio_api/vibe-code",
    "/gradio_api/deep_link", "/login_check", "/gradio_api/token", "/gradio_api/dev/reload", "//etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("path", FILES)
def test_files_and_routes_that_the_page_does_not_use_are_not_served(site: Site, path: str) -> None:
    status, _, body = site.request("GET", path)
    assert status in (403, 404), path
    assert b"root:" not in body
    assert b"import" not in body


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/call/ask", "/gradio_api/api/ask", "/kt/other",
             "/gradio_api/component_server", "/gradio_api/process_recording"],
)  # fmt: skip
def test_nothing_can_be_posted_but_questions(site: Site, path: str) -> None:
    assert site.request("POST", path, b"{}", Content_Type="application/json")[0] == 404
    assert site.request("PUT", path, b"{}")[0] == 405


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "file://", ""]
)
def test_a_foreign_origin_is_refused(site: Site, origin: str) -> None:
    for method, path, body in (("GET", "/", None), ("POST", "/gradio_api/queue/join", b"{}")):
        status, headers, _ = site.request(method, path, body, Origin=origin)
        assert status == 403
        assert "access-control-allow-origin" not in {name.lower() for name in headers}


def test_a_wrong_address_leads_home_whoever_reads_it(site: Site) -> None:
    for lang, said in (("zh-CN", "没有这个页面"), ("en", "no such page")):
        status, headers, body = site.request("GET", "/nonsense", Accept="text/html,*/*", Accept_Language=lang)
        assert status == 404 and said in body.decode() and b'href="/"' in body
        assert headers["content-type"].startswith("text/html")
    assert site.request("GET", "/nonsense")[2] == b"not found"


def test_our_own_origin_may_ask(site: Site) -> None:
    assert site.request("GET", "/", Origin=site.url.rstrip("/"))[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[::1"])
def test_another_host_name_is_refused(site: Site, host: str) -> None:
    assert site.request("GET", "/", Host=host)[0] in (400, 403)


def test_headers_forbid_what_the_page_does_not_need(site: Site) -> None:
    status, headers, body = site.request("GET", "/", X_Forwarded_Host="evil.example")
    found = {name.lower(): value for name, value in headers.items()}
    assert status == 200
    assert b"evil.example" not in body
    policy = found["content-security-policy"]
    for rule in ("default-src 'self'", "connect-src 'self'", "img-src 'self' data:",
                 "object-src 'none'", "frame-ancestors 'none'"):  # fmt: skip
        assert rule in policy
    assert "http:" not in policy
    assert "https:" not in policy
    assert "*" not in policy
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "same-origin"
    assert b"googleapis" not in body
    assert b"cdnjs" not in body
    assert b"api_name" not in body.replace(
        b'"api_name":', b""
    )


def test_a_large_or_endless_body_is_refused(site: Site) -> None:
    path = "/gradio_api/queue/join"
    assert site.request("POST", path, None, Content_Length=str(50_000_000))[0] == 413
    assert site.request("POST", path, None, Transfer_Encoding="chunked")[0] == 411


def test_many_ranges_are_answered_fast(site: Site) -> None:
    started = time.monotonic()
    ranges = "bytes=" + ",".join(f"{n}-{n + 1}" for n in range(0, 12_000, 3))
    site.request("GET", "/static/js/iframeResizer.contentWindow.min.js", Range=ranges)
    assert time.monotonic() - started < 2


def test_gradio_does_not_call_home() -> None:
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_other_addresses_are_refused_until_there_are_accounts(host: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cache_dir=tmp_path, chat="none", host=host, port=0)
    with pytest.raises(SettingsError, match="tutor user add NAME"):
        launch(FakeTutor(), settings, open_browser=False)  # type: ignore[arg-type]


def test_a_taken_port_is_said_in_one_line(site: Site, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cache_dir=tmp_path, chat="none", port=site.port)
    with pytest.raises(SettingsError, match="can't listen"):
        launch(FakeTutor(), settings, open_browser=False)  # type: ignore[arg-type]
