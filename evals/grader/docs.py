"""The official documentation in two languages, statement by statement.

The Chinese pages keep the English text of every block in a comment before its
translation. So each statement stands there twice in words that share little,
which is what a learner's own words are to a key point.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.grader.exchange import exchange, exchangeable, holds
from evals.grader.pairs import Pair, joined, one_hot, spoil
from tutor import lexicon

FOLDER = Path(__file__).parents[3] / "shared/data/k8s-docs/zh-cn"
_COMMENT = re.compile(r"<!--\s*\n(.*?)\n\s*-->[ \t]*\n(.*?)(?=\n[ \t]*<!--|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:\s*\"?(.+?)\"?\s*$", re.MULTILINE)
_SHORTCODE = re.compile(r"\{\{[<%]\s*(\w+)?(.*?)[>%]\}\}", re.DOTALL)
_TEXT = re.compile(r"text=\"([^\"]*)\"")
_TERM = re.compile(r"term_id=\"([^\"]*)\"")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_ENTRY = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
_ENDS = {"en": re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"(])"), "zh": re.compile(r"(?<=[。！？])\s*(?=\S)")}
SHORTEST, LONGEST = {"en": 35, "zh": 14}, {"en": 320, "zh": 150}
"""Characters of a statement."""
TOLD, UNTOLD = (1, 4), (0, 2)
"""Statements in a reply, and others of the page that it is asked about."""
FALSE = 0.35
"""Share of the told statements that are turned false one by one."""


@dataclass(frozen=True)
class Page:
    """Statements in the order of the page, each as {"zh": ..., "en": ...}."""

    title: dict[str, str]
    statements: tuple[dict[str, str], ...]


def pages(folder: Path = FOLDER) -> list[Page]:
    """Pages of at least five statements, by path; none where the data is absent."""
    found = []
    for path in sorted(folder.rglob("*.md")):
        text = path.read_text("utf-8")
        statements = tuple(_statements(text))
        names = _TITLE.findall(text)
        if len(statements) >= 5 and len(names) >= 2:
            found.append(Page({"zh": names[0], "en": names[1]}, statements))
    return found


def _statements(text: str) -> Iterator[dict[str, str]]:
    for english, chinese in _COMMENT.findall(text):
        blocks = [re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.)\s)", part) for part in (english, chinese)]
        if len(blocks[0]) != len(blocks[1]):
            continue
        for en, zh in zip(*blocks, strict=True):
            en, zh = _plain(en, " "), _plain(zh, "")
            parts = _ENDS["en"].split(en), _ENDS["zh"].split(zh)
            pairs = zip(*parts, strict=True) if len(parts[0]) == len(parts[1]) else [(en, zh)]
            for one, other in pairs:
                pair = {"en": one.strip(), "zh": other.strip()}
                if all(SHORTEST[lang] <= len(pair[lang]) <= LONGEST[lang] for lang in pair) and lexicon.language(pair["zh"]) == "zh":
                    yield pair


def _plain(block: str, gap: str) -> str:
    """The block as prose; empty for headings, tables and code."""
    if re.match(r"\s*(?:#|\||```|\{\{[<%]\s*(?:note|/|tab|code|table|feature))", block) or "```" in block:
        return ""
    block = _ENTRY.sub("", block)
    block = _SHORTCODE.sub(_named, block)
    block = _TAG.sub("", _LINK.sub(r"\1", block))
    block = re.sub(r"\*\*|__|(?<![\w`])_(?=\w)|(?<=\w)_(?![\w`])", "", block)
    return re.sub(r"\s*\n\s*", gap, block).strip()


def _named(found: re.Match[str]) -> str:
    shown = _TEXT.search(found[2]) or _TERM.search(found[2])
    return shown[1] if shown and found[1] in ("glossary_tooltip", "glossary_definition") else ""


def told(page: Page, draw: random.Random) -> list[Pair]:
    """One made-up reply out of statements of the page, some of them false, as pairs with its statements.

    The reply is in one language; most of the points are in the other. Terms
    are exchanged in the whole reply, or single statements turned false.
    """
    count = min(len(page.statements), draw.randint(*TOLD))
    first = draw.randrange(len(page.statements) - count + 1)
    chosen = list(range(first, first + count))
    lang = draw.choice(("zh", "en"))
    other = "en" if lang == "zh" else "zh"
    said = [page.statements[n][lang].rstrip("。.：: ") for n in chosen]
    verdicts = ["hit"] * count
    terms = exchangeable(" ".join(said), draw) if draw.random() < 0.45 else None
    if terms:
        verdicts = ["contradicted" if holds(text, terms) else "hit" for text in said]
        said = [exchange(text, *terms) for text in said]
    else:
        for n, text in enumerate(said):
            if draw.random() < FALSE:
                pair = exchangeable(text, draw) if draw.random() < 0.6 else None
                false = exchange(text, *pair) if pair else spoil(text, draw)
                if false != text:
                    said[n], verdicts[n] = false, "contradicted"
    order = list(range(count))
    draw.shuffle(order)
    reply, spans = joined([said[n] for n in order], lang)
    found = []
    for place, n in enumerate(order):
        points = [other] if draw.random() < 0.7 else [lang]
        found += [
            Pair(reply, page.title[lang], page.statements[chosen[n]][by], one_hot(verdicts[n]), page.title["en"],
                 (spans[place],), weight=0.4)
            for by in points
        ]
    rest = [n for n in range(max(0, first - 6), min(len(page.statements), first + count + 6)) if n not in chosen]
    for n in draw.sample(rest, min(len(rest), draw.randint(*UNTOLD))):
        found.append(Pair(reply, page.title[lang], page.statements[n][draw.choice((lang, other))], one_hot("missed"),
                          page.title["en"], (), weight=0.4))
    return found


def from_docs(found: Sequence[Page], replies: int, draw: random.Random) -> list[Pair]:
    """`replies` made-up replies, the pages by the number of their statements."""
    if not found:
        return []
    weights = [len(page.statements) for page in found]
    return [pair for page in draw.choices(found, weights, k=replies) for pair in told(page, draw)]
