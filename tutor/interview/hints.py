"""Three hints, each giving away more: a nudge, a key point with blanks, half a passage."""

from __future__ import annotations

import re
from collections import Counter

from tutor import lexicon
from tutor.corpus.items import Item, Point
from tutor.interview.leaks import Known, blank, leaks, terms

HINTS = 3
"""Hints that one question has."""

_COUNTS = {
    "zh": ("零", "一", "两", "三", "四", "五", "六", "七", "八"),
    "en": ("no", "one", "two", "three", "four", "five", "six", "seven", "eight"),
}
_ASPECTS = (
    (r"kubectl|`[^`]* --?[a-z][^`]*`", "要输入什么", "which command"),
    (r"\d[^，,；;。]*(?:秒|分钟|小时|天|个月|年)|\d+ (?:second|minute|hour|day|month|year)", "要多久", "how long"),
    (r"v?1\.\d\d|alpha|beta|\bGA\b", "从哪个版本起", "since which version"),
    (r"默认|缺省|default", "不设置时会怎样", "what holds if nothing is set"),
    (r"(?<![A-Za-z\d])\d", "一个具体的数", "a figure"),
    (r"区别|不同|相比|而不是|相反|differ|unlike|whereas|rather than|instead", "和什么不一样", "how it differs from something else"),
    (r"因为|所以|否则|导致|避免|防止|以免|以便|because|otherwise|so that|\bso\b|avoid|prevent", "为什么", "why"),
    (r"必须|需要|只有|才|前提|要求|must|need|require|only", "有什么条件", "on what condition"),
    (r"不|没|无法|\bnot?\b|n't|never|without", "不会怎样", "what it doesn't do"),
    (r"如果|一旦|时|后|\bif\b|\bwhen\b|\bonce\b|\bafter\b|\buntil\b", "什么时候会怎样", "what happens when"),
    (r"用于|用来|适合|适用|场景|used for|meant for|suits?\b", "用在哪里", "what it is good for"),
    (r"", "它怎么运作", "how it works"),
)
"""What a key point is about, told by its wording; the first that fits counts."""
_SENTENCE = re.compile(r"[^。！？；]*[。！？；]|(?:[^.!?]|[.!?](?!\s|$))+[.!?]*\s*")
_CLAUSE = re.compile(r"[，、：；]|(?<=[A-Za-z,]) (?=[A-Za-z])")


def hint(item: Item, lang: str, level: int) -> str:
    """The hint of that level, 1 to `HINTS`; pure.

    1 says how many key points there are and, from the heaviest on, what kind of
    thing each tells and about which term of the question; it holds no term of
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
    points = sorted(item.points, key=lambda point: -point.weight)
    parts = Counter(_outline(item, point, lang) for point in points)
    zh = lang == "zh"
    listed = [
        part if n == 1 else f"{part}（{_count(n, lang)}项）" if zh else f"{part} ({_count(n, lang)} of them)"
        for part, n in parts.items()
        if part
    ]
    if parts[""]:
        listed.append(f"还有{_count(parts[''], lang)}个" if zh else f"{_count(parts[''], lang)} more")
    if zh:
        return f"完整的回答有{_count(len(points), lang)}个要点，大致从重到轻：{'；'.join(listed)}。"
    return f"A full answer makes {_count(len(points), lang)} points, roughly from the heaviest: {'; '.join(listed)}."


def _count(n: int, lang: str) -> str:
    """In words: a digit could be the very figure that a key point holds."""
    return _COUNTS[lang][n] if n < len(_COUNTS[lang]) else str(n)


def _outline(item: Item, point: Point, lang: str) -> str:
    """What the point is about, with nothing of it that the question lacks; "" if that can't be said."""
    known = Known(item.question[lang])
    secrets = [other.text[lang] for other in item.points]
    held = {
        tuple(lexicon.concepts(term.text)) or term.text: term.text
        for term in reversed(terms(point.text[lang]))  # of several names of a concept the first stays
        if known.term(term.text)
    }
    area = ("、" if lang == "zh" else ", ").join([*held.values()][::-1][:2])
    about = aspect(point, lang)
    drafts = [f"{area}：{about}" if lang == "zh" else f"{area}: {about}", about] if area else [about]
    return next(
        (
            draft
            for draft in drafts
            if not leaks(draft, secrets, known) and not leaks(draft, [item.answer[lang]], known, by_term=False)
        ),
        "",
    )
