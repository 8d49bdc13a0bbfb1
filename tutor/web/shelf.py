"""Notes of one's own on the page "Library": uploading them, and what came of it."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from tutor.errors import TutorError
from tutor.index import SyncReport, is_own
from tutor.notebook import MAX_ALL, MAX_FILE, MAX_FILES, SUFFIXES
from tutor.web import render
from tutor.web.pages import Context, Data, Frame, Upload, uploads
from tutor.web.words.library import WORDS

_PROBLEMS = 20
"""Problems of a file that are shown."""
_PATIENCE = 0.4
"""Seconds between two frames of progress."""


def page(context: Context) -> str:
    """What follows the page's head."""
    rules = WORDS.both("formats", each=MAX_FILE // 2**20, files=MAX_FILES, all=MAX_ALL // 2**20)
    return (
        f'<p class="kt-lead">{WORDS.both("own-lead")}</p><form class="kt-panel kt-lib-upload" data-act="library.upload">'
        f'<label class="kt-lib-drop"><strong>{WORDS.both("choose")}</strong><output class="kt-quiet" data-chosen></output>'
        f'<input type="file" name="files" multiple required accept="{",".join(SUFFIXES)}"></label><p class="kt-quiet">{rules}</p><progress max="1" hidden></progress>'
        f'<div class="kt-row"><button class="kt-button kt-primary">{WORDS.both("upload")}</button></div></form>'
        f'<div id="kt-library-report" role="status"></div><div id="kt-library-files">{_files(context)}</div>'
    )


def upload(context: Context, data: Data) -> Iterator[Frame]:
    """Adds the files one by one; the report grows meanwhile."""
    sent = uploads(data, "files")
    if not sent:
        yield Frame({"library-report": f'<p class="kt-notice">{WORDS.both("none-chosen")}</p>'})
        return
    rows: list[str] = []
    for n, file in enumerate(sent, 1):
        name = WORDS.both("working", n=n, all=len(sent), name=_shown(file.name))
        for outcome in _watched(lambda progress, file=file: _add(context, file, progress)):
            if isinstance(outcome, str):
                rows.append(outcome)
            else:
                yield Frame({"library-report": _report(rows) + _working(name, *outcome)})
    yield Frame({"library-report": _report(rows), "library-files": _files(context)}, focus="library-result")


def remove(context: Context, name: str) -> Frame:
    """Removes one file with what was found in it."""
    context.tutor.notebook(context.user).remove(name)
    return Frame({"library-files": _files(context), "library-report": ""}, toast=WORDS.both("was-removed"))


Progress = Callable[[str, int, int], None]


def _watched(work: Callable[[Progress], str]) -> Iterator[str | tuple[str, int, int]]:
    """What the work says of its progress (stage, done, total), then its result."""
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run() -> None:
        try:
            told.put(work(lambda *at: told.put(at)))
        except BaseException as error:
            told.put(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield "", 0, 0
    while True:
        said, end = told.get(), time.monotonic() + _PATIENCE
        with contextlib.suppress(queue.Empty):  # several tellings are shown as one
            while isinstance(said, tuple):
                said = told.get(timeout=max(0.0, end - time.monotonic()))
        if isinstance(said, BaseException):
            raise said
        yield said
        if isinstance(said, str):
            return


def _add(context: Context, file: Upload, progress: Progress) -> str:
    """One row of the report."""
    if PurePath(file.name.lower()).suffix not in SUFFIXES:
        return _row(file.name, WORDS.both("not-added"), [WORDS.both("reason-type")], bad=True)
    try:
        report = context.tutor.notebook(context.user).add(file.path, file.name, progress)
    except TutorError as error:
        return _row(file.name, WORDS.both("not-added"), [render.said(error)], bad=True)
    found = bool(report.added or report.updated or report.skipped)
    reasons = [] if found else [WORDS.both("no-items")]
    reasons += [
        f'{WORDS.both("line", n=problem.line)}: {render.problem(problem.message)}'
        for problem in report.problems[:_PROBLEMS]
    ]
    if len(report.problems) > _PROBLEMS:
        reasons.append("…")
    return _row(file.name, _changes(report) if found else WORDS.both("not-added"), reasons, bad=not found)


def _changes(report: SyncReport) -> str:
    counts = {
        "added": report.added, "updated": report.updated, "removed": report.removed, "skipped": report.skipped,
    }  # fmt: skip
    return " · ".join(WORDS.both(key, n=len(ids)) for key, ids in counts.items() if ids)


def _row(name: str, result: str, reasons: list[str], *, bad: bool) -> str:
    why = f'<ul>{"".join(f"<li>{reason}</li>" for reason in reasons)}</ul>' if reasons else ""
    mark = "kt-bad" if bad else "kt-good"
    return f'<tr><th scope="row">{render.plain(_shown(name))}</th><td><span class="{mark}">{result}</span>{why}</td></tr>'


def _shown(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:70]}…{name[-8:]}"


def _report(rows: list[str]) -> str:
    if not rows:
        return ""
    return (
        f'<section class="kt-panel" id="kt-library-result"><h3>{WORDS.both("report")}</h3><div class="kt-table"><table class="kt-lib-report">'
        f'<thead><tr><th scope="col">{WORDS.both("file")}</th><th scope="col">{WORDS.both("result")}</th></tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div></section>'
    )


def _working(name: str, stage: str, done: int, total: int) -> str:
    at = f'<span class="kt-quiet">{WORDS.both("embedding", done=done, total=total)}</span>' if stage == "embedding" else ""
    bar = f'<progress max="{total}" value="{done}"></progress>' if total else "<progress></progress>"
    return f'<div class="kt-panel"><p class="kt-status"><span class="kt-pulse"></span>{name}</p>{bar}{at}</div>'


def _files(context: Context) -> str:
    notes = context.tutor.notes(context.user)
    if not notes:
        return f'<p class="kt-quiet">{WORDS.both("files-none")}</p>'
    items: dict[str, list[tuple[str, str]]] = {}
    for item in context.tutor.items(context.user):
        if is_own(item):
            items.setdefault(item.source.path, []).append((item.id, item.title(context.lang)))
    rows = "".join(
        f'<li><div class="kt-row"><strong>{render.plain(file.name)}</strong><span class="kt-pill">{WORDS.both("items", n=file.items)}</span>'
        f'<button type="button" class="kt-button kt-small kt-danger kt-end" data-act="library.remove" data-arg-name="{render.plain(file.name)}" '
        f'{WORDS.attributes("data-confirm", "remove-sure")}>{WORDS.both("remove")}</button></div>{_inside(items.get(file.name, []))}</li>'
        for file in notes
    )
    return f'<section class="kt-panel"><h3>{WORDS.both("files")}</h3><ul class="kt-lib-files">{rows}</ul></section>'


def _inside(items: list[tuple[str, str]]) -> str:
    if not items:
        return ""
    rows = "".join(
        f'<li><a href="#/library/{render.plain(id)}">{render.plain(title)}</a></li>' for id, title in items
    )
    return f'<details><summary>{WORDS.both("show")}</summary><ul class="kt-lib-rows">{rows}</ul></details>'
