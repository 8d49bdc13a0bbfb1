"""Grading, interviews and progress of users: what `Tutor` wires together for learning."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutor import lexicon, progress
from tutor.chat import ChatModel
from tutor.corpus import Item
from tutor.corpus.items import LEVELS
from tutor.errors import InputError
from tutor.grading import (
    Calibration,
    Grade,
    Judge,
    grade_item,
    grade_reference,
    shipped_calibration,
    uncalibrated,
    with_votes,
)
from tutor.interview import Change, Interview, Plan, regrade, topics_of
from tutor.progress import Event, InterviewSummary, Learner, Readiness, TopicMastery

if TYPE_CHECKING:
    from tutor.progress.store import Store

@dataclass(frozen=True)
class Progress:
    """What the log says of a user now.

    `mastery` by topic with its 90% interval; `due` the ids of due items, the
    most overdue first; `history` the days with their mean scores; `readiness`
    by level; `workload` how many reviews fall due on each of the next days.
    """

    user: str
    mastery: tuple[TopicMastery, ...]
    due: tuple[str, ...]
    history: tuple[progress.Day, ...]
    weak: tuple[progress.WeakPoint, ...]
    readiness: Mapping[str, Readiness]
    calibration: progress.Calibration
    streak: int
    workload: tuple[tuple[Any, int], ...]
    reviews: tuple[progress.Review, ...]
    interviews: tuple[InterviewSummary, ...]


class Study:
    """Everything about learners, over one log. Safe to share between threads.

    `items` and `match` come from the index: all items by id, and the id of the
    item that a free question asks (None if none does). `voter` votes on what
    the judge is unsure of.
    """

    def __init__(
        self,
        place: str | Path,
        judge: Judge,
        items: Callable[[], Mapping[str, Item]],
        match: Callable[[str], str | None],
        *,
        calibration: Calibration | None = None,
        voter: ChatModel | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._place = place
        self._judge = judge
        self._items = items
        self._match = match
        self._calibration = calibration
        self._voter = voter
        self._clock = clock
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The log, opened when first needed. Raises `StorageError` and `SettingsError`."""
        if self._store is None:
            self._store = progress.Store(self._place)
        return self._store

    def grade(
        self, reply: str, question: str | Item, reference: str | Sequence[str] | None = None, *,
        lang: str | None = None,
    ) -> Grade:
        """See `Tutor.grade`."""
        if reference is not None:
            text = question.title(lang or lexicon.language(reply)) if isinstance(question, Item) else question
            return self._voted(grade_reference(text, reply, reference, self._judge, uncalibrated(), lang=lang))
        return self._voted(self._graded(question if isinstance(question, Item) else self.find(question), reply, lang))

    def find(self, question: str) -> Item:
        """The item of that id, or the one that asks this. Raises `InputError`."""
        items = self._items()
        if question in items:
            return items[question]
        wanted = _plain(question)
        for item in items.values():
            asked = [*item.question.values(), *(a for many in item.aliases.values() for a in many)]
            if item.points and wanted and wanted in map(_plain, asked):
                return item
        found = self._match(question) if wanted else None
        if found is None or not items[found].points:
            raise InputError(
                f"the corpus has no key points for {question[:80]!r}",
                fix="pass the id of an item, or reference=... with a right answer",
            )
        return items[found]

    def interview(self, plan: Plan | str, user: str) -> Interview:
        """A new interview, or an old one by its id."""
        def grade(item: Item, reply: str) -> Grade:
            return self._voted(self._graded(item, reply, begun.state.plan.lang))

        begun = Interview(
            plan, self._items(), grade, self.store, lambda: self.learner(user), user=user, clock=self._clock
        )
        return begun

    def plan(
        self, *, topic: str | None, topics: Mapping[str, float] | Sequence[str] | None, level: str | None,
        lang: str, n: int, user: str, mode: str, job: str | None, seed: int | None,
    ) -> Plan:
        """The plan that these arguments mean. Raises `InputError`."""
        weights = dict(topics) if isinstance(topics, Mapping) else dict.fromkeys(topics or (), 1.0)
        if topic:
            weights[topic] = 1.0
        if job is not None:
            weights, mode = topics_of(job, self._items().values()), "jd"
        chosen = random.SystemRandom().randrange(2**31) if seed is None else seed
        return Plan(mode=mode, topics=weights, level=level, lang=lang, n=n, seed=chosen, user=user)

    def learner(self, user: str) -> Learner:
        """What the log knows of the user now."""
        return progress.learner(user, self.store.reviews(user), self._clock())

    def progress(self, user: str) -> Progress:
        """See `Tutor.progress`."""
        now = self._clock()
        learner = self.learner(user)
        items = [item for item in self._items().values() if item.kind == "curated" and item.points]
        known = {item.id for item in items}
        return Progress(
            user=user,
            mastery=tuple(progress.mastery(learner, items)),
            due=tuple(card.item_id for card in progress.due(learner.cards, now) if card.item_id in known),
            history=tuple(progress.history(learner.reviews)),
            weak=learner.weak,
            readiness={level: progress.readiness(learner, items, level) for level in LEVELS},
            calibration=progress.calibration(learner.reviews),
            streak=progress.streak(learner.reviews, now),
            workload=tuple(progress.workload(learner.cards, now)),
            reviews=learner.reviews,
            interviews=tuple(self.store.interviews(user)),
        )

    def replay(self, user: str | None = None) -> list[Change]:
        """See `Tutor.replay`."""
        users = self.store.users() if user is None else [user]
        events: list[Event] = [event for name in users for event in self.store.events(name)]
        return regrade(events, self._items(), self._graded)

    def export_cards(self, user: str, path: str | Path, lang: str) -> int:
        """Writes the user's cards for Anki, .apkg or .csv by the path; returns their number."""
        learner = self.learner(user)
        items = [item for item in self._items().values() if item.id in learner.cards]
        if Path(path).suffix == ".csv":
            return progress.export_csv(items, learner.cards, lang, path)
        if Path(path).suffix == ".apkg":
            return progress.export_apkg(items, learner.cards, lang, path, now=self._clock())
        raise InputError(f"can't export cards to {str(path)!r}", fix="use a name in .apkg or .csv")

    def warm(self) -> None:
        """Loads the judge, which takes seconds the first time."""
        self._judge.read(["Pod"], "Pod", ["Pod"])

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _graded(self, item: Item, reply: str, lang: str | None = None) -> Grade:
        return grade_item(item, reply, self._judge, self._calibration or shipped_calibration(), lang=lang)

    def _voted(self, grade: Grade) -> Grade:
        return with_votes(grade, self._voter) if self._voter else grade


def _plain(text: str) -> str:
    return "".join(char for char in lexicon.normalise(text).lower() if char.isalnum())
