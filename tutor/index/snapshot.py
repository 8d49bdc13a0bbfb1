"""One generation of the index, open for reading. Immutable and safe between threads."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tutor.chunks import Chunk
from tutor.corpus.items import Contrast, Item, Misconception, Point, Source
from tutor.errors import IndexError_
from tutor.index.owners import owner_of, roots_of
from tutor.index.view import Own, View, rarity

COLLECTION = "chunks"
MAX_PARTS = 4000
"""Items whose chunks are kept in memory once looked at."""
MAX_OWN = 16
"""Users whose notes are kept in memory once searched."""
REBUILD = "run `tutor ingest --rebuild`"


@dataclass(frozen=True)
class Hit:
    """A chunk with what each leg of the search says of it.

    `cosine` is -1.0 to 1.0; `bm25` is 0.0 or more; either is None when that
    leg didn't return the chunk.
    """

    chunk: Chunk
    cosine: float | None
    bm25: float | None


@dataclass(frozen=True)
class Part:
    """A chunk as ranking sees it: where its vector stands, its field, and its tokens."""

    place: int
    field: str
    lang: str
    text: str
    tokens: frozenset[str]


class Snapshot:
    """Reads one generation folder. Raises `IndexError_` when it is damaged.

    What is somebody's own is left out everywhere but in `view`, `ids`, `roots`
    and `hashes`; "chunk" alone doesn't ask whose it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        held = contextlib.ExitStack()
        # Runs when the last reader lets go, or at exit: files never outlive the snapshot.
        self._release = weakref.finalize(self, held.close)
        try:
            # Shared while this snapshot lives: a writer deletes only unlocked generations.
            alive = os.open(folder / "alive.lock", os.O_RDONLY)
            held.callback(os.close, alive)
            fcntl.flock(alive, fcntl.LOCK_SH)
            self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
            self._db = sqlite3.connect(
                f"file:{folder / 'items.sqlite3'}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            held.callback(self._db.close)
            rows = self._db.execute("SELECT id, item, field, lang FROM chunks ORDER BY place")
            self._chunks = rows.fetchall()
            kinds = self._db.execute("SELECT id, kind, answered, root FROM items")
            self._kinds = {i: (kind, answered, owner_of(root)) for i, kind, answered, root in kinds}
            self._places_of: dict[str, list[int]] = {}
            for place, row in enumerate(self._chunks):
                self._places_of.setdefault(row[1], []).append(place)
            self._shared = np.flatnonzero([not self._kinds[row[1]][2] for row in self._chunks])
            self._owners = {owner for _, _, owner in self._kinds.values() if owner}
            self._owns: dict[str, Own] = {}
            self._parts: dict[str, tuple[Part, ...]] = {}
            self._everybodys: dict[str, Item] | None = None
            self._matrix = np.load(folder / "vectors.npy", mmap_mode="r")
            self._place = {row[0]: place for place, row in enumerate(self._chunks)}
            counted = json.loads((folder / "words.json").read_text("utf-8"))
            self._items_with: dict[str, int] = counted["words"]
            self.item_count: int = counted["items"]
            self._open_legs(held)
        except (OSError, ValueError, KeyError, TypeError, sqlite3.Error) as error:
            self._release()
            if isinstance(error, FileNotFoundError) and not folder.exists():
                raise
            raise IndexError_(f"the index in {str(folder)!r} is damaged: {error}", fix=REBUILD) from error

    def _open_legs(self, held: contextlib.ExitStack) -> None:
        import bm25s
        import chromadb
        from chromadb.errors import ChromaError

        self._bm25 = bm25s.BM25.load(self.folder / "bm25") if len(self._shared) else None
        try:
            client = chromadb.PersistentClient(
                str(self.folder / "chroma"), settings=chroma_settings()
            )
            held.callback(client.close)
            self._collection = client.get_collection(COLLECTION, embedding_function=None)
            vectors = self._collection.count()
        except (ChromaError, RuntimeError) as error:
            raise ValueError(str(error)) from error
        if vectors != len(self._shared) or len(self._matrix) != len(self._chunks):
            raise ValueError(f"{vectors} vectors but {len(self._shared)} chunks")

    def __len__(self) -> int:
        """Number of chunks."""
        return len(self._chunks)

    def view(self, user: str) -> Snapshot | View:
        """What that user may see: the snapshot itself if they have no notes. Raises `InputError`."""
        roots = roots_of(user)
        if user not in self._owners:
            return self
        own = self._owns.get(user)
        if own is None:
            rows = self._query(
                "SELECT chunks.id, tokens FROM chunks JOIN items ON items.id = item "
                "WHERE substr(root, 1, ?) = ?",
                (len(roots), roots),
            )
            places = {self._place[chunk_id]: tokens.split("\x1f") for chunk_id, tokens in rows}
            own = Own.of(
                [(place, self._chunks[place][1], places[place]) for place in sorted(places)],
                self._matrix,
            )
            self._owns = {**(self._owns if len(self._owns) < MAX_OWN else {}), user: own}
        return View(self, own)

    def items(self, own: Collection[str] = ()) -> list[Item]:
        """All items, in the order of their ids; of those that are somebody's, these."""
        if self._everybodys is None:  # every grade asks for them
            rows = self._query("SELECT id, json FROM items ORDER BY id")
            self._everybodys = {i: load_item(text) for i, text in rows if not self._kinds[i][2]}
        owned = {i: self.item(i, own) for i in own if self._kinds[i][2]}
        found = self._everybodys | owned
        return [found[i] for i in sorted(found)] if owned else list(found.values())

    def item(self, item_id: str, own: Collection[str] = ()) -> Item:
        """The item with that id, if it is everybody's or one of these. Raises `KeyError`."""
        if self._kinds[item_id][2] and item_id not in own:
            raise KeyError(item_id)
        return load_item(self._query("SELECT json FROM items WHERE id = ?", (item_id,))[0][0])

    def ids(self) -> set[str]:
        """The ids of all items, whoever may see them."""
        return set(self._kinds)

    def hashes(self, root: str) -> dict[str, str]:
        """Ids and content hashes of the items that were read from `root`."""
        return dict(self._query("SELECT id, hash FROM items WHERE root = ?", (root,)))

    def roots(self) -> dict[str, int]:
        """Every place that was ingested, with its number of items."""
        return dict(self._query("SELECT root, count(*) FROM items GROUP BY root"))

    def files_of(self, user: str) -> dict[str, int]:
        """The user's own files, with their numbers of items. Raises `InputError`."""
        roots = roots_of(user)
        return {r.removeprefix(roots): n for r, n in self.roots().items() if r.startswith(roots)}

    def chunk(self, chunk_id: str) -> Chunk:
        """The chunk with that id. Raises `KeyError`."""
        return self._chunks_at([self._place[chunk_id]])[0]

    def search(self, vector: Sequence[float], words: Iterable[str], depth: int) -> list[Hit]:
        """The `depth` best chunks by cosine and the `depth` best by BM25, merged, in no order.

        And as many of the curated corpus alone, so that no amount of ingested
        text can push it out of sight.
        """
        if not len(self._shared):
            return []
        dense = self._dense(vector, min(depth, len(self._shared)))
        scores = self._scores(list(words))
        keyword = _highest(scores, min(depth, len(self._shared)))
        rows, matrix = self._curated
        if len(rows):
            cosines = matrix @ np.asarray(vector, np.float32)
            best = _highest(cosines + 2.0, min(depth, len(rows)))
            dense |= {int(self._shared[rows[at]]): float(cosines[at]) for at in best}
            if len(scores):
                best = _highest(scores[rows], min(depth, len(rows)))
                keyword |= {int(rows[at]): score for at, score in best.items()}
        return self.hits(dense, {int(self._shared[row]): score for row, score in keyword.items()})

    def hits(self, dense: Mapping[int, float], keyword: Mapping[int, float]) -> list[Hit]:
        """The chunks at these places, with what each leg says of them."""
        places = list({**dense, **keyword})
        return [
            Hit(chunk, dense.get(place), keyword.get(place))
            for place, chunk in zip(places, self._chunks_at(places), strict=True)
        ]

    def _dense(self, vector: Sequence[float], depth: int) -> dict[int, float]:
        found = self._collection.query(
            query_embeddings=[np.asarray(vector, np.float32)], n_results=depth, include=["distances"]
        )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return {self._place[chunk_id]: 1.0 - float(distance) for chunk_id, distance in pairs}

    @cached_property
    def _curated(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and vectors of the curated corpus; empty when there is nothing else."""
        kinds = [self._kinds[self._chunks[place][1]][0] for place in self._shared]
        rows = np.flatnonzero(np.array(kinds) == "curated")
        if len(rows) == len(kinds):
            rows = rows[:0]
        return rows, np.ascontiguousarray(self._matrix[self._shared[rows]])

    def _scores(self, words: list[str]) -> np.ndarray:
        """BM25 score of every chunk that is everybody's; empty when no word is known."""
        known = [word for word in words if word in self._bm25.vocab_dict]
        return self._bm25.get_scores(known) if known else np.empty(0, np.float32)

    @property
    def shared_chunks(self) -> int:
        """How many chunks are everybody's."""
        return len(self._shared)

    @property
    def shared_tokens(self) -> int:
        """How many tokens these have in all."""
        return self.manifest["tokens"]

    def chunks_with(self, word: str) -> int:
        """In how many chunks that are everybody's a token stands."""
        if self._bm25 is None or word not in self._bm25.vocab_dict:
            return 0
        ends, number = self._bm25.scores["indptr"], self._bm25.vocab_dict[word]
        return int(ends[number + 1] - ends[number])

    def items_with(self, word: str) -> int:
        """In how many items that are everybody's a token stands."""
        return self._items_with.get(word, 0)

    def rarity(self, word: str) -> float:
        """Inverse item frequency of a token, log((n + 1) / (items that hold it + 0.5)); above 0.

        A word that no item holds is the most telling of all.
        """
        return rarity(self.item_count, self.items_with(word))

    def holds(self, word: str) -> bool:
        """True when some item holds this token."""
        return word in self._items_with

    def kind_of(self, item_id: str) -> str:
        """Kind of an item: "curated", "note" or "document"."""
        return self._kinds[item_id][0]

    def answered(self, item_id: str) -> bool:
        """True when the item has an answer in some language."""
        return bool(self._kinds[item_id][1])

    def parts(self, item_id: str) -> tuple[Part, ...]:
        """All chunks of an item with their tokens."""
        if item_id not in self._parts:
            rows = self._query(
                "SELECT place, field, lang, text, tokens FROM chunks WHERE item = ? ORDER BY place",
                (item_id,),
            )
            if len(self._parts) > MAX_PARTS:
                self._parts = {}
            self._parts[item_id] = tuple(
                Part(place, field, lang, text, frozenset(tokens.split("\x1f")))
                for place, (_, field, lang, text, tokens) in zip(
                    self._places_of[item_id], rows, strict=True
                )
            )
        return self._parts[item_id]

    def cosines(self, places: Sequence[int], vector: Sequence[float]) -> np.ndarray:
        """(n,) exact cosines of the chunks at these places with a vector of unit length."""
        return self._matrix[list(places)] @ np.asarray(vector, np.float32)

    def vector(self, chunk_id: str) -> np.ndarray:
        """(dim,) float32 vector of a chunk."""
        return self._matrix[self._place[chunk_id]]

    def _chunks_at(self, places: list[int]) -> list[Chunk]:
        ids = [self._chunks[place][0] for place in places]
        texts: dict[str, tuple[str, str]] = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            marks = ",".join("?" * len(part))
            rows = self._query(f"SELECT id, text, indexed FROM chunks WHERE id IN ({marks})", part)
            texts |= {row[0]: (row[1], row[2]) for row in rows}
        return [Chunk(*self._chunks[place], *texts[self._chunks[place][0]]) for place in places]

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[tuple]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def close(self) -> None:
        """Lets go of the files. The snapshot can't be used any more."""
        self._release()


def _highest(scores: np.ndarray, depth: int) -> dict[int, float]:
    """The `depth` highest of the scores above 0, by their place."""
    if not len(scores):
        return {}
    best = np.argpartition(-scores, depth - 1)[:depth]
    return {int(place): float(scores[place]) for place in best if scores[place] > 0}


def chroma_settings():
    """In process, nothing sent anywhere."""
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False, allow_reset=False)


def load_item(text: str) -> Item:
    """The item that `dump_item` wrote. Raises `KeyError` or `TypeError` when it isn't one."""
    data = json.loads(text)
    return Item(
        **data
        | {
            "source": Source(**data["source"]),
            "aliases": {lang: tuple(texts) for lang, texts in data["aliases"].items()},
            "points": tuple(Point(**point) for point in data["points"]),
            "misconceptions": tuple(Misconception(**m) for m in data["misconceptions"]),
            "contrasts": tuple(
                Contrast(*({lang: tuple(forms) for lang, forms in side.items()} for side in (c["left"], c["right"])))
                for c in data.get("contrasts", ())
            ),
            "follow_ups": tuple(data["follow_ups"]),
            "prerequisites": tuple(data["prerequisites"]),
            "seeds": tuple(data["seeds"]),
        }
    )
