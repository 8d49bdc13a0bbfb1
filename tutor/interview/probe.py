"""After a grade: a probing question about one key point, or a deeper one."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tutor.corpus.items import Item, Point
from tutor.grading import Grade, PointVerdict
from tutor.interview.hints import aspect
from tutor.interview.leaks import Known, leaks, terms
from tutor.interview.types import FollowUpKind

GOOD = 0.8
"""Coverage from which on a reply without contradictions earns the deeper question."""
QUOTED = 120
"""Characters of the learner's own words that a probe repeats."""

_ORDER = ("contradicted", "missed", "partial")

_RECONSIDER = {
    "zh": (
        "你说“{quote}”。再想一想：这样说成立吗？实际情况是怎样的？",
        "“{quote}”，这一句你有把握吗？请再推敲一下，必要时改正。",
        "回到你说的“{quote}”。如果有人不同意，你会怎么论证，还是会改口？",
    ),
    "en": (
        "You said “{quote}”. Think again: does that hold, and what really happens?",
        "“{quote}”: how sure are you of that? Go over it once more and correct it if need be.",
        "Back to “{quote}”. If somebody disagreed, how would you argue, or would you change it?",
    ),
}
_MORE = {
    "zh": (
        "你提到“{quote}”，方向对了，但还没说完整。能再说具体一些吗？",
        "关于“{quote}”，请再往下说一层：还缺了什么？",
    ),
    "en": (
        "You mentioned “{quote}”. That points the right way but isn't complete. Can you be more exact?",
        "Take “{quote}” one step further: what is still missing?",
    ),
}
_ABOUT = {
    "zh": (
        "你没说到的要点里，先补关于{area}的一个{kind}。不看上面，你会怎么说？",
        "再想想{area}：你漏掉的要点里有一个最要紧{kind}。用自己的话说一遍。",
        "说到{area}，面试官最想听到的一个要点还没有出现{kind}。你能补上吗？",
    ),
    "en": (
        "Of the key points you left out, take one on {area}{kind}. Without looking above, what would you say?",
        "Think of {area} once more: one key point you left out matters most{kind}. Put it in your own words.",
        "An interviewer would most want to hear one more key point on {area}{kind}. Can you add it?",
    ),
}
_THIS = {"zh": "这个问题", "en": "this question"}
_KIND = {"zh": "（讲的是“{aspect}”）", "en": " (it says {aspect})"}


@dataclass(frozen=True)
class Draft:
    """What to ask next about an item; `point` is the key point that a probe is about."""

    kind: FollowUpKind
    text: str
    point: str = ""


def follow_up(item: Item, grade: Grade, lang: str, rng: Random) -> Draft | None:
    """What follows the grade of a reply to the item's own question; None for nothing.

    A good reply gets one of the item's follow-ups. Otherwise the heaviest
    contradicted key point is probed, else the heaviest missed or partial one.
    A probe holds nothing of the point beyond the question and the reply.
    """
    flawed = grade.misconceptions or any(p.verdict == "contradicted" for p in grade.points)
    if grade.coverage >= GOOD and not flawed:
        deeper = [text[lang] for text in item.follow_ups if lang in text]
        return Draft("deeper", rng.choice(deeper)) if deeper else None
    for verdict in sorted(grade.points, key=_urgency):
        point = point_of(item, verdict.text)
        if verdict.verdict != "hit" and point is not None and lang in point.text:
            return Draft("probe", _text(item, point, verdict, grade.reply, lang, rng), verdict.text)
    return None


def point_of(item: Item, text: str) -> Point | None:
    """The key point of the item with that text in either language."""
    return next((point for point in item.points if text in point.text.values()), None)


def _urgency(point: PointVerdict) -> tuple[bool, int, int]:
    rank = _ORDER.index(point.verdict) if point.verdict in _ORDER else len(_ORDER)
    return (rank > 0, -point.weight, rank)


def _text(item: Item, point: Point, verdict: PointVerdict, reply: str, lang: str, rng: Random) -> str:
    quote = " ".join(verdict.quote.split())
    quote = quote if len(quote) <= QUOTED else f"{quote[:QUOTED]}…"
    if quote and verdict.verdict in ("contradicted", "partial"):
        templates = _RECONSIDER if verdict.verdict == "contradicted" else _MORE
        return rng.choice(templates[lang]).format(quote=quote)
    template = rng.choice(_ABOUT[lang])
    known = Known(item.question[lang], reply)
    terms_known = (t.text for t in terms(point.text[lang]) if known.term(t.text))
    joint = "、" if lang == "zh" else " and "
    area = joint.join(list(dict.fromkeys(terms_known))[:2]) or _THIS[lang]
    kind = _KIND[lang].format(aspect=aspect(point, lang))
    others = [p.text[lang] for p in item.points if lang in p.text] + [item.answer.get(lang, "")]
    drafts = [template.format(area=a, kind=k) for a in (area, _THIS[lang]) for k in (kind, "")]
    # What a term is called in the point can itself be new to the learner.
    return next(
        (
            text
            for text in drafts
            if not leaks(text, [point.text[lang]], known)
            and not leaks(text, others, known, by_term=False)
        ),
        drafts[-1],
    )
