"""What is evaluated: a tutor, whole, with items hidden from it, or with a fault planted.

Faults come in through what `Tutor` is made of (index, calibration) and through
its public methods; nothing inside `tutor` is patched.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tutor import lexicon
from tutor.answers import Answer, Citation
from tutor.app import Tutor
from tutor.chat import ChatModel
from tutor.corpus import Item
from tutor.errors import InputError
from tutor.grading import Grade, Judge
from tutor.index import Hit, Index, Part, Snapshot
from tutor.judge import BundledJudge
from tutor.retrieval import Calibration, Retrieval, shipped_calibration
from tutor.settings import Settings

View = Callable[[Any], Any]
LOWERED = 0.3
"""Share of the threshold that the planted fault leaves. At half of it, 6 of 168 refusals turned into
answers, which is at the edge of what so many cases can tell from chance; at .3, 13 did."""


@dataclass(frozen=True)
class Subject:
    """The parts of a tutor. `view` wraps every snapshot of the index, `make` is its class."""

    settings: Settings
    index: Index
    embedder: Any
    chat: ChatModel | None
    judge: Judge
    calibration: Calibration | None = None
    make: type[Tutor] = Tutor
    view: View | None = None

    def tutor(self, hidden: Collection[str] = ()) -> Tutor:
        """The tutor, as if the items `hidden` had never been ingested. Not to be closed."""
        index: Any = self.index
        if hidden or self.view:
            index = _Seen(self.index, [*([_without(hidden)] if hidden else []), *([self.view] if self.view else [])])
        return self.make(
            self.settings, index, self.embedder, self.chat, calibration=self.calibration, judge=self.judge
        )


@contextmanager
def opened(*, model: bool, name: str | None = None) -> Iterator[Subject]:
    """The user's tutor; with `model` its chat model too, or the one called `name`.

    Raises `InputError` when there is no such model.
    """
    settings = Settings.from_env()
    if name:
        settings = replace(settings, chat=name)
    with Tutor.open(settings) if model else Tutor.open(settings, chat_model=None) as tutor:
        if model and tutor.chat is None:
            raise InputError(tutor.chat_notice or "no chat model is set", fix="tutor models fetch")
        yield Subject(tutor.settings, tutor.index, Remembering(tutor.embedder), tutor.chat, BundledJudge())


class Remembering:
    """An embedder that doesn't compute the vectors of the latest questions twice."""

    def __init__(self, embedder: Any, latest: int = 4) -> None:
        self._base = embedder
        self.embed_query = lru_cache(latest)(embedder.embed_query)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


@dataclass(frozen=True)
class _Seen:
    """An index whose snapshots are looked at through views."""

    index: Index
    views: Sequence[View]

    def snapshot(self) -> Any:
        seen: Any = self.index.snapshot()
        for view in self.views:
            seen = view(seen)
        return seen


class _View:
    """A snapshot of which some is different; the rest is the snapshot's own."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._base = snapshot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


def _without(hidden: Collection[str]) -> View:
    return lambda snapshot: Without(snapshot, hidden)


class Without(_View):
    """A snapshot without some items.

    Searches deeper by what they could take up, and takes their words out of
    the counts. Only BM25's own weights of words still know them.
    """

    def __init__(self, snapshot: Snapshot, hidden: Collection[str]) -> None:
        super().__init__(snapshot)
        known = {i for i in hidden if _knows(snapshot, i)}
        self._hidden = frozenset(known)
        parts = {i: snapshot.parts(i) for i in known}
        self._chunks = sum(map(len, parts.values()))
        self._lost = Counter(
            token for mine in parts.values() for token in frozenset().union(*(p.tokens for p in mine))
        )
        self.item_count = snapshot.item_count - len(known)

    def items(self) -> list[Item]:
        return [item for item in self._base.items() if item.id not in self._hidden]

    def item(self, item_id: str) -> Item:
        if item_id in self._hidden:
            raise KeyError(item_id)
        return self._base.item(item_id)

    def search(self, vector: Sequence[float], words: Iterable[str], depth: int) -> list[Hit]:
        hits = self._base.search(vector, words, depth + self._chunks)
        hits = [hit for hit in hits if hit.chunk.item_id not in self._hidden]
        dense, keyword = _top(hits, "cosine", depth), _top(hits, "bm25", depth)
        return [
            replace(hit, cosine=dense.get(hit.chunk.id), bm25=keyword.get(hit.chunk.id))
            for hit in hits
            if hit.chunk.id in dense or hit.chunk.id in keyword
        ]

    def holds(self, word: str) -> bool:
        return self._items_with(word) > 0

    def rarity(self, word: str) -> float:
        return math.log((self.item_count + 1) / (self._items_with(word) + 0.5)) + 0.01

    def _items_with(self, word: str) -> int:
        if not self._base.holds(word):
            return 0
        # `Snapshot.rarity` solved for the number of items.
        there = (self._base.item_count + 1) / math.exp(self._base.rarity(word) - 0.01) - 0.5
        return round(there) - self._lost[word]


def _knows(snapshot: Snapshot, item_id: str) -> bool:
    try:
        return bool(snapshot.kind_of(item_id))
    except KeyError:
        return False


def _top(hits: Iterable[Hit], leg: str, depth: int) -> dict[str, float]:
    found = [(getattr(hit, leg), hit.chunk.id) for hit in hits if getattr(hit, leg) is not None]
    return {chunk: value for value, chunk in sorted(found, reverse=True)[:depth]}


# faults --------------------------------------------------------------------------------------


class NoLexicon(_View):
    """A snapshot to which concepts, and with them the bridge between languages and slang, mean nothing."""

    def search(self, vector: Sequence[float], words: Iterable[str], depth: int) -> list[Hit]:
        return self._base.search(vector, [w for w in words if not w.startswith(lexicon.CONCEPT)], depth)

    def parts(self, item_id: str) -> tuple[Part, ...]:
        return tuple(
            replace(part, tokens=frozenset(t for t in part.tokens if not t.startswith(lexicon.CONCEPT)))
            for part in self._base.parts(item_id)
        )

    def rarity(self, word: str) -> float:
        return 0.0 if word.startswith(lexicon.CONCEPT) else self._base.rarity(word)


class ShuffledCitations(Tutor):
    """Quotes, verbatim, of another passage than the one that supports the sentence."""

    def ask(self, question: str, **kwargs: Any) -> Answer:
        answer = super().ask(question, **kwargs)
        return replace(answer, citations=tuple(_moved(c, answer) for c in answer.citations))


def _moved(citation: Citation, answer: Answer) -> Citation:
    ids = [passage.item_id for passage in answer.passages]
    other = answer.passages[(ids.index(citation.item_id) + 1) % len(ids)]
    quote = next((line for line in other.text.split("\n") if line.strip()), other.text)
    return replace(citation, item_id=other.item_id, title=other.title, source=other.source, quote=quote)


class GradesEight(Tutor):
    """Every reply gets 8."""

    def grade(self, *args: Any, **kwargs: Any) -> Grade:
        return replace(super().grade(*args, **kwargs), score=8.0)


class CutsTop(Tutor):
    """The best passage is lost."""

    def retrieve(self, question: str, *, k: int = 5, **kwargs: Any) -> Retrieval:
        found = super().retrieve(question, k=min(50, k + 1), **kwargs)
        return replace(found, passages=found.passages[1:])


def _lowered(subject: Subject) -> Calibration:
    calibration = subject.calibration or shipped_calibration()
    return replace(calibration, thresholds={lang: LOWERED * t for lang, t in calibration.thresholds.items()})


@dataclass(frozen=True)
class Fault:
    """`plant` gives the faulty subject; cases of other kinds than `kinds` can't tell it from the sound one."""

    plant: Callable[[Subject], Subject]
    kinds: frozenset[str]


_ASKED = frozenset({"ask", "refuse", "removed", "claim"})
FAULTS: dict[str, Fault] = {
    "drop the lexicon": Fault(lambda subject: replace(subject, view=NoLexicon), _ASKED),
    "shuffle citations": Fault(lambda subject: replace(subject, make=ShuffledCitations), frozenset({"ask"})),
    "lower the threshold": Fault(lambda subject: replace(subject, calibration=_lowered(subject)), _ASKED),
    "grade everything 8": Fault(lambda subject: replace(subject, make=GradesEight), frozenset({"grade"})),
    "cut the top passage": Fault(lambda subject: replace(subject, make=CutsTop), _ASKED),
}
