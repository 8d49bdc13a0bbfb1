"""People ask the web UI at once: `python -m evals crowd`.

A real server in a process of its own, spoken to as the page speaks to it. One
of them leaves while the model writes for them, one while still waiting
for it. When the others are done, one more asks, to see that nothing is held.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from evals.cases import load

LONGEST = 600.0
"""Seconds after which whoever waits is counted as stuck."""
_GAVE_UP = "left"


@dataclass
class Person:
    """One window of the page: asks a question and notes when what of the answer came."""

    url: str
    question: str
    function: int
    leaves: str = ""
    """"writing" or "waiting": when this person closes the window."""
    session: str = field(default_factory=lambda: secrets.token_hex(6))
    asked: float = 0.0
    at: dict[str, float] = field(default_factory=dict)
    """Seconds from the question to "evidence", "waiting", "model" and "done", or to "left"."""

    async def ask(self, together: asyncio.Barrier | None = None) -> Person:
        limits = httpx.Limits(max_connections=3)
        async with httpx.AsyncClient(base_url=self.url, timeout=LONGEST, limits=limits, verify=False) as client:
            opened = asyncio.Event()
            alive = asyncio.create_task(self._stay(client, opened))
            try:
                await opened.wait()
                if together is not None:
                    await together.wait()
                async with asyncio.timeout(LONGEST):
                    await self._follow(client)
            except TimeoutError:
                pass
            finally:
                alive.cancel()
                with suppress(asyncio.CancelledError, httpx.HTTPError):
                    await alive
        return self

    async def _stay(self, client: httpx.AsyncClient, opened: asyncio.Event) -> None:
        """What tells the server that the window is open."""
        async with client.stream("GET", f"gradio_api/heartbeat/{self.session}") as beats:
            opened.set()
            async for _ in beats.aiter_raw():
                pass

    async def _follow(self, client: httpx.AsyncClient) -> None:
        self.asked = time.perf_counter()
        sent = {"question": self.question, "turn": 1, "chat": ""}
        joined = await client.post("gradio_api/queue/join", json={
            "data": [], "event_data": sent, "fn_index": self.function, "session_hash": self.session,
        })  # fmt: skip
        joined.raise_for_status()
        async with client.stream("GET", "gradio_api/queue/data", params={"session_hash": self.session}) as told:
            async for line in told.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                self._see(message.get("msg", ""), line)
                if self.leaves and self.leaves in self.at:
                    self._note(_GAVE_UP)
                    return
                if message.get("msg") == "process_completed":
                    self._note("done")
                    return

    def _see(self, kind: str, line: str) -> None:
        if kind != "process_generating":
            return
        for name, sign in (("evidence", "kt-card"), ("waiting", "模型正忙"), ("writing", "kt-words")):
            if sign in line or json.dumps(sign)[1:-1] in line:
                self._note(name)

    def _note(self, name: str) -> None:
        self.at.setdefault(name, time.perf_counter() - self.asked)


def crowd(people: int) -> dict[str, Any]:
    """Figures of one run, in seconds. Needs the embedded model."""
    questions = _questions(people + 2)
    with tempfile.TemporaryDirectory() as folder, _server(folder) as url:
        page = _page(url)
        function = _function(url)
        asyncio.run(_warmed(url, function, questions[-1]))
        began = time.perf_counter()
        crowd = asyncio.run(_together(url, function, questions[:people]))
        whole = time.perf_counter() - began
        after = asyncio.run(Person(url, questions[-2], function).ask())
    return {"page ready after": page} | _figures(crowd, whole, after)


def _page(url: str) -> float | None:
    """Seconds until a new visitor can type, on a server that has just started; None without Chromium."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        except Error:
            return None
        began = time.perf_counter()
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("#kt[data-ready]")
        ready = time.perf_counter() - began
        browser.close()
    return round(ready, 2)


async def _together(url: str, function: int, questions: Sequence[str]) -> list[Person]:
    people = [Person(url, question, function) for question in questions]
    people[0].leaves, people[len(people) // 2].leaves = "writing", "waiting"
    together = asyncio.Barrier(len(people))
    return await asyncio.gather(*(person.ask(together) for person in people))


async def _warmed(url: str, function: int, question: str) -> None:
    """Asks until the model has loaded and answers."""
    for _ in range(60):
        if "writing" in (await Person(url, question, function).ask()).at:
            return
        await asyncio.sleep(2)
    raise RuntimeError("the chat model doesn't get ready: tutor models fetch")


def _figures(crowd: Sequence[Person], whole: float, after: Person) -> dict[str, Any]:
    stayed = [person for person in crowd if not person.leaves]
    evidence = [person.at.get("evidence", LONGEST) for person in crowd]
    words = [person.at["writing"] for person in stayed if "writing" in person.at]
    writing = [p.at["done"] - p.at["writing"] for p in stayed if {"writing", "done"} <= set(p.at)]
    return {
        "people": len(crowd),
        "evidence": _spread(evidence),
        "evidence within 1 s": sum(seconds <= 1 for seconds in evidence),
        "of those who stayed": {
            "people": len(stayed),
            "the model wrote for": len(words),
            "stuck": sum("done" not in person.at for person in stayed),
            "first word of the model": _spread(words),
            "the model's seconds for each": _spread(writing),
            "Jain's index of these (1: all alike)": round(float(np.sum(writing) ** 2 / (len(writing) * np.sum(np.square(writing)))), 2) if writing else None,
        },
        "two who left after": [round(person.at.get(_GAVE_UP, -1.0), 2) for person in crowd if person.leaves],
        "the whole": round(whole, 1),
        "one more, afterwards": {name: round(after.at.get(name, -1.0), 2) for name in ("evidence", "writing", "done")},
    }


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {"median": round(float(np.median(seconds)), 2), "p95": round(float(np.percentile(seconds, 95)), 2), "most": round(max(seconds), 2)}


def _questions(n: int) -> list[str]:
    """Development questions that begin a conversation and are answered, of both languages in turn."""
    cases = [case for case in load("ask.dev") if not case.history]
    by_lang = [[case.question for case in cases if case.lang == lang] for lang in ("zh", "en")]
    return [question for pair in zip(*by_lang, strict=False) for question in pair][:n]


def _function(url: str) -> int:
    """Number of the function that the page calls with a question."""
    page = httpx.get(url).text
    config, _ = json.JSONDecoder().raw_decode(page, page.index("window.gradio_config = ") + len("window.gradio_config = "))
    return next(one["id"] for one in config["dependencies"] if any(event == "submit" for _, event in one["targets"]))


@contextmanager
def _server(folder: str) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tutor", "web", "--no-browser", "--port", "0"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "KUBE_TUTOR_DATA_DIR": folder},
    )  # fmt: skip
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://\S+/", line):
                yield found[0]
                break
        else:
            raise RuntimeError("the web UI didn't start")
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)
        process.kill()

