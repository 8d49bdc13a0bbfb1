"""A reference answer given in the call -> key points."""

from __future__ import annotations

import re

from tutor import lexicon
from tutor.corpus import Point

_SENTENCE = re.compile(r"(?<=[。！？!?；;])|(?<=\.)\s+(?=\S)|\n+")
_NUMBERING = re.compile(r"^\s*(?:[-*•·]|\(?[0-9一二三四五六七八九十]{1,2}[.、)）:：]|[①-⑳]|[（(][0-9一二三四五六七八九十]{1,2}[)）])\s*")
_INLINE_NUMBER = re.compile(r"(?<=\S)(?=[①-⑳])|(?<=[。；;，,：:\s])(?=[（(][0-9]{1,2}[)）])|(?<=[。；;，,：:\s])(?=[0-9]{1,2}[、.)）]\s*\D)")
_HEADING = re.compile(r"[：:]\s*$")
_SHORT = 4
"""Words; what is shorter goes with the statement before it, and one word at the beginning ("Wrong.") with the next."""
MOST = 12


def points_of(reference: str) -> tuple[Point, ...]:
    """The statements of a reference answer as key points, in its order, 1 to `MOST` of them.

    Sentences and list entries; a heading that ends in a colon leads what it
    introduces. `weight` is 1 to 5 by the statement's share of the words.
    Empty for a reference without a letter.
    """
    lang = lexicon.language(reference)
    found: list[str] = []
    heading = ""
    for line in _INLINE_NUMBER.sub("\n", reference).splitlines():
        for piece in _SENTENCE.split(line):
            text = _NUMBERING.sub("", piece).strip()
            if not any(char.isalnum() for char in text):
                continue
            if _HEADING.search(text):
                heading = text
                continue
            text = (heading + ("" if lang == "zh" else " ") + text) if heading else text
            heading = ""
            bare = len(found) == 1 and found[0][-1] in "。！.!" and len(lexicon.words(found[0])) < 2
            if found and (bare or len(lexicon.words(text)) < _SHORT):
                found[-1] = f"{found[-1]}{'' if lang == 'zh' else ' '}{text}"
            else:
                found.append(text)
    if heading:
        found.append(heading)
    if len(found) > MOST:
        size = -(-len(found) // MOST)
        found = ["\n".join(found[at : at + size]) for at in range(0, len(found), size)]
    sizes = [max(1, len(lexicon.words(text))) for text in found]
    mean = sum(sizes) / len(sizes) if sizes else 1
    return tuple(
        Point({lang: text}, weight=min(5, max(1, round(3 * size / mean)))) for text, size in zip(found, sizes, strict=True)
    )
