"""Which item to ask next. Pure: the same arguments give the same choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from tutor.corpus.items import Item, Text
from tutor.interview.types import State
from tutor.progress.ability import DIFFICULTY, of_topic, success
from tutor.progress.types import Card, Learner, WeakPoint

BAND = (0.55, 0.80)
"""The predicted share of success within which an item neither bores nor discourages."""
TARGET = 0.68
MEMORY = 1.0
"""Logits by which an item that was just reviewed is easier; fades with the card's retrievability."""
MASTERED = 0.75
"""Predicted success from which on a prerequisite that was never asked counts as known."""
PASSED = 6.0
"""Score of the last review from which on a prerequisite is mastered."""
REST = timedelta(minutes=30)
"""For this long an item isn't asked again, whatever the mode."""
HELD_BACK = timedelta(days=3)
"""For this long an item that isn't due comes after all others."""

# What speaks for an item, each scaled to 0..1 before it is weighed.
_FIT, _DUE, _WEAK, _TOPIC, _CHANCE = 2.0, 1.0, 0.8, 1.5, 0.3

WHY: Mapping[str, Text] = {
    "due": {"zh": "今天该复习了", "en": "due for review today"},
    "contradicted": {
        "zh": "上次你说的与它的一个要点相反",
        "en": "you contradicted a key point of it last time",
    },
    "missed": {"zh": "上次你漏了它的一个要点", "en": "you missed a key point of it last time"},
    "jd": {"zh": "职位描述里提到了这个主题", "en": "the job description names its topic"},
    "level": {
        "zh": "你选的级别已经问完，换相邻的级别",
        "en": "nothing is left at the level that you chose, so a neighbouring one",
    },
    "first": {"zh": "先了解一下你的水平", "en": "to find out where you stand"},
    "weakest": {"zh": "这是你目前较弱的主题", "en": "its topic is one of your weaker ones"},
    "base": {"zh": "先打基础：后面的题会用到它", "en": "first the basis: other questions build on it"},
    "chosen": {"zh": "你自己选的题", "en": "the question that you chose"},
    "topic": {"zh": "你选的主题", "en": "from a topic that you chose"},
    "fit": {"zh": "难度适合你现在的水平", "en": "about right for where you stand"},
}


@dataclass(frozen=True)
class Choice:
    """The item to ask, the reason for the learner, and the predicted share of success."""

    item_id: str
    why: Text
    success: float


def rng_of(state: State) -> Random:
    """The randomness of the next step: given by the plan's seed and the place in the interview."""
    return Random(f"{state.plan.seed}/{len(state.turns)}")


def askable(item: Item, lang: str) -> bool:
    """True for a curated item with question, answer and key points in the language."""
    return (
        item.kind == "curated"
        and bool(item.points)
        and all(lang in text for text in (item.question, item.answer, *(p.text for p in item.points)))
    )


def predicted(item: Item, learner: Learner) -> float:
    """The share of the item's key points (0.0 to 1.0) that the learner can be expected to make.

    Rasch: the ability in the topic against the difficulty of the level; what
    was reviewed is easier while it is remembered.
    """
    card = learner.cards.get(item.id)
    ease = MEMORY * card.retrievability if card else 0.0
    return success(of_topic(learner.ability, item.topic).mean + ease, DIFFICULTY.get(item.level, 0.0))


def choose(
    state: State, items: Mapping[str, Item], learner: Learner, rng: Random
) -> Choice | None:
    """The next item of the interview, None when nothing is left to ask.

    Never one that this interview asked, nor one reviewed in the last half hour
    (`REST`), nor one of "career" unless the plan names it. Mode "review" only
    asks what is due, the least remembered first. In the other modes

    - a new item waits for its prerequisites that could be asked and aren't mastered;
    - what was reviewed in the last days (`HELD_BACK`) and isn't due comes last;
    - an item whose predicted success lies in `BAND` goes before one that is too
      easy or too hard; what is due but still remembered too well is left to "review";
    - then counts how near that success is to `TARGET`, the share that the plan
      owes the topic, what is due, what was missed last time, and chance.

    "drill" asks about weak points as long as there are any, then about the
    weakest topics. "exam" looks neither at these, nor at due dates, nor at
    prerequisites.
    """
    view = _View(state, items, learner)
    pool = [item for _, item in sorted(items.items()) if view.allowed(item)]
    if state.plan.mode == "review":
        due = [item for item in pool if view.overdue(item)]
        if not due:
            return None
        item = min(due, key=lambda i: (learner.cards[i.id].retrievability, i.id))
        return Choice(item.id, WHY["due"], predicted(item, learner))
    pool = view.of_level(pool)
    if not pool:
        return None
    most = max(view.share(item) for item in pool)
    ahead = view.ahead(pool)
    item = max(pool, key=lambda item: view.rank(item, ahead, most, rng.random()))
    return Choice(item.id, WHY[view.why(item, ahead)], view.likely(item))


class _View:
    """The arguments of `choose`, and what they say of one item."""

    def __init__(self, state: State, items: Mapping[str, Item], learner: Learner) -> None:
        self.plan, self.items, self.learner = state.plan, items, learner
        self.asked = Counter(
            items[turn.item_id].topic for turn in state.turns if turn.item_id in items
        )
        self.gone = {turn.item_id for turn in state.turns}
        self.last: dict[str, tuple[datetime, float]] = {
            r.item_id: (r.at, r.score) for r in sorted(learner.reviews, key=lambda r: r.at)
        }
        self.weak: dict[str, WeakPoint] = {}
        for point in learner.weak:  # the heaviest come first
            held = self.weak.setdefault(point.item_id, point)
            if point.verdict == "contradicted" and held.verdict != "contradicted":
                self.weak[point.item_id] = point
        self._likely: dict[str, float] = {}
        self.sizes = Counter(item.topic for item in items.values() if askable(item, self.plan.lang))

    def allowed(self, item: Item) -> bool:
        topics = self.plan.topics
        asked_for = item.topic in topics if topics else item.topic != "career"
        fresh = item.id not in self.gone and self._since(item) >= REST
        return asked_for and fresh and askable(item, self.plan.lang)

    def of_level(self, pool: Sequence[Item]) -> list[Item]:
        """The items of the plan's level, or of the nearest one where none are left."""
        level = self.plan.level
        if level is None or not pool:
            return list(pool)
        far = {item.id: abs(DIFFICULTY.get(item.level, 0.0) - DIFFICULTY[level]) for item in pool}
        nearest = min(far.values())
        return [item for item in pool if far[item.id] == nearest]

    def overdue(self, item: Item) -> Card | None:
        card = self.learner.cards.get(item.id)
        return card if card and card.due <= self.learner.now else None

    def share(self, item: Item) -> float:
        """How much the plan still owes the item's topic (Sainte-Laguë)."""
        weight = self.plan.topics.get(item.topic) if self.plan.topics else self.sizes[item.topic]
        return (weight or 0.0) / (2 * self.asked[item.topic] + 1)

    def likely(self, item: Item) -> float:
        if item.id not in self._likely:
            self._likely[item.id] = predicted(item, self.learner)
        return self._likely[item.id]

    def ahead(self, pool: Sequence[Item]) -> dict[str, set[str]]:
        """Each item that must wait -> its prerequisites that could be asked now and aren't mastered."""
        if self.plan.mode == "exam":
            return {}
        first = {item.id for item in pool if self._free(item) and not self._mastered(item)}
        waiting = {i.id: first & set(i.prerequisites) for i in pool if i.id not in self.last}
        return {item_id: before for item_id, before in waiting.items() if before}

    def rank(
        self, item: Item, ahead: Mapping[str, set[str]], most: float, chance: float
    ) -> tuple[bool, bool, bool, bool, float]:
        due, weak = self.due(item), self.weakness(item)
        worth = (
            _FIT * (1 - abs(self.likely(item) - TARGET))
            + (_DUE * (1 - due.retrievability / 2) if due else 0.0)
            + (_WEAK * _heaviness(weak) if weak else 0.0)
            + _TOPIC * self.share(item) / most
            + _CHANCE * chance
        )
        drill = self.plan.mode == "drill"
        if drill:
            worth -= of_topic(self.learner.ability, item.topic).mean
        fits = BAND[0] <= self.likely(item) <= BAND[1]
        return drill and weak is not None, item.id not in ahead, self._free(item), fits, worth

    def why(self, item: Item, ahead: Mapping[str, set[str]]) -> str:
        plan, due, weak = self.plan, self.due(item), self.weakness(item)
        if weak and (plan.mode == "drill" or not due):
            return "contradicted" if weak.verdict == "contradicted" else "missed"
        if due:
            return "due"
        if plan.level and item.level != plan.level:
            return "level"
        if plan.mode == "jd":
            return "jd"
        if not self.learner.reviews and not self.gone:
            return "first"
        if plan.mode == "drill":
            return "weakest"
        if any(item.id in before for before in ahead.values()):
            return "base"
        return "topic" if plan.topics else "fit"

    def due(self, item: Item) -> Card | None:
        return self.overdue(item) if self.plan.mode != "exam" else None

    def weakness(self, item: Item) -> WeakPoint | None:
        return self.weak.get(item.id) if self.plan.mode != "exam" else None

    def _mastered(self, item: Item) -> bool:
        if item.id in self.last:
            return self.last[item.id][1] >= PASSED
        return self.likely(item) >= MASTERED

    def _free(self, item: Item) -> bool:
        return bool(self.due(item)) or self._since(item) >= HELD_BACK

    def _since(self, item: Item) -> timedelta:
        last = self.last.get(item.id)
        return self.learner.now - last[0] if last else timedelta.max


def _heaviness(weak: WeakPoint) -> float:
    return weak.weight / 5 * (1.0 if weak.verdict == "contradicted" else 0.7)
