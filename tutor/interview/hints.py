"""Three hints, each giving away more: a nudge, a key point with blanks, half a passage."""

from __future__ import annotations

import re

from tutor.corpus.items import Item, Point
from tutor.interview.leaks import Known, blank, leaks
from tutor.interview.types import TOPIC_NAMES

HINTS = 3
"""Hints that one question has."""

_COUNTS = {
    "zh": ("零", "一", "两", "三", "四", "五", "六", "七", "八"),
    "en": ("no", "one", "two", "three", "four", "five", "six", "seven", "eight"),
}
_SHARES = (
    (0.55, "一多半", "more than half"),
    (0.45, "约一半", "about half"),
    (0.29, "约三分之一", "about a third"),
    (0.225, "约四分之一", "about a quarter"),
    (0.0, "约五分之一", "about a fifth"),
)
_ASPECTS = (
    (r"kubectl|`[^`]* [^`]*`", "一步具体的操作", "something that you do"),
    (r"不|没|无法|仍|\bnot?\b|n't|never|only|rather than|without", "什么成立、什么不成立", "what holds and what does not"),
    (r"(?<![A-Za-z\d])\d", "一个具体的数", "an exact figure"),
    (r"因为|所以|否则|导致|because|otherwise|so that|\bso\b", "前因后果", "cause and effect"),
    (r"如果|时|后|\bif\b|\bwhen\b|\bonce\b|\bafter\b", "什么情形下会怎样", "what happens in which case"),
    (r"", "它是怎么做到的", "how it is done"),
)
"""What a key point is about, told by its wording; the first that fits counts."""
_SENTENCE = re.compile(r"[^。！？；]*[。！？；]|(?:[^.!?]|[.!?](?!\s|$))+[.!?]*\s*")
_CLAUSE = re.compile(r"[，、：；]|(?<=[A-Za-z,]) (?=[A-Za-z])")


def hint(item: Item, lang: str, level: int) -> str:
    """The hint of that level, 1 to `HINTS`; pure.

    1 names the area and how many key points there are, and holds no term of
    theirs that the question lacks. 2 is the heaviest key point with its terms
    blanked. 3 is the first half of the answer's lead.
    """
    if level == 1:
        return _nudge(item, lang)
    if level == 2:
        heaviest = max(item.points, key=lambda point: point.weight)
        text, _ = blank(heaviest.text[lang], Known(item.question[lang]))
        return f"最重要的一点，填空：{text}" if lang == "zh" else f"The point that matters most, with blanks: {text}"
    return half_lead(item.answer[lang])


def aspect(point: Point, lang: str) -> str:
    """What kind of thing the key point tells, in words that hold nothing of it."""
    text = point.text[lang]
    kinds = (kind for pattern, *kind in _ASPECTS if re.search(pattern, text, re.IGNORECASE))
    return dict(zip(("zh", "en"), next(kinds), strict=True))[lang]


def half_lead(answer: str) -> str:
    """The first half of an answer's first paragraph, cut after a sentence or a clause."""
    lead = re.split(r"\n\s*\n", answer.strip())[0].replace("**", "")
    sentences = [m[0] for m in _SENTENCE.finditer(lead) if m[0].strip()]
    if len(sentences) > 1:
        return "".join(sentences[: (len(sentences) + 1) // 2]).strip() + " ……"
    code = {at for m in re.finditer(r"`[^`]*`", lead) for at in range(m.start() + 1, m.end())}
    outside = [at for at in range(1, len(lead)) if at not in code]
    cuts = [at for at in outside if _CLAUSE.match(lead, at)] or outside
    middle = min(cuts, key=lambda at: abs(at - len(lead) / 2), default=0)
    return lead[:middle].rstrip(" ,，、：；") + " ……"


def _nudge(item: Item, lang: str) -> str:
    known = Known(item.question[lang])
    points = [point.text[lang] for point in item.points]
    heaviest = max(item.points, key=lambda point: point.weight)
    share = heaviest.weight / sum(point.weight for point in item.points)
    size = next((zh, en) for least, zh, en in _SHARES if share >= least)
    count = _COUNTS[lang][len(points)] if len(points) < len(_COUNTS[lang]) else str(len(points))
    topic = TOPIC_NAMES[item.topic][lang] if item.topic in TOPIC_NAMES else ""
    about = aspect(heaviest, lang)
    # A topic's very name can be the term that the learner is to say.
    topic = "" if leaks(topic, points, known) else topic
    about = "" if leaks(about, points, known) else about
    if lang == "zh":
        area = f"想一想“{topic}”这一块。" if topic else ""
        ends = f"，讲的是{about}" if about else ""
        return f"{area}完整的回答有{count}个要点，最重的一个占{size[0]}{ends}。"
    area = f"Think of {topic}. " if topic else ""
    ends = f"; it tells {about}" if about else ""
    return f"{area}A full answer makes {count} points, and the heaviest counts for {size[1]} of it{ends}."
