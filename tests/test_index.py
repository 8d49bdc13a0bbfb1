"""The index: incremental, atomic, and the same whatever way led to it."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import ROOT
from tests.doubles import CORPUS, FakeEmbedder
from tutor.chunks import chunks_of
from tutor.corpus import Item, read_text
from tutor.errors import IndexError_, IndexMismatch, StorageError
from tutor.index import EmbeddingCache, Index


def items() -> list[Item]:
    return [read_text(text, name).items[0] for name, text in CORPUS.items()]


@pytest.fixture
def index(tmp_path: Path, embedder: FakeEmbedder):
    index = Index(tmp_path / "index", embedder, EmbeddingCache(tmp_path / "cache"))
    yield index
    index.close()


def contents(index: Index) -> dict:
    """All that the three stores hold, in comparable form."""
    snapshot = index.snapshot()
    vectors = snapshot._collection.get(include=["embeddings"])
    return {
        "items": snapshot.items(),
        "vectors": {i: v.round(5).tolist() for i, v in zip(vectors["ids"], vectors["embeddings"], strict=True)},
        "keywords": sorted(
            (snapshot._chunks[place][0], round(score, 4))
            for word in ("pod", "kubectl", "污点", "§probe")
            for place, score in enumerate(snapshot._scores([word]).tolist())
            if score > 0
        ),
    }


def test_sync_reports_and_a_second_one_changes_nothing(index: Index, embedder: FakeEmbedder) -> None:
    first = index.sync("a", items())
    assert len(first.added) == 4
    embedded, generation = embedder.embedded, index.current()
    second = index.sync("a", items())
    assert (len(second.skipped), second.changed) == (4, False)
    assert (embedder.embedded, index.current()) == (embedded, generation)


def test_only_what_changed_is_embedded(index: Index, embedder: FakeEmbedder) -> None:
    index.sync("a", items())
    before = embedder.embedded
    changed = items()
    changed[0] = replace(changed[0], answer={"en": "Only this is new."})
    report = index.sync("a", changed)
    assert report.updated == (changed[0].id,)
    assert embedder.embedded == before + 1


def test_vectors_and_keywords_stay_in_step(index: Index) -> None:
    index.sync("a", items())
    index.sync("a", items()[1:])
    snapshot = index.snapshot()
    expected = {chunk.id for item in items()[1:] for chunk in chunks_of(item)}
    assert set(contents(index)["vectors"]) == expected
    assert {chunk_id for chunk_id, *_ in snapshot._chunks} == expected
    assert not snapshot.holds("崩溃")  # stood only in the removed item's claim


def test_any_path_leads_to_the_same_index(index: Index, tmp_path: Path, embedder: FakeEmbedder) -> None:
    index.sync("a", items()[:2])
    index.sync("b", items()[2:])
    index.sync("a", [replace(items()[0], since="1.20"), items()[1]])
    index.sync("a", items()[:2])
    fresh = Index(tmp_path / "fresh", embedder, EmbeddingCache(tmp_path / "cache"))
    fresh.sync("a", items()[:2])
    fresh.sync("b", items()[2:])
    assert contents(index) == contents(fresh)
    fresh.close()


def test_roots_do_not_touch_each_other(index: Index) -> None:
    index.sync("a", items()[:2])
    index.sync("b", items()[2:])
    assert index.sync("a", []).removed == tuple(item.id for item in items()[:2])
    assert index.snapshot().roots() == {"b": 2}


def test_an_id_of_another_root_is_a_problem_and_changes_nothing(index: Index) -> None:
    index.sync("a", items()[:1])
    report = index.sync("b", [replace(items()[0], answer={"en": "An imposter."})])
    assert "taken" in str(report.problems[0])
    assert index.snapshot().items() == items()[:1]


def test_a_reader_sees_the_old_state_until_the_new_one_is_whole(index: Index) -> None:
    index.sync("a", items()[:1])
    old = index.snapshot()
    index.sync("a", items())
    assert len(old.items()) == 1
    assert len(index.snapshot().items()) == 4


def test_no_index_says_what_to_do(index: Index) -> None:
    with pytest.raises(IndexError_, match="tutor ingest"):
        index.snapshot()


def test_another_embedder_is_a_mismatch_that_names_the_rebuild(index: Index, tmp_path: Path) -> None:
    index.sync("a", items())
    other = FakeEmbedder()
    other.name = "another"
    mismatched = Index(tmp_path / "index", other, EmbeddingCache(tmp_path / "cache"))
    with pytest.raises(IndexMismatch, match="ingest --rebuild"):
        mismatched.snapshot()
    with pytest.raises(IndexMismatch):
        mismatched.sync("a", items()[:1])
    assert mismatched.rebuild() == 4
    assert len(mismatched.snapshot().items()) == 4
    mismatched.close()


@pytest.mark.parametrize("name", ["manifest.json", "items.sqlite3", "words.json", "chroma/chroma.sqlite3"])
@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_damage_is_said_and_mended(index: Index, tmp_path: Path, embedder: FakeEmbedder, name: str, damage: str) -> None:
    index.sync("a", items())
    index.close()
    victim = tmp_path / "index" / str(index.current()) / name
    if damage == "missing":
        victim.unlink()
    else:
        victim.write_bytes(b"\0garbage\xff" * 400)
    again = Index(tmp_path / "index", embedder, EmbeddingCache(tmp_path / "cache"))
    with pytest.raises(IndexError_, match="ingest --rebuild"):
        again.snapshot()
    kept = again.rebuild()
    assert kept == (0 if name == "items.sqlite3" else 4)
    again.sync("a", items())
    assert len(again.snapshot().items()) == 4
    again.close()


def test_a_full_disk_is_one_line_and_loses_nothing(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.sync("a", items()[:2])

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index, "_write_keywords", full)
    with pytest.raises(StorageError, match="disk is full.*nothing was changed"):
        index.sync("a", items())
    assert len(index.snapshot().items()) == 2
    assert not list(index.folder.glob("building-*"))


def test_a_folder_without_permission_is_one_line(tmp_path: Path, embedder: FakeEmbedder) -> None:
    (tmp_path / "file").write_text("in the way")
    index = Index(tmp_path / "file" / "index", embedder, EmbeddingCache(tmp_path / "cache"))
    with pytest.raises(StorageError, match="KUBE_TUTOR_DATA_DIR"):
        index.sync("a", items())


def test_a_damaged_embedding_cache_is_begun_anew(tmp_path: Path, index: Index) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "embeddings.sqlite3").write_bytes(b"no database" * 100)
    assert len(index.sync("a", items()).added) == 4


def test_twenty_threads_read_while_one_writes(index: Index, embedder: FakeEmbedder) -> None:
    index.sync("a", items()[:1])
    errors: list[BaseException] = []
    stop = False

    def read() -> None:
        while not stop:
            try:
                hits = index.snapshot().search(embedder.embed_query("pod pending"), ["pod"], 5)
                assert hits
            except BaseException as error:
                errors.append(error)
                return

    threads = [Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for count in (2, 3, 4, 1, 4):
        index.sync("a", items()[:count])
    stop = True
    for thread in threads:
        thread.join()
    assert not errors


_CHILD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import bm25s, chromadb, rjieba
    from tests.doubles import FakeEmbedder
    from tests.test_index import items, many
    from tutor.index import EmbeddingCache, Index
    class Slow(FakeEmbedder):
        def embed_documents(self, texts):
            time.sleep(0.03)
            return super().embed_documents(texts)
    base = Path(sys.argv[1])
    index = Index(base / "index", Slow(), EmbeddingCache(base / "cache"))
    print("ready", flush=True)
    index.sync("a", many(int(sys.argv[2])))
    print("done", flush=True)
    """
)


def many(version: int) -> list[Item]:
    """Forty items, a third of which differ from version to version."""
    found = []
    for n in range(40):
        item = items()[n % 4]
        text = f"Answer {n}, version {version if n % 3 == 0 else 0}."
        found.append(replace(item, id=f"{item.id}-{n}", answer={"en": text}))
    return found[: 40 - version % 2]


@pytest.mark.slow
def test_survives_kill_9_at_20_random_points(tmp_path: Path, embedder: FakeEmbedder) -> None:
    def child(version: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path), str(version)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    began = time.monotonic()
    first = child(0)
    assert first.wait(120) == 0
    took = time.monotonic() - began
    chance = random.Random(7)
    killed = 0
    for version in range(1, 21):
        process = child(version)
        time.sleep(chance.uniform(0, took * 0.5))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()  # type: ignore[union-attr]
        index = Index(tmp_path / "index", embedder, EmbeddingCache(tmp_path / "cache"))
        assert len(index.snapshot().items()) in (39, 40)  # readable at once, old or new
        index.close()
    assert killed >= 10
    survivor = Index(tmp_path / "index", embedder, EmbeddingCache(tmp_path / "cache"))
    survivor.sync("a", many(21))
    fresh = Index(tmp_path / "fresh", embedder, EmbeddingCache(tmp_path / "fresh-cache"))
    fresh.sync("a", many(21))
    assert contents(survivor) == contents(fresh)
    assert not list(survivor.folder.glob("building-*"))
    first.stdout.close()  # type: ignore[union-attr]
    survivor.close()
    fresh.close()


def test_another_process_ingests_and_this_one_serves_it(tmp_path: Path, embedder: FakeEmbedder) -> None:
    index = Index(tmp_path / "index", embedder, EmbeddingCache(tmp_path / "cache"))
    index.sync("a", items())
    assert len(index.snapshot().items()) == 4
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tmp_path), "1"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(index.snapshot().items()) == 39
    index.close()


def test_old_generations_are_swept(index: Index) -> None:
    for count in (1, 2, 3, 4):
        index.sync("a", items()[:count])
        index.snapshot()
    index.close()
    index.sync("a", items()[:2])
    index.close()
    index.sync("a", items()[:3])
    assert len(list(index.folder.glob("gen-*"))) <= 2


def test_read_only_snapshot_after_copy(index: Index, tmp_path: Path) -> None:
    """A generation is self-contained: copied elsewhere it can be read."""
    index.sync("a", items())
    index.close()
    shutil.copytree(tmp_path / "index", tmp_path / "elsewhere")
    copy = Index(tmp_path / "elsewhere", FakeEmbedder(), EmbeddingCache(tmp_path / "cache"))
    assert len(copy.snapshot().items()) == 4
    copy.close()
    with sqlite3.connect(tmp_path / "elsewhere" / str(copy.current()) / "items.sqlite3") as db:
        assert db.execute("SELECT count(*) FROM items").fetchone() == (4,)
    db.close()
