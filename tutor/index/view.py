"""What one user may see of a snapshot: what is everybody's, and their own notes.

The vector store and the keyword index hold only what is everybody's. A user's
notes are few, so they are searched exactly, and nobody's search passes
through the notes of others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tutor.corpus.items import Item
    from tutor.index.snapshot import Hit, Part, Snapshot

K1, B = 1.5, 0.75
"""BM25's constants, those that bm25s has by default."""


@dataclass(frozen=True)
class Own:
    """The chunks of one user's notes.

    `places` are theirs in the snapshot; `postings` the rows (positions in
    `places`) that hold a token, with how often; `lengths` their numbers of
    tokens; `items_with` in how many of the user's `items` a token stands.
    """

    items: frozenset[str]
    places: np.ndarray
    vectors: np.ndarray
    postings: Mapping[str, Mapping[int, int]]
    lengths: np.ndarray
    items_with: Mapping[str, int]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, str, list[str]]], matrix: np.ndarray) -> Own:
        """From place, item and tokens of each chunk, and the vectors of the whole snapshot."""
        postings: dict[str, dict[int, int]] = {}
        words: dict[str, set[str]] = {}
        for row, (_, item_id, tokens) in enumerate(rows):
            words.setdefault(item_id, set()).update(tokens)
            for token, count in Counter(tokens).items():
                postings.setdefault(token, {})[row] = count
        places = np.array([place for place, _, _ in rows], np.int64)
        return cls(
            frozenset(words),
            places,
            np.ascontiguousarray(matrix[places]),
            postings,
            np.array([len(tokens) for _, _, tokens in rows], np.float32),
            Counter(token for found in words.values() for token in found),
        )


class View:
    """A snapshot with the notes of one user: what retrieval needs of a `Snapshot`."""

    def __init__(self, snapshot: Snapshot, own: Own) -> None:
        self._all = snapshot
        self._own = own
        self.item_count = snapshot.item_count + len(own.items)

    def items(self) -> list[Item]:
        """Everybody's items and the user's own, in the order of their ids."""
        return self._all.items(self._own.items)

    def item(self, item_id: str) -> Item:
        """The item with that id. Raises `KeyError`, also for another user's."""
        return self._all.item(item_id, self._own.items)

    def search(self, vector: Sequence[float], words: Iterable[str], depth: int) -> list[Hit]:
        """As `Snapshot.search`, and as many of the user's own notes."""
        words, own = list(words), self._own
        cosines = own.vectors @ np.asarray(vector, np.float32)
        scores = self._scores(words)
        nearest = np.argsort(-cosines, kind="stable")[:depth]
        best = [row for row in np.argsort(-scores, kind="stable")[:depth] if scores[row] > 0]
        return self._all.search(vector, words, depth) + self._all.hits(
            {int(own.places[row]): float(cosines[row]) for row in nearest},
            {int(own.places[row]): float(scores[row]) for row in best},
        )

    def _scores(self, words: Sequence[str]) -> np.ndarray:
        """BM25 ("lucene") of the own chunks, on the scale of the others'."""
        own = self._own
        chunks = self._all.shared_chunks + len(own.places)
        mean = (self._all.shared_tokens + float(own.lengths.sum())) / chunks or 1.0
        scores = np.zeros(len(own.places), np.float32)
        for word in words:
            rows = own.postings.get(word)
            if not rows:
                continue
            held = self._all.chunks_with(word) + len(rows)
            idf = math.log(1 + (chunks - held + 0.5) / (held + 0.5))
            for row, count in rows.items():
                norm = K1 * (1 - B + B * own.lengths[row] / mean)
                scores[row] += idf * count / (count + norm)
        return scores

    def rarity(self, word: str) -> float:
        """As `Snapshot.rarity`, over what the user may see."""
        held = self._all.items_with(word) + self._own.items_with.get(word, 0)
        return rarity(self.item_count, held)

    def holds(self, word: str) -> bool:
        """True when some item that the user may see holds this token."""
        return word in self._own.items_with or self._all.holds(word)

    def kind_of(self, item_id: str) -> str:
        """See `Snapshot.kind_of`."""
        return self._all.kind_of(item_id)

    def answered(self, item_id: str) -> bool:
        """See `Snapshot.answered`."""
        return self._all.answered(item_id)

    def parts(self, item_id: str) -> tuple[Part, ...]:
        """See `Snapshot.parts`."""
        return self._all.parts(item_id)

    def cosines(self, places: Sequence[int], vector: Sequence[float]) -> np.ndarray:
        """See `Snapshot.cosines`."""
        return self._all.cosines(places, vector)


def rarity(items: int, holding: int) -> float:
    """Inverse item frequency, above 0: the rarer, the more telling."""
    return math.log((items + 1) / (holding + 0.5)) + 0.01
