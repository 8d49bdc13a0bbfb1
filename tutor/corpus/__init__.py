"""Files -> `Item`s: the curated corpus, raw Q&A notes of any style, long documents."""

from tutor.corpus.items import (
    LANGS,
    LEVELS,
    TOPICS,
    Contrast,
    Item,
    Misconception,
    Point,
    Problem,
    Reading,
    Source,
)
from tutor.corpus.reading import content_digest, read, read_text

__all__ = [
    "LANGS",
    "LEVELS",
    "TOPICS",
    "Contrast",
    "Item",
    "Misconception",
    "Point",
    "Problem",
    "Reading",
    "Source",
    "content_digest",
    "read",
    "read_text",
]
