"""Screenshots of every page for the README: `python -m evals shots`.

A real server over the shipped corpus and the embedded models, in a data folder
of its own; a learner's fortnight is made up first, and graded as any other.
"""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from tutor.app import Tutor
from tutor.interview import Interview
from tutor.settings import Settings

CHROMIUM = "/usr/bin/chromium"
REPLIES_AT = Path(__file__).parent / "grader" / "replies"
USER = "me"
SIZES = {"desktop": (1280, 860, 1.0), "phone": (390, 844, 2.0)}
"""Width, height and pixels per CSS pixel."""
QUALITY = {"desktop": 80, "phone": 62}

NOTES = """# 我们上线前要检查什么？

镜像用摘要固定；资源请求和上限都写；就绪探针单独一个接口，不查数据库。

# Who is paged when the canary fails?

The release engineer of the week. Roll back first, then look for the cause.
"""
QUESTIONS = {
    "zh": "就绪探针失败是不是会重启容器？",
    "en": "My Pod is stuck in Pending. How do I investigate?",
}
ASIDE = {
    "zh": ("NodePort 和 LoadBalancer 有什么区别？", "红烧肉怎么做？"),
    "en": ("How does a Service find the Pods behind it?", "Who won the match last night?"),
}
"""Other conversations in the list; the last of each is refused."""
ASKED = "probe-types-overview"
REPLIES = {
    "zh": (
        "Kubernetes 有存活、就绪、启动三种探针。存活探针失败，kubelet 会杀掉容器再按重启策略拉起来。"
        "就绪探针失败时也会重启容器。没有配探针的话，就只看主进程还在不在。"
    ),
    "en": (
        "There are three probes: liveness, readiness and startup. When liveness fails, the kubelet kills the "
        "container and restarts it. A failing readiness probe restarts the container as well. "
        "Without probes, only the main process is watched."
    ),
}
GOOD, FAIR, POOR = ("paraphrase", "spoken"), ("half", "mixed"), ("vague", "other-question")
"""Styles of the replies that the grader was trained on, which people would give too."""
COURSE = (
    (13, ("pod-lifecycle", "workloads"), (POOR, FAIR, FAIR)), (12, ("services-networking",), (FAIR, POOR, FAIR)),
    (10, ("scheduling", "storage"), (FAIR, GOOD, POOR)), (9, ("pod-lifecycle",), (GOOD, FAIR, FAIR)),
    (7, ("workloads", "config-security"), (FAIR, GOOD, POOR)), (6, ("services-networking",), (GOOD, FAIR, GOOD)),
    (4, ("pod-lifecycle", "scheduling"), (GOOD, GOOD, FAIR)), (3, ("storage",), (FAIR, GOOD, GOOD)),
    (2, ("workloads", "architecture"), (GOOD, FAIR, GOOD)), (1, ("services-networking", "etcd"), (GOOD, GOOD, FAIR)),
)  # fmt: skip
"""Days ago, topics, and how well the three questions are answered."""
EXPECTED = {GOOD: 8, FAIR: 6, POOR: 4}
START = 60.0
"""Seconds that the web UI may take to start."""


class Clock:
    """The time that is said; half a minute passes at each look until it is let go."""

    def __init__(self) -> None:
        self.now: datetime | None = None

    def __call__(self) -> datetime:
        if self.now is None:
            return datetime.now(UTC)
        self.now += timedelta(seconds=30)
        return self.now


@dataclass(frozen=True)
class Places:
    """Addresses of what was made up, by language."""

    chat: dict[str, str]
    grade: dict[str, str]
    report: dict[str, str]


def shots(out: Path) -> dict[str, Any]:
    """Writes a picture of every page into `out`; returns their sizes in kB."""
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(Settings.from_env(), data_dir=Path(folder))
        with Tutor.open(settings) as tutor, sync_playwright() as playwright:
            _wait_for_model(tutor)
            places = _lived(tutor, Path(folder))
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            with serving(tutor) as url:
                written = [
                    path
                    for lang in ("zh", "en")
                    for size in SIZES
                    for path in _pages(browser, url, lang, size, places, out)
                ]
            browser.close()
    return {path.name: round(path.stat().st_size / 1000) for path in sorted(written)}


def _wait_for_model(tutor: Tutor) -> None:
    tutor.warm()
    until = time.monotonic() + 120
    while tutor.chat is not None and not tutor.chat.ready() and time.monotonic() < until:
        time.sleep(0.2)


# a learner's fortnight -----------------------------------------------------------------------


def _lived(tutor: Tutor, folder: Path) -> Places:
    notes = folder / "我们的约定.md"
    notes.write_text(NOTES, "utf-8")
    tutor.notebook(USER).add(notes, notes.name)
    clock = Clock()
    tutor.study._clock = clock
    today = datetime.now(UTC).replace(hour=9, minute=0)
    replies = _replies()
    for number, (ago, topics, styles) in enumerate(COURSE):
        clock.now = today - timedelta(days=ago)
        lang = "zh" if number % 2 else "en"
        _take(tutor.interview(topics=topics, lang=lang, n=3, user=USER, seed=number), styles, replies)
    report, grade = {}, {}
    for number, lang in enumerate(("zh", "en")):
        clock.now = datetime.now(UTC) - timedelta(hours=3 - number)
        mock = tutor.interview(lang=lang, n=6, user=USER, seed=40 + number, level="mid")
        _take(mock, (GOOD, FAIR, GOOD, GOOD, POOR, FAIR), replies)
        report[lang] = f"interview/{mock.id}"
    clock.now = None
    chat = {lang: _chats(tutor, lang) for lang in ("zh", "en")}
    for lang in ("zh", "en"):
        drill = tutor.interview(topics=["pod-lifecycle"], lang=lang, n=5, user=USER, mode="drill")
        drill.ask(ASKED)
        drill.reply(REPLIES[lang], predicted=8)
        grade[lang] = f"interview/{drill.id}"
    return Places(chat, grade, report)


def _replies() -> dict[tuple[str, str, str], str]:
    """Written replies by item, style and language."""
    rows = [json.loads(line) for path in sorted(REPLIES_AT.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return {(row["item"], row["style"], row["lang"]): row["text"] for row in rows}


def _take(interview: Interview, styles: Sequence[tuple[str, str]], replies: Mapping[tuple[str, str, str], str]) -> None:
    lang = interview.state.plan.lang
    number = 0
    while (question := interview.next()) is not None:
        if question.kind != "question":
            interview.skip()
            continue
        styled = styles[number % len(styles)]
        number += 1
        said = [
            text for of in (lang, "en" if lang == "zh" else "zh") for style in styled
            if (text := replies.get((question.item_id, style, of)))
        ]  # fmt: skip
        interview.reply(said[0] if said else {"zh": "记不清了。", "en": "I don't remember."}[lang], predicted=EXPECTED[styled])
    interview.finish()


def _chats(tutor: Tutor, lang: str) -> str:
    chats = tutor.conversations(USER)
    asked = (*ASIDE[lang], QUESTIONS[lang])
    for question in asked:
        before, number = chats.ask(question)
        answer = tutor.ask(question, user=USER)
        chats.answer(before.id, number, answer.status, answer=answer)
    return f"ask/{before.id}"


# the pictures --------------------------------------------------------------------------------


def _pages(browser: Any, url: str, lang: str, size: str, places: Places, out: Path) -> Iterator[Path]:
    width, height, scale = SIZES[size]
    context = browser.new_context(
        locale="zh-CN" if lang == "zh" else "en-US", viewport={"width": width, "height": height},
        device_scale_factor=scale, color_scheme="light" if (lang == "zh") == (size == "desktop") else "dark",
    )  # fmt: skip
    context.set_default_timeout(60_000)
    for name, address, ready in (
        ("ask", places.chat[lang], ".kt-answer"),
        ("interview", places.grade[lang], ".kt-iv-points"),
        ("setup", "interview", ".kt-iv-setup"),
        ("report", places.report[lang], ".kt-iv-report"),
        ("review", "review", ".kt-iv-today"),
        ("progress", "progress", ".kt-progress-page"),
        ("library", "library", ".kt-lib-group"),
        ("item", f"library/{ASKED}", ".kt-lib-item"),
        ("notes", "library/notes", "#kt-library-files"),
    ):
        page = context.new_page()
        page.goto(f"{url}#/{address}")
        page.wait_for_selector(ready)
        page.wait_for_timeout(600)
        path = out / f"{name}-{lang}-{size}.webp"
        _write(page.screenshot(), path, QUALITY[size])
        page.close()
        yield path
    context.close()


def _write(png: bytes, path: Path, quality: int) -> None:
    from PIL import Image

    Image.open(BytesIO(png)).convert("RGB").save(path, quality=quality, method=6)


@contextmanager
def serving(tutor: Tutor) -> Iterator[str]:
    """The web UI on a free port of loopback. Raises `TimeoutError` when it isn't up within `START` seconds."""
    import uvicorn

    from tutor.web import application, server_config

    servers: list[uvicorn.Server] = []

    def serve() -> None:  # in a thread of its own: Playwright has a loop running in this one
        servers.append(uvicorn.Server(server_config(application(tutor, tutor.settings.data_dir))))
        servers[0].run(sockets=[listener])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            end = time.monotonic() + START
            while not (servers and servers[0].started):
                if time.monotonic() > end:
                    raise TimeoutError("the web UI didn't start")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            for server in servers:
                server.should_exit = True
            thread.join(20)

