"""What an answer is, and the events by which it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tutor.retrieval import Passage

Status = Literal["grounded", "refused"]


@dataclass(frozen=True)
class Citation:
    """A place in a passage that supports what stands before `marker` in the answer.

    `marker` is the text by which the answer refers to it, such as "[1]".
    `quote` is verbatim in the `text` of the passage with the same `item_id`.
    """

    marker: str
    item_id: str
    title: str
    source: str
    quote: str


@dataclass(frozen=True)
class Answer:
    """A finished answer.

    `status` is "refused" when `confidence` (0.0 to 1.0) is below the fitted
    threshold; then `citations` is empty and `text` names the nearest topics.
    Thanks and greetings are "refused" too, with a friendly `text`, no
    `passages`, and `courtesy` true.
    `timings` are seconds since the question: "evidence", "first_token" (of
    the model, absent without one) and "total". `notices` are sentences for
    the reader about anything that didn't go as usual. `dropped` holds the
    model's sentences that no passage supports, with the reason;
    `unknown_markers` counts citation markers that the model made up.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    status: Status
    confidence: float
    lang: str
    timings: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    model: str | None = None
    dropped: tuple[tuple[str, str], ...] = ()
    unknown_markers: int = 0
    suggestions: tuple[str, ...] = ()
    """Questions that the corpus answers: follow-ups, or the nearest topics of a refusal."""
    courtesy: bool = False


@dataclass(frozen=True)
class Evidence:
    """First event: the passages, before the model says a word."""

    passages: tuple[Passage, ...]
    confidence: float
    answerable: bool
    writes: bool = True
    """Whether the chat model is asked next."""


@dataclass(frozen=True)
class Token:
    """A piece of the model's reply as it writes it: a draft, not yet checked."""

    text: str


@dataclass(frozen=True)
class Sentence:
    """A finished sentence of the model with the verdict on it.

    A kept one stands in the answer, with its marker; a dropped one doesn't,
    and `reason` says why.
    """

    text: str
    kept: bool
    reason: str = ""


@dataclass(frozen=True)
class Done:
    """Last event."""

    answer: Answer


Event = Evidence | Token | Sentence | Done
