"""`tutor doctor`: every part looked at, each with its remedy."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from tutor.errors import TutorError
from tutor.settings import PREFIX, Settings


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` in a few words, `fix` when something should be done."""

    what: str
    ok: bool
    state: str
    fix: str | None = None


def examine() -> list[Finding]:
    """Looks at settings, folders, corpus, index, embedder and chat model. Changes nothing."""
    try:
        settings = Settings.from_env()
    except TutorError as error:
        return [Finding("settings", False, error.message, error.fix)]
    found = [
        Finding("python", sys.version_info >= (3, 11), sys.version.split()[0]),
        *(_setting(settings, field.name) for field in fields(settings)),
        _folder("data folder", settings.data_dir),
        _folder("cache folder", settings.cache_dir),
    ]
    for what, look in (
        ("corpus", _corpus), ("embedder", _embedder), ("index", _index), ("chat model", _chat),
    ):
        found.append(_guarded(what, look, settings))
    return found


def _guarded(what: str, look: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(what, True, look(settings))
    except TutorError as error:
        return Finding(what, False, error.message, error.fix)


def _setting(settings: Settings, name: str) -> Finding:
    value = getattr(settings, name)
    shown = "(set, not shown)" if name == "chat_key" and value else str(value)
    return Finding(PREFIX + name.upper(), True, shown)


def _folder(what: str, folder: Path) -> Finding:
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free / 1e9
    probe = there / ".kube-tutor-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Finding(
            what, False, f"{str(folder)!r} can't be written: {error.strerror}",
            f"set {PREFIX}DATA_DIR or {PREFIX}CACHE_DIR to a folder that you can write",
        )
    return Finding(what, True, f"{folder} ({free:.1f} GB free)")


def _corpus(settings: Settings) -> str:
    from tutor.corpus import read

    reading = read(settings.corpus_dir)
    if reading.problems:
        first = reading.problems[0]
        raise TutorError(f"{len(reading.problems)} problems, first {first}", fix="run `tutor corpus check`")
    return f"{len(reading.items)} items in {settings.corpus_dir}"


def _embedder(settings: Settings) -> str:
    from tutor.embeddings import open_embedder

    embedder = open_embedder(settings.embedder)
    return f"{embedder.name}, {len(embedder.embed_query('pod'))} dimensions"


def _index(settings: Settings) -> str:
    from tutor.app import open_index
    from tutor.embeddings import open_embedder

    index = open_index(settings, open_embedder(settings.embedder))
    snapshot = index.snapshot()
    state = f"{snapshot.item_count} items, {len(snapshot)} chunks, {index.current()}"
    index.close()
    return state


def _chat(settings: Settings) -> str:
    from tutor import weights

    if settings.chat == "none":
        return "none: answers are the cited extracts"
    if settings.chat != "endpoint":
        return str(weights.find(settings.chat, settings.cache_dir))
    from tutor.chat import Message
    from tutor.llm import EndpointChat

    assert settings.chat_url and settings.chat_model
    chat = EndpointChat(settings.chat_url, settings.chat_model, settings.chat_key, timeout=15)
    for _ in chat.stream([Message("user", "Say OK.")], max_tokens=4):
        break
    return f"{settings.chat_model} answers at {settings.chat_url}"
