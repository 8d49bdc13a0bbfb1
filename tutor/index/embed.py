"""Vectors already computed, by text, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tutor.embeddings import Embedder
from tutor.errors import StorageError

BATCH = 32


class EmbeddingCache:
    """A SQLite file of vectors keyed by embedder and text, shared by processes.

    Every batch is kept as soon as it is computed: an interrupted sync goes on
    where it stopped.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "embeddings.sqlite3"

    def embed(
        self,
        embedder: Embedder,
        texts: Sequence[str],
        progress: Callable[[int, int], None] | None = None,
    ) -> np.ndarray:
        """(n, dim) float32 vectors of the texts. `progress(done, total)` counts texts.

        Raises `StorageError` when the cache can't be written.
        """
        keys = [self._key(embedder.name, text) for text in texts]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with sqlite3.connect(self._path, timeout=60) as db:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
                vectors = self._load(db, keys)
                missing = list({k: i for i, k in enumerate(keys) if k not in vectors}.values())
                for start in range(0, len(missing), BATCH):
                    batch = missing[start : start + BATCH]
                    if progress:
                        progress(len(texts) - len(missing) + start, len(texts))
                    fresh = np.asarray(
                        embedder.embed_documents([texts[i] for i in batch]), np.float32
                    )
                    rows = [(keys[i], vector.tobytes()) for i, vector in zip(batch, fresh, strict=True)]
                    db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                    db.commit()
                    vectors |= dict(rows)
        except sqlite3.DatabaseError as error:
            if "not a database" in str(error) or "malformed" in str(error):
                self._path.unlink(missing_ok=True)  # only a cache: begin a new one
                return self.embed(embedder, texts, progress)
            raise StorageError(
                f"can't write the embedding cache {str(self._path)!r}: {error}",
                fix="free some disk space, or set KUBE_TUTOR_CACHE_DIR to another folder",
            ) from error
        except OSError as error:
            raise StorageError(
                f"can't write the embedding cache {str(self._path)!r}: {error.strerror}",
                fix="set KUBE_TUTOR_CACHE_DIR to a folder that you can write",
            ) from error
        finally:
            if "db" in locals():
                db.close()
        if progress:
            progress(len(texts), len(texts))
        if not keys:
            return np.empty((0, 0), np.float32)
        return np.stack([np.frombuffer(vectors[key], np.float32) for key in keys])

    @staticmethod
    def _key(name: str, text: str) -> bytes:
        return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "surrogatepass")).digest()

    @staticmethod
    def _load(db: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            found |= dict(
                db.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part)
            )
        return found
