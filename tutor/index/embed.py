"""Vectors already computed, by text, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
import sqlite3
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tutor.embeddings import Embedder
from tutor.errors import StorageError

BATCH = 32


class Shipped:
    """Vectors of the shipped corpus, computed when it was released.

    Two cores need minutes for them. One .npz file: `keys` (n, 32) uint8,
    `vectors` (n, dim) int8 and `scales` (n,) float32; a vector is its int8 row
    times its scale, within .0001 of the cosine. A text that isn't in it is
    embedded as any other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[bytes, int] | None = None

    def find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """float32 vectors, as bytes, of those keys that the file holds."""
        if self._rows is None:
            self._rows = {}
            try:
                with open(self._path, "rb") as file, np.load(file, allow_pickle=False) as data:
                    self._vectors, self._scales = data["vectors"], data["scales"]
                    self._rows = {key.tobytes(): at for at, key in enumerate(data["keys"])}
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                return {}  # absent or damaged: slower, not wrong
        found = {}
        for key in keys:
            at = self._rows.get(key)
            if at is not None:
                vector = self._vectors[at].astype(np.float32) * self._scales[at]
                found[key] = (vector / np.linalg.norm(vector)).astype(np.float32).tobytes()
        return found

    @staticmethod
    def write(path: Path, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Writes the file, smallest form."""
        order = sorted(range(len(keys)), key=keys.__getitem__)
        scales = np.abs(vectors).max(axis=1) / 127
        np.savez(
            path,
            keys=np.array([np.frombuffer(keys[i], np.uint8) for i in order]),
            vectors=np.rint(vectors / scales[:, None]).astype(np.int8)[order],
            scales=scales.astype(np.float32)[order],
        )


class EmbeddingCache:
    """A SQLite file of vectors keyed by embedder and text, shared by processes.

    Every batch is kept as soon as it is computed: an interrupted sync goes on
    where it stopped.
    """

    def __init__(self, folder: Path, shipped: Path | None = None) -> None:
        self._path = folder / "embeddings.sqlite3"
        self._shipped = Shipped(shipped) if shipped else None

    def embed(
        self,
        embedder: Embedder,
        texts: Sequence[str],
        progress: Callable[[int, int], None] | None = None,
    ) -> np.ndarray:
        """(n, dim) float32 vectors of the texts. `progress(done, total)` counts texts.

        Raises `StorageError` when the cache can't be written.
        """
        keys = [key_of(embedder.name, text) for text in texts]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with sqlite3.connect(self._path, timeout=60) as db:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
                vectors = self._load(db, keys)
                if self._shipped and len(vectors) < len(set(keys)):
                    vectors |= self._shipped.find([key for key in keys if key not in vectors])
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
    def _load(db: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            found |= dict(
                db.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part)
            )
        return found


def key_of(name: str, text: str) -> bytes:
    """What a vector is kept under: 32 bytes of the embedder's name and the text."""
    return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "surrogatepass")).digest()
