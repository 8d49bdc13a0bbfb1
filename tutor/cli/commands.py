"""What each command does: call `Tutor`, render what it returns."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutor.cli import render
from tutor.errors import InputError, TutorError
from tutor.settings import Settings

if TYPE_CHECKING:
    from tutor.app import Tutor


def ask(options: argparse.Namespace) -> int:
    from tutor.app import checked_question

    question = checked_question(_question(options.question))
    with open_tutor(chat=not options.no_model) as tutor:
        answer = render.follow(tutor.stream(question), quiet=options.json)
    if options.json:
        print(json.dumps(asdict(answer), ensure_ascii=False, indent=1))
    else:
        render.answer(answer)
    return 0


def search(options: argparse.Namespace) -> int:
    with open_tutor(chat=False) as tutor:
        passages = tutor.search(_question(options.question), k=options.k)
    if options.json:
        print(json.dumps([asdict(p) for p in passages], ensure_ascii=False, indent=1))
    else:
        render.passages(passages)
    return 0


def ingest(options: argparse.Namespace) -> int:
    if options.rebuild:
        return _rebuild()
    with open_tutor(chat=False) as tutor:
        if options.list:
            for root, count in sorted(tutor.index.snapshot().roots().items()):
                print(f"{count:6d}  {root}")
            return 0
        reports: dict[str, Any] = {}
        for path in options.path:
            with render.progress(f"ingest {path}") as progress:
                reports[path] = (
                    tutor.forget(path) if options.remove else tutor.ingest(path, progress=progress)
                )
        problems = [*tutor.problems, *(p for r in reports.values() for p in r.problems)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if options.json:
        print(json.dumps({p: asdict(r) for p, r in reports.items()}, ensure_ascii=False, indent=1))
    else:
        for path, report in reports.items():
            print(
                f"{path}: {len(report.added)} added, {len(report.updated)} updated, "
                f"{len(report.removed)} removed, {len(report.skipped)} unchanged, "
                f"{len(report.problems)} problems"
            )
        if not reports:
            print("the index is up to date")
    return 1 if problems else 0


def _rebuild() -> int:
    from tutor.app import open_index
    from tutor.embeddings import open_embedder

    settings = Settings.from_env()
    index = open_index(settings, open_embedder(settings.embedder))
    with render.progress("rebuild the index") as progress:
        count = index.rebuild(progress)
    (settings.index_dir / "corpus.json").unlink(missing_ok=True)
    with open_tutor(chat=False) as tutor:
        total = len(tutor.items())
    print(f"rebuilt: {count} items kept, {total} items now")
    return 0


def models(options: argparse.Namespace) -> int:
    from tutor import weights

    settings = Settings.from_env()
    if options.action == "list":
        for status in weights.status(settings.cache_dir):
            size = f"{status.model.size / 1e6:,.0f} MB"
            chosen = "*" if status.model.name == settings.chat else " "
            print(f"{chosen} {status.model.name:22} {size:>9}  {status.state:8} {status.path}")
            if status.problem:
                print(f"  {status.problem}")
        print("(* is used; choose with KUBE_TUTOR_CHAT)", file=sys.stderr)
        return 0
    name = options.name or (settings.chat if settings.chat in weights.MODELS else weights.DEFAULT)
    if options.action == "fetch":
        with render.download(name) as show:
            path = weights.fetch(name, settings.cache_dir, show)
        print(path)
        return 0
    status = weights.verify(name, settings.cache_dir, deep=True)
    print(f"{name}: {status.state}" + (f", {status.problem}" if status.problem else ""))
    status.require()
    return 0


def corpus(options: argparse.Namespace) -> int:
    from tutor.corpus import lint

    settings = Settings.from_env()
    if options.action == "embed":
        from tutor.app import embed_corpus

        with render.progress("embed the corpus") as progress:
            print(embed_corpus(settings, lambda done, total: progress("embedding", done, total)))
        return 0
    root = settings.corpus_dir.resolve()
    everything, broken = lint.read_curated(root)
    if options.action == "stats":
        print(lint.stats(everything))
        for problem in broken:
            print(problem, file=sys.stderr)
        return 1 if broken else 0
    wanted = [_in_corpus(path, root) for path in options.path] or [root]
    chosen = [i for i in everything if _inside(i.source.path, wanted)]
    problems = [p for p in broken if _inside(p.path, wanted)] + lint.check(
        chosen,
        everything=everything,
        ledger=Path(options.ledger) if options.ledger else None,
        docs=Path(options.docs) if options.docs else None,
    )
    for problem in problems:
        print(problem)
    print(f"{len(chosen)} items, {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


def _in_corpus(path: str, root: Path) -> Path:
    """The file or folder that a user means: as given, or inside the corpus."""
    for candidate in (Path(path), root / path):
        if candidate.exists():
            return candidate.resolve()
    raise InputError(f"there is no file or folder {path!r}", fix=f"name one below {str(root)!r}")


def _inside(path: str, folders: list[Path]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def doctor(options: argparse.Namespace) -> int:
    from tutor.cli.doctor import examine

    findings = examine()
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        render.findings(findings)
    return 0 if all(finding.ok for finding in findings) else 1


def web(options: argparse.Namespace) -> int:
    settings = Settings.from_env()
    if options.port is not None:
        settings = replace(settings, port=options.port)
    with open_tutor(settings=settings) as tutor:
        from tutor.web import launch

        if tutor.chat_notice:
            print(f"tutor: {tutor.chat_notice}", file=sys.stderr)
        threading.Thread(target=_warm, args=(tutor,), name="warm", daemon=True).start()
        launch(tutor, settings, open_browser=not options.no_browser)
    return 0


def _warm(tutor: Any) -> None:
    # It only saves time, and the page may be stopped meanwhile: what is wrong, a question says.
    with contextlib.suppress(Exception):
        tutor.warm()


def completion(options: argparse.Namespace) -> int:
    import shtab

    from tutor.cli.main import parser

    print(shtab.complete(parser(), options.shell))
    return 0


def open_tutor(*, chat: bool = True, settings: Settings | None = None) -> Tutor:
    """The tutor that the environment describes; without `chat`, no chat model is started."""
    from tutor.app import Tutor

    settings = settings or Settings.from_env()
    if not chat:
        settings = replace(settings, chat="none", chat_url=None)
    with render.progress("build the index (once, a few minutes)") as progress:
        return Tutor.open(settings, progress=progress)


def _question(words: list[str]) -> str:
    if words != ["-"]:
        return " ".join(words)
    text = sys.stdin.read(200_000)
    if not text.strip():
        raise InputError("standard input holds no question")
    return text


__all__ = ["TutorError", "ask", "completion", "corpus", "doctor", "ingest", "models", "search", "web"]
