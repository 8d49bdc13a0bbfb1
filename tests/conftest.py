"""Shared fixtures: a scrubbed environment, no sockets beyond loopback, small doubles."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.doubles import CORPUS, UNMOVED, FakeChat, FakeEmbedder, FakeJudge
from tutor.app import Tutor
from tutor.settings import Settings
from tutor.study import Study

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("KUBE_TUTOR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection that leaves this machine fails the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])  # type: ignore[index]
            if not (host.startswith("127.") or host in ("::1", "localhost")):
                raise AssertionError(f"a connection to {host!r} was tried")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings over empty folders and a corpus of four small items."""
    corpus = tmp_path / "corpus"
    for name, text in CORPUS.items():
        path = corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return Settings(
        data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", corpus_dir=corpus, chat="none"
    )


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def judge() -> FakeJudge:
    return FakeJudge()


def judged(tutor: Tutor, judge: FakeJudge, **changes: object) -> Tutor:
    """The tutor with a study that takes the judge's word; `changes` are arguments of `Study`."""
    place = tutor.settings.database_place
    tutor.study = Study(place, judge, tutor._by_id, tutor._asked, calibration=UNMOVED, **changes)
    return tutor


@pytest.fixture
def tutor(settings: Settings, embedder: FakeEmbedder, judge: FakeJudge) -> Iterator[Tutor]:
    with Tutor.open(settings, chat_model=None, embedder=embedder, judge=judge) as opened:
        yield judged(opened, judge)


@pytest.fixture
def chatty(settings: Settings, embedder: FakeEmbedder):
    """Opens a tutor whose model says what the test says."""
    opened: list[Tutor] = []

    def make(replies: Sequence[str] | Exception) -> Tutor:
        tutor = Tutor.open(settings, chat_model=FakeChat(replies), embedder=embedder)
        opened.append(tutor)
        return tutor

    yield make
    for tutor in opened:
        tutor.close()
