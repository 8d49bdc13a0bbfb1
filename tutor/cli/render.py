"""How answers, passages and progress look in a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from tutor.answers import Answer, Done, Event, Evidence, Sentence, Token
from tutor.retrieval import Passage

if TYPE_CHECKING:
    from tutor.cli.doctor import Finding
    from tutor.weights import Progress

OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)


def follow(events: Iterator[Event], *, quiet: bool) -> Answer:
    """Shows the evidence, then the model's checked sentences, on stderr; returns the answer."""
    answer = None
    for event in events:
        if isinstance(event, Done):
            answer = event.answer
        elif quiet:
            continue
        elif isinstance(event, Evidence) and event.answerable:
            _evidence(event)
        elif isinstance(event, Token) and ERR.is_terminal:
            ERR.print(Text(event.text, "dim"), end="")
        elif isinstance(event, Sentence) and not event.kept and ERR.is_terminal:
            ERR.print(Text(f" ✗ {event.reason} ", "dim red"), end="")
    if not quiet and ERR.is_terminal:
        ERR.print()
    assert answer is not None
    return answer


def _evidence(event: Evidence) -> None:
    first = event.passages[0]
    ERR.print(Text.assemble(("▌ ", "cyan"), (first.title, "bold"), (f"  {first.source}", "dim")))
    lead = first.text.split("\n\n", 1)[0]
    ERR.print(Text("▌ ", "cyan").append(lead[:400], "none"))
    sys.stderr.flush()


def answer(found: Answer) -> None:
    """The answer's text on stdout; sources and notices on stderr."""
    if OUT.is_terminal:
        OUT.print(Markdown(found.text))
    else:
        print(found.text)
    sys.stdout.flush()
    if found.citations:
        ERR.print()
    for citation in found.citations:
        quote = citation.quote.replace("\n", " ")
        ERR.print(
            Text.assemble(
                (citation.marker, "cyan"), f" {citation.title}  ", (citation.source, "dim"),
                "\n    ", (quote[:160] + ("…" if len(quote) > 160 else ""), "dim"),
            )
        )
    for notice in found.notices:
        ERR.print(Text(notice, "yellow"))


def passages(found: Sequence[Passage]) -> None:
    """Numbered passages on stdout."""
    for number, passage in enumerate(found, 1):
        head = Text.assemble(
            (f"{number}. ", "cyan"), (passage.title, "bold"),
            (f"  {passage.item_id}  {passage.score:.3f}  {passage.source}", "dim"),
        )
        OUT.print(head, soft_wrap=True)
        OUT.print(Text(passage.text.split("\n\n", 1)[0]), soft_wrap=True)
        OUT.print()


def findings(found: Sequence[Finding]) -> None:
    """One line a finding, with the remedy under what is wrong."""
    for finding in found:
        mark = ("✓", "green") if finding.ok else ("✗", "red")
        OUT.print(Text.assemble(mark, f" {finding.what}: {finding.state}"), soft_wrap=True)
        if finding.fix:
            OUT.print(Text(f"    {finding.fix}", "yellow"), soft_wrap=True)


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr that appears with the first report; plain lines without a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=ERR, transient=True,
    )
    task = None
    said = -1

    def show(stage: str, done: int, total: int) -> None:
        nonlocal task, said
        if not ERR.is_terminal:
            tenth = 10 * done // max(total, 1)
            if stage == "embedding" and tenth != said:
                said = tenth
                print(f"{title}: {done} of {total} texts", file=sys.stderr, flush=True)
            return
        if task is None:
            bar.start()
            task = bar.add_task(title, total=total)
        bar.update(task, description=f"{title}: {stage}", completed=done, total=total)

    try:
        yield show
    finally:
        if task is not None:
            bar.stop()


@contextlib.contextmanager
def download(name: str) -> Iterator[Callable[[Progress], None]]:
    """A bar of bytes with rate and time left on stderr."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(), console=ERR,
    )
    task = bar.add_task(name, total=None)
    said = -1

    def show(report: Progress) -> None:
        nonlocal said
        if not ERR.is_terminal:
            tenth = 10 * report.bytes_done // max(report.bytes_total, 1)
            if tenth != said:
                said = tenth
                left = "" if report.eta is None else f", {report.eta:.0f} s left"
                done, total = report.bytes_done / 1e6, report.bytes_total / 1e6
                line = f"{name}: {report.stage} {done:.0f} of {total:.0f} MB{left}"
                print(line, file=sys.stderr, flush=True)
            return
        bar.update(
            task, description=f"{name}: {report.stage}",
            completed=report.bytes_done, total=report.bytes_total,
        )

    if ERR.is_terminal:
        bar.start()
    try:
        yield show
    finally:
        if ERR.is_terminal:
            bar.stop()
