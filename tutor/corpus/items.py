"""`Item`, the unit of knowledge, and `Problem`, what is wrong with a source.

Three readers make `Item`s: `curated` (our own corpus), `notes` (raw Q&A notes)
and `documents` (long documents). Everything downstream sees only `Item`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Lang = Literal["zh", "en"]
Level = Literal["junior", "mid", "senior"]
Kind = Literal["curated", "note", "document"]

LANGS: tuple[Lang, ...] = ("zh", "en")
LEVELS: tuple[Level, ...] = ("junior", "mid", "senior")
TOPICS: tuple[str, ...] = (
    "architecture",
    "pod-lifecycle",
    "workloads",
    "scheduling",
    "autoscaling-resources",
    "services-networking",
    "cni",
    "storage",
    "config-security",
    "etcd",
    "observability",
    "operations-troubleshooting",
    "scale-ha",
    "delivery",
    "service-mesh-devops",
    "extensibility",
    "career",
)

Text = Mapping[str, str]
"""One text per language, keyed "zh" and "en"; a language may be absent."""


@dataclass(frozen=True)
class Source:
    """Where an item was read: `path` as the user knows it, 1-based `line`."""

    path: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one source. Reading goes on past it."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Point:
    """A key point of an answer: a statement that is true or false. `weight` is 1 to 5."""

    text: Text
    weight: int = 1


@dataclass(frozen=True)
class Misconception:
    """What learners get wrong (`claim`) and what holds instead (`correction`)."""

    claim: Text
    correction: Text


@dataclass(frozen=True)
class Contrast:
    """Two terms of an answer that learners mix up; exchanged throughout, they make it wrong.

    Each side has the forms that name it, by language; the first is the one to show.
    """

    left: Mapping[str, tuple[str, ...]]
    right: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Item:
    """A question with its answer in one or two languages.

    `question` and `answer` are keyed by language. An item read from notes may
    have no answer (`answer == {}`): the notes ask without answering. `since`
    and `until` bound the Kubernetes minor versions in which the answer holds,
    such as "1.29"; `until` is the last such version. `reference` is the page
    of the official documentation that supports the answer.
    """

    id: str
    question: Text
    answer: Text
    source: Source
    kind: Kind = "curated"
    topic: str = ""
    level: str = ""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    misconceptions: tuple[Misconception, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    follow_ups: tuple[Text, ...] = ()
    prerequisites: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    reference: str | None = None

    @property
    def answered(self) -> bool:
        """True when at least one language has an answer."""
        return any(text.strip() for text in self.answer.values())

    def title(self, lang: str) -> str:
        """The question in `lang`, or in the language that the item has."""
        return self.question.get(lang) or next(iter(self.question.values()))


@dataclass(frozen=True)
class Reading:
    """What a reader got out of its sources: items in source order, and problems."""

    items: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()
