"""`Item` -> `Chunk`s: what the index embeds and searches.

Each way of asking, each misconception and each stretch of an answer is a
chunk of its own, and no chunk holds text of two items: a question never
travels with another question's answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from tutor import lexicon
from tutor.corpus.items import Item

VERSION = 2
"""Part of the index's fingerprint: raise it when the same items give other chunks."""

Field = Literal["question", "alias", "claim", "point", "answer"]

# multilingual-e5 reads 512 tokens, but tells short texts apart better than long ones.
MAX_WEIGHT = 220.0
"""Estimated tokens of a stretch of an answer."""
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_CHINESE = re.compile("[\u2e80-\U0010ffff]+")


@dataclass(frozen=True)
class Chunk:
    """One searchable text of one item in one language.

    `id` is stable: it depends on the item's id, the field, the language, the
    place and the text, so an unchanged text keeps its id and its vector.
    """

    id: str
    item_id: str
    field: Field
    lang: str
    text: str
    indexed: str
    """What is embedded and tokenized: for answers the question stands before the text."""


def item_hash(item: Item) -> str:
    """Content hash of everything that is stored of an item."""
    return _hash(json.dumps(asdict(item), ensure_ascii=False, sort_keys=True, default=str))


def chunks_of(item: Item) -> list[Chunk]:
    """All chunks of an item, in a fixed order, with unique ids."""
    found: dict[str, Chunk] = {}
    for field, lang, text, indexed in _texts(item):
        chunk_id = f"{item.id}/{field}.{lang}/{_hash(indexed)[:16]}"
        found.setdefault(chunk_id, Chunk(chunk_id, item.id, field, lang, text, indexed))
    return list(found.values())


def _texts(item: Item) -> Iterator[tuple[Field, str, str, str]]:
    for lang, question in item.question.items():
        yield "question", lang, question, question
    for lang, aliases in item.aliases.items():
        for alias in aliases:
            yield "alias", lang, alias, alias
    for misconception in item.misconceptions:
        for lang, claim in misconception.claim.items():
            yield "claim", lang, claim, claim
    for point in item.points:
        for lang, statement in point.text.items():
            yield "point", lang, statement, statement
    for lang, answer in item.answer.items():
        for part in split(answer):
            yield "answer", lang, part, f"{item.title(lang)}\n{part}"


def split(text: str, limit: float = MAX_WEIGHT) -> list[str]:
    """Cuts a text between paragraphs, else lines, else sentences, into parts below `limit` tokens.

    A code fence stays whole unless it is itself over the limit. Joined with
    a newline or two, the parts hold all of the text.
    """
    parts: list[str] = []
    current: list[str] = []
    for block in _blocks(text):
        pieces = [block] if _weight(block) <= limit else list(_shorten(block, limit))
        for piece in pieces:
            if current and _weight("\n\n".join([*current, piece])) > limit:
                parts.append("\n\n".join(current))
                current = []
            current.append(piece)
    if current:
        parts.append("\n\n".join(current))
    return parts


def _blocks(text: str) -> Iterator[str]:
    lines: list[str] = []
    fence = None
    for line in text.split("\n"):
        marker = _FENCE.match(line)
        if marker and (fence is None or line.strip().startswith(fence)):
            fence = marker[1] if fence is None else None
        if not line.strip() and fence is None:
            if lines:
                yield "\n".join(lines)
            lines = []
        else:
            lines.append(line)
    if lines:
        yield "\n".join(lines)


def _shorten(block: str, limit: float) -> Iterator[str]:
    current = ""
    for piece in re.split(r"(?<=\n)|(?<=[。！？；])|(?<=[.!?;] )", block):
        while _weight(piece) > limit:  # one endless line
            cut = max(1, int(len(piece) * limit / _weight(piece)))
            if current:
                yield current.rstrip("\n")
                current = ""
            yield piece[:cut]
            piece = piece[cut:]
        if current and _weight(current + piece) > limit:
            yield current.rstrip("\n")
            current = ""
        current += piece
    if current.strip():
        yield current.rstrip("\n")


def _weight(text: str) -> float:
    """Estimated tokens: 1.5 Chinese or 3.5 other characters a token."""
    others = len(_CHINESE.sub("", text))
    return (len(text) - others) / 1.5 + others / 3.5


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def lang_of(item: Item, text: str) -> str:
    """The item's language in which to answer a question put as `text`."""
    wanted = lexicon.language(text)
    return wanted if item.answer.get(wanted) else next(iter(item.answer), wanted)
