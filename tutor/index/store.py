"""Building generations: incremental, atomic, one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from tutor import chunks, lexicon
from tutor.corpus.items import Item, Problem
from tutor.embeddings import Embedder
from tutor.errors import IndexError_, IndexMismatch, StorageError
from tutor.index.embed import EmbeddingCache
from tutor.index.owners import PRIVATE, owner_of
from tutor.index.snapshot import COLLECTION, REBUILD, Snapshot, chroma_settings, load_item

SCHEMA = 2

_TABLES = """
CREATE TABLE items (
    id TEXT PRIMARY KEY, root TEXT NOT NULL, hash TEXT NOT NULL, kind TEXT NOT NULL,
    answered INTEGER NOT NULL, json TEXT NOT NULL
);
CREATE INDEX items_by_root ON items (root);
CREATE TABLE chunks (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, item TEXT NOT NULL, field TEXT NOT NULL,
    lang TEXT NOT NULL, text TEXT NOT NULL, indexed TEXT NOT NULL, tokens TEXT NOT NULL
);
CREATE INDEX chunks_by_item ON chunks (item);
"""
_SHARED = """
SELECT item, tokens FROM chunks JOIN items ON items.id = chunks.item
WHERE items.root NOT LIKE ? ORDER BY place
"""

Progress = Callable[[str, int, int], None]
"""Called with the stage ("embedding", "writing"), what is done and the total."""


@dataclass(frozen=True)
class SyncReport:
    """What a sync changed, as item ids; `skipped` items were there already, unchanged."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.added or self.updated or self.removed)


class Index:
    """The index in one folder. Share one object between threads, not between processes."""

    def __init__(self, folder: Path, embedder: Embedder, cache: EmbeddingCache) -> None:
        self.folder = folder
        self._embedder = embedder
        self._cache = cache
        self._lock = threading.Lock()
        self._open: tuple[str, Snapshot] | None = None

    # reading ---------------------------------------------------------------------------------

    def current(self) -> str | None:
        """Name of the generation in force, None before the first sync."""
        try:
            return (self.folder / "CURRENT").read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(
                f"can't read the index in {str(self.folder)!r}: {error.strerror}",
                fix="set KUBE_TUTOR_DATA_DIR to a folder that you can read and write",
            ) from error

    def snapshot(self) -> Snapshot:
        """The generation in force, opened once and again whenever another one takes over.

        Raises `IndexError_` when there is none or it is damaged, and
        `IndexMismatch` when it was built with another embedder, chunker,
        lexicon or schema. A snapshot that a caller still uses stays readable.
        """
        with self._lock:
            for _ in range(20):
                name = self.current()
                if name is None:
                    raise IndexError_(
                        f"there is no index in {str(self.folder)!r}", fix="run `tutor ingest`"
                    )
                if self._open and self._open[0] == name:
                    return self._open[1]
                try:
                    # Before anything else is opened: another schema has other files.
                    self._check(self.folder / name)
                    snapshot = Snapshot(self.folder / name)
                except FileNotFoundError as error:  # replaced and deleted between the two reads
                    if self.current() == name:
                        raise IndexError_(
                            f"the index in {str(self.folder)!r} is damaged: {error}", fix=REBUILD
                        ) from error
                    continue
                self._open = (name, snapshot)
                return snapshot
        raise IndexError_(f"the index in {str(self.folder)!r} changes too fast to be read")

    def fingerprint(self) -> dict[str, object]:
        """What must be equal for vectors and keywords of two times to be comparable."""
        terms = (resources.files("tutor.lexicon") / "terms.tsv").read_bytes()
        return {
            "schema": SCHEMA,
            "embedder": self._embedder.name,
            "chunker": chunks.VERSION,
            "lexicon": hashlib.sha256(terms).hexdigest()[:16],
            "tokenizer": lexicon.VERSION,
        }

    def _check(self, folder: Path) -> None:
        try:
            theirs = json.loads((folder / "manifest.json").read_text("utf-8"))["fingerprint"]
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexError_(
                f"the index in {str(folder)!r} is damaged: {error}", fix=REBUILD
            ) from error
        ours = self.fingerprint()
        for key in ours:
            if theirs.get(key) != ours[key]:
                raise IndexMismatch(
                    f"the index in {str(self.folder)!r} was built with {key} {theirs.get(key)!r}, "
                    f"this is {ours[key]!r}",
                    fix=REBUILD,
                )

    # writing ---------------------------------------------------------------------------------

    def sync(
        self, root: str, items: Sequence[Item], progress: Progress | None = None
    ) -> SyncReport:
        """Makes the index hold exactly these items for `root`; other roots stay as they are.

        Only new and changed items are embedded. Atomic: on any failure, or a
        kill at any moment, the generation in force stays in force. An item
        whose id another root holds is left out and reported as a problem.
        Raises `StorageError` when the folder can't be written.
        """
        with self._writing():
            before = self.snapshot() if self.current() else None
            held = before.hashes(root) if before else {}
            taken = before.ids() - set(held) if before else set()
            return self._apply(root, items, held, taken, before, progress)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Builds the index again from the items that it holds; returns their number.

        Works over a mismatch, and over damage as far as the items can still be
        read; roots whose items can't be read must be ingested again.
        """
        with self._writing():
            rows: list[tuple[str, str]] = []
            for folder in self._generations():
                try:
                    with contextlib.closing(sqlite3.connect(folder / "items.sqlite3")) as db:
                        rows = db.execute("SELECT root, json FROM items ORDER BY id").fetchall()
                    break
                except sqlite3.Error:
                    continue
            salvaged: list[tuple[str, Item]] = []
            for root, text in rows:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    salvaged.append((root, load_item(text)))
            self._build(None, [], salvaged, progress)
            return len(salvaged)

    def _apply(self, root, items, held, taken, before, progress) -> SyncReport:
        problems, fresh = [], {}
        for item in items:
            if item.id in taken or item.id in fresh:
                problems.append(
                    Problem(item.source.path, item.source.line, f"the id {item.id!r} is taken")
                )
            else:
                fresh[item.id] = item
        hashes = {item.id: chunks.item_hash(item) for item in fresh.values()}
        added = [i for i in fresh if i not in held]
        updated = [i for i in fresh if i in held and held[i] != hashes[i]]
        removed = [i for i in held if i not in fresh]
        skipped = [i for i in fresh if held.get(i) == hashes[i]]
        report = SyncReport(*map(tuple, (added, updated, removed, skipped, problems)))
        if report.changed or before is None:
            gone = [*updated, *removed]
            new = [(root, fresh[i]) for i in (*added, *updated)]
            self._build(before, gone, new, progress)
        return report

    def _build(
        self,
        before: Snapshot | None,
        gone: list[str],
        new: list[tuple[str, Item]],
        progress: Progress | None,
    ) -> None:
        new_chunks = [chunk for _, item in new for chunk in chunks.chunks_of(item)]
        embedding = (lambda done, total: progress("embedding", done, total)) if progress else None
        vectors = self._cache.embed(
            self._embedder, [chunk.indexed for chunk in new_chunks], embedding
        )
        if progress:
            progress("writing", 0, 1)
        folder = Path(tempfile.mkdtemp(prefix="building-", dir=self.folder))
        try:
            if before is not None:
                self._copy(before.folder, folder)
            with contextlib.closing(sqlite3.connect(folder / "items.sqlite3")) as db:
                if before is None:
                    db.executescript(_TABLES)
                dropped = self._write_items(db, gone, new, new_chunks)
                # What is somebody's own stands in no index that others search.
                rows = [
                    (row[0], row[1].split("\x1f") if row[1] else [])
                    for row in db.execute(_SHARED, (PRIVATE,))
                ]
                order = [row[0] for row in db.execute("SELECT id FROM chunks ORDER BY place")]
            tokens = [found for _, found in rows]
            private = {item.id for root, item in new if owner_of(root)}
            public = [n for n, chunk in enumerate(new_chunks) if chunk.item_id not in private]
            self._write_vectors(
                folder / "chroma", dropped, [new_chunks[n] for n in public], vectors[public]
            )
            self._write_matrix(folder, before, order, new_chunks, vectors)
            self._write_keywords(folder / "bm25", tokens)
            self._count_words(folder, rows)
            manifest = {
                "fingerprint": self.fingerprint(), "chunks": len(order),
                "tokens": sum(map(len, tokens)),
            }
            (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
            (folder / "alive.lock").touch()
            self._publish(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if progress:
            progress("writing", 1, 1)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        shutil.copytree(
            source, target, dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("bm25", "words.json", "vectors.npy", "manifest.json", "*-wal", "*-shm", "chroma.sqlite3"),
        )
        # Readers hold the database open, so it is copied as a database and not as bytes.
        with (
            contextlib.closing(sqlite3.connect(source / "chroma/chroma.sqlite3")) as old,
            contextlib.closing(sqlite3.connect(target / "chroma/chroma.sqlite3")) as new,
        ):
            old.backup(new)

    @staticmethod
    def _write_items(db, gone, new, new_chunks) -> list[str]:
        dropped: list[str] = []
        for item_id in gone:
            [root] = db.execute("SELECT root FROM items WHERE id = ?", (item_id,)).fetchone()
            if not owner_of(root):
                found = db.execute("SELECT id FROM chunks WHERE item = ?", (item_id,))
                dropped += [row[0] for row in found]
            db.execute("DELETE FROM chunks WHERE item = ?", (item_id,))
            db.execute("DELETE FROM items WHERE id = ?", (item_id,))
        db.executemany(
            "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)",
            [
                (item.id, root, chunks.item_hash(item), item.kind, item.answered,
                 json.dumps(asdict(item), ensure_ascii=False))
                for root, item in new
            ],
        )
        db.executemany(
            "INSERT INTO chunks (id, item, field, lang, text, indexed, tokens) VALUES (?,?,?,?,?,?,?)",
            [
                (c.id, c.item_id, c.field, c.lang, c.text, c.indexed,
                 "\x1f".join(lexicon.tokens(c.indexed)))
                for c in new_chunks
            ],
        )
        db.commit()
        db.execute("VACUUM")
        return dropped

    @staticmethod
    def _write_vectors(folder: Path, dropped: list[str], new: list, vectors: np.ndarray) -> None:
        import chromadb

        client = chromadb.PersistentClient(str(folder), settings=chroma_settings())
        try:
            collection = client.get_or_create_collection(
                COLLECTION,
                embedding_function=None,
                metadata={"hnsw:space": "cosine", "hnsw:search_ef": 128, "hnsw:construction_ef": 200},
            )
            for start in range(0, len(dropped), 2000):
                collection.delete(ids=dropped[start : start + 2000])
            for start in range(0, len(new), 2000):
                part = slice(start, start + 2000)
                collection.upsert(ids=[c.id for c in new[part]], embeddings=vectors[part])
            if collection.count():
                # Makes Chroma write its graph now, so that readers find a finished folder.
                width = len(vectors[0]) if len(vectors) else len(collection.peek(1)["embeddings"][0])
                collection.query(query_embeddings=[np.ones(width, np.float32)], n_results=1)
        finally:
            client.close()

    @staticmethod
    def _write_matrix(folder: Path, before: Snapshot | None, order, new, vectors) -> None:
        """The vectors in the order of the chunks, for exact cosines of a few candidates."""
        fresh = {chunk.id: vector for chunk, vector in zip(new, vectors, strict=True)}
        rows = [fresh[i] if i in fresh else before.vector(i) for i in order]  # type: ignore[union-attr]
        np.save(folder / "vectors.npy", np.asarray(rows, np.float32))

    @staticmethod
    def _write_keywords(folder: Path, tokens: list[list[str]]) -> None:
        import bm25s

        folder.mkdir(exist_ok=True)
        if tokens:
            keywords = bm25s.BM25(method="lucene")
            keywords.index(tokens, show_progress=False)
            keywords.save(folder, show_progress=False)

    @staticmethod
    def _count_words(folder: Path, rows: list[tuple[str, list[str]]]) -> None:
        """In how many items each token stands: what makes a word of a question telling."""
        seen: dict[str, set[str]] = {}
        for item_id, found in rows:
            seen.setdefault(item_id, set()).update(found)
        counts = Counter(token for found in seen.values() for token in found)
        data = {"items": len(seen), "words": counts}
        (folder / "words.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")

    def _publish(self, folder: Path) -> None:
        numbers = [int(path.name.removeprefix("gen-")) for path in self._generations()]
        name = f"gen-{max(numbers, default=0) + 1:06d}"
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                _fsync(path)
        folder.rename(self.folder / name)
        pointer = self.folder / "CURRENT.new"
        pointer.write_text(name, "utf-8")
        _fsync(pointer)
        pointer.replace(self.folder / "CURRENT")
        _fsync(self.folder)
        self._sweep(name)

    def _sweep(self, current: str) -> None:
        """Deletes what no process reads any more: old generations and half-built ones."""
        for folder in self._generations():
            if folder.name == current:
                continue
            try:
                with open(folder / "alive.lock", "rb") as alive:
                    fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                continue
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in self.folder.glob("building-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _generations(self) -> list[Path]:
        """Generation folders, the one in force first, then the newest first."""
        current = self.current()
        found = [p for p in self.folder.glob("gen-*") if re.fullmatch(r"gen-\d{6,}", p.name)]
        return sorted(found, key=lambda p: (p.name == current, p.name), reverse=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time over all processes; failures of the disk become `StorageError`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(self.folder / "write.lock", "ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except (OSError, sqlite3.Error, RuntimeError) as error:
            if isinstance(error, (StorageError, IndexError_)):
                raise
            full = getattr(error, "errno", None) == errno.ENOSPC or "full" in str(error)
            raise StorageError(
                f"can't write the index in {str(self.folder)!r}: "
                + ("the disk is full" if full else str(error)),
                fix="free some disk space and run `tutor ingest` again; nothing was changed"
                if full
                else "set KUBE_TUTOR_DATA_DIR to a folder that you can write",
            ) from error

    def close(self) -> None:
        """Closes the open snapshot."""
        with self._lock:
            if self._open:
                self._open[1].close()
                self._open = None


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
