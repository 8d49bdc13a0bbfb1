"""axe-core over every page: both languages, light and dark, desk and phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from types import SimpleNamespace

import pytest

from evals.shots import serving
from tests.conftest import judged
from tests.doubles import CORPUS, Clock, FakeEmbedder, FakeJudge
from tests.test_web import CHROMIUM, browser_test
from tests.test_web import pytestmark as warnings_of_gradio
from tests.test_web_interview import GOOD, START, Visitor, taken
from tutor.app import Tutor
from tutor.settings import Settings
from tutor.web import door

pytestmark = [*warnings_of_gradio, *browser_test]

GRAVE = ("serious", "critical")
EXCUSED = {
    ("target-size", ".kt-back"): "the bar at the bottom of a phone covers half of whatever is scrolled under its edge",
}
"""What is no fault of ours to mend: rule and selector -> reason. Of Gradio's own elements there is none."""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS = ((DESK, "zh", "light"), (DESK, "en", "dark"), (PHONE, "en", "light"), (PHONE, "zh", "dark"))
"""Every two of size, language and look once."""
RUN = """async () => {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const found = await axe.run(document, {resultTypes: ['violations'], runOnly: tags, iframes: false, preload: false});
  return found.violations.flatMap(v => v.nodes.map(n => [v.impact, v.id, n.target.join(' '), n.failureSummary.split('\\n')[1]]));
}"""
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def grave(page) -> list[tuple[str, ...]]:
    """What axe finds on the page as it stands."""
    return [
        tuple(one) for one in page.evaluate(RUN)
        if one[0] in GRAVE and not any(one[1] == rule and part in one[2] for rule, part in EXCUSED)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A served tutor whose one user has something on every page."""
    folder = tmp_path_factory.mktemp("access")
    for name, text in CORPUS.items():
        path = folder / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", corpus_dir=folder / "corpus", chat="none")
    with Tutor.open(settings, chat_model=None, embedder=FakeEmbedder(), judge=FakeJudge()) as tutor:
        clock = Clock(START, 7)
        me = Visitor(judged(tutor, FakeJudge(), clock=clock), clock)
        taken(me, 3)
        report = me.id
        clock.now += timedelta(days=3)
        me.start(topics=["pod-lifecycle"], n="3")
        me.go("hint", place=me.place)
        asked = me.id
        me.start(topics=["storage"], n="3")
        me.reply(GOOD, expected="6")
        graded = me.id
        notes = folder / "notes.md"
        notes.write_text("# What is xyzzy?\n\nCall 4711.\n", "utf-8")
        tutor.notebook("me").add(notes, "notes.md")
        chats = tutor.conversations("me")
        chat = {}
        for key, question in (("refused", "红烧肉怎么做？"), ("answered", "存活探针和就绪探针有什么区别")):
            before, number = chats.ask(question)
            answer = tutor.ask(question)
            chats.answer(before.id, number, answer.status, answer=answer)
            chat[key] = f"ask/{before.id}"
        judged(tutor, FakeJudge())
        with serving(tutor) as url:
            yield SimpleNamespace(url=url, report=f"interview/{report}", asked=f"interview/{asked}",
                                  graded=f"interview/{graded}", **chat)  # fmt: skip


@pytest.fixture(scope="module")
def page(lived: SimpleNamespace):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(locale="zh-CN", reduced_motion="reduce").new_page()
        page.add_init_script(AXE)
        page.set_default_timeout(20_000)
        page.goto(lived.url)
        page.wait_for_selector("#kt[data-ready]")
        yield page
        page.close()
        browser.close()


@pytest.mark.parametrize(
    ("where", "ready"),
    [
        ("ask", "#kt-welcome"), ("answered", ".kt-answer"), ("refused", ".kt-refusal"),
        ("interview", ".kt-iv-setup"), ("asked", "#kt-interview-reply"), ("graded", ".kt-iv-points"),
        ("report", ".kt-iv-report"), ("review", ".kt-iv-today"), ("progress", ".kt-progress-page"),
        ("library", ".kt-lib-group"), ("library/pvc", ".kt-lib-item"), ("library/notes", "#kt-library-files"),
    ],
)  # fmt: skip
def test_axe_finds_nothing_serious(page, lived: SimpleNamespace, where: str, ready: str) -> None:
    if where == "ask":
        page.evaluate("sessionStorage.clear()")
    page.goto(f"{lived.url}#/{getattr(lived, where, where)}")
    page.wait_for_selector(ready)
    page.evaluate("for (const one of document.querySelectorAll('.kt-view:not([hidden]) details')) one.open = true")
    found = {}
    for size, lang, look in LOOKS:
        page.set_viewport_size(size)
        page.click(f"[data-set-lang={lang}]")
        page.wait_for_selector(ready)
        if page.evaluate("document.documentElement.dataset.look") != look:
            page.click("#kt-theme")
        found[size["width"], lang, look] = grave(page)
    assert not {where: nodes for where, nodes in found.items() if nodes}


@pytest.mark.parametrize(("lang", "look"), [("zh", "dark"), ("en", "light")])
def test_axe_finds_nothing_serious_at_the_door(page, lang: str, look: str) -> None:
    page.emulate_media(color_scheme=look)
    page.set_content(door.page(lang, name="li", failed=True))
    assert grave(page) == []
