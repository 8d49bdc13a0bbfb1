"""A graded reply as HTML: the learner's own words beside the key points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from tutor.corpus.items import Item
from tutor.grading import Grade, PointVerdict, Verdict
from tutor.interview import Appeal, FollowUp, Turn
from tutor.retrieval import Passage
from tutor.web import render
from tutor.web.words.interview import WORDS

_SHAPES = {
    "hit": '<path d="m5.8 10.3 2.8 2.8 5.6-6"/>',
    "partial": '<path d="M10 2.8a7.2 7.2 0 0 1 0 14.4z" class="kt-iv-half"/>',
    "missed": '<path d="M6.4 10h7.2"/>',
    "contradicted": '<path d="m7 7 6 6M13 7l-6 6"/>',
}
_RANK: tuple[Verdict, ...] = ("missed", "hit", "partial", "contradicted")
_DOCS = {"zh": "https://kubernetes.io/zh-cn/docs/", "en": "https://kubernetes.io/docs/"}


def in_both(text: Mapping[str, str]) -> str:
    """A text of the corpus in both languages, of which CSS shows one."""
    return "".join(
        f'<span class="kt-{lang}" lang="{tag}">{render.markdown(_in(text, lang), inline=True)}</span>'
        for lang, tag in (("zh", "zh-CN"), ("en", "en"))
    )


def tag(lang: str) -> str:
    """The language for an attribute."""
    return "zh-CN" if lang == "zh" else "en"


def icon(verdict: str) -> str:
    return (
        '<svg class="kt-iv-icon" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="7.2"/>'
        f"{_SHAPES[verdict]}</svg>"
    )


def graded(page: str, id: str, number: int, turn: Turn, item: Item | None) -> str:
    """The grade of the turn, as the learner has judged it, with all that one can do about it.

    `number` is the turn's, from 1. Stands in an element that `place` names.
    """
    own, shown = turn.grade, turn.judged
    assert own is not None and shown is not None
    arguments = f'data-arg-id="{render.plain(id)}" data-arg-turn="{number}"'
    points = "".join(
        _point(page, number, n, point, item, shown.lang,
               _check(page, n, point, before, arguments), _appeal(page, n, arguments, turn.appeals))
        for n, (point, before) in enumerate(zip(shown.points, own.points, strict=True), 1)
    )
    notes = [WORDS.both("checked", score=f"{own.score:.1f}")] if turn.checks else []
    if turn.predicted is not None:
        notes.append(WORDS.both("predicted", score=f"{turn.predicted:g}"))
    if turn.hints:
        notes.append(WORDS.both("hinted", n=len(turn.hints)))
    return (
        f"{_head(shown, notes)}"
        f'<div class="kt-iv-two"><section class="kt-iv-said"><h4>{WORDS.both("your-words")}</h4>'
        f"{_reply(shown)}</section>"
        f'<section><h4>{WORDS.both("points")}</h4><ol class="kt-iv-points">{points}</ol></section></div>'
        f"{_misconceptions(shown)}{answer(item, shown.lang)}"
    )


def place(page: str, number: int) -> str:
    """Key of the element of that turn's grade."""
    return f"{page}-grade-{number}"


def point_place(page: str, number: int, n: int) -> str:
    """Key of the element of point `n` in that turn's grade."""
    return f"{page}-point-{number}-{n}"


def probe_place(page: str, number: int) -> str:
    """Key of the element of the grade of that turn's follow-up."""
    return f"{page}-probe-{number}"


def probed(page: str, id: str, number: int, after: FollowUp, item: Item | None) -> str:
    """The grade of a reply to a follow-up, which is about one point. Stands where `probe_place` says."""
    own, shown = after.grade, after.judged
    assert own is not None and shown is not None
    arguments = f'data-arg-id="{render.plain(id)}" data-arg-turn="{number}" data-arg-probe="1"'
    points = "".join(
        _point("", number, n, point, item, shown.lang, _check(page, n, point, before, arguments), "")
        for n, (point, before) in enumerate(zip(shown.points, own.points, strict=True), 1)
    )
    return (
        f'<div class="kt-iv-graded">{_reply(shown)}<ol class="kt-iv-points kt-iv-one">{points}</ol>'
        f'{_misconceptions(shown)}<p class="kt-quiet">{WORDS.both("probe-free")}</p></div>'
    )


def deeper(after: FollowUp, passages: Sequence[Passage], item: Item | None, lang: str) -> str:
    """A reply to a deeper question beside what the corpus has on it: passages, else the item's answer."""
    if passages:
        beside = f'<h4>{WORDS.both("deeper-found")}</h4>' + "".join(
            f'<details class="kt-iv-fold kt-iv-passage"{"" if n else " open"}><summary lang="{tag(passage.lang)}">'
            f"{render.markdown(passage.title, inline=True)}</summary>"
            f'<div class="kt-md" lang="{tag(passage.lang)}">{render.markdown(passage.text)}</div>'
            f'<p class="kt-quiet"><a href="#/library/{render.in_address(passage.item_id, "")}">{WORDS.both("in-library")}</a></p></details>'
            for n, passage in enumerate(passages)
        )
        if item is not None and item.id not in {passage.item_id for passage in passages}:
            beside += answer(item, lang)
    else:
        beside = f'<p class="kt-quiet">{WORDS.both("deeper-none")}</p>{answer(item, lang, open=True)}'
    return (
        f'<div class="kt-iv-deeper"><p class="kt-notice">{WORDS.both("deeper-free")}</p>'
        f"<h4>{WORDS.both('your-words')}</h4>{said(after.reply or '')}{beside}</div>"
    )


def asked(kind: str, text: str) -> str:
    """A follow-up: a deeper question comes from the corpus, a probe may quote the learner."""
    return render.markdown(text, inline=True) if kind == "deeper" else render.plain(text)


def said(reply: str) -> str:
    """A reply that isn't graded."""
    if not reply.strip():
        return f'<p class="kt-iv-reply kt-quiet">{WORDS.both("empty")}</p>'
    return f'<div class="kt-iv-reply">{render.plain(reply)}</div>'


def answer(item: Item | None, lang: str, *, open: bool = False) -> str:
    """The reference answer, folded unless `open`."""
    if item is None or not item.answered:
        return ""
    return (
        f'<details class="kt-iv-fold kt-iv-answer"{" open" if open else ""}><summary>{WORDS.both("answer")}</summary>'
        f'<div class="kt-md" lang="{tag(lang)}">{render.markdown(_in(item.answer, lang))}</div>'
        f'<p class="kt-quiet">{_links(item, lang)}</p></details>'
    )


def _head(grade: Grade, notes: Sequence[str]) -> str:
    unsure = f'<p class="kt-notice">{render.plain(grade.unsure_reason)}</p>' if grade.unsure_reason else ""
    beside = f'<p class="kt-quiet">{" · ".join(notes)}</p>' if notes else ""
    return (
        f'<div class="kt-iv-score"><p class="kt-iv-number kt-iv-{_level(grade.score)}">'
        f'<span class="kt-hidden">{WORDS.both("score")} </span>{grade.score:.1f}<small>/10</small></p>'
        f'<div lang="{tag(grade.lang)}"><p>{render.markdown(grade.feedback, inline=True)}</p>{unsure}</div></div>{beside}'
    )


def _level(score: float) -> str:
    return "good" if score >= 8 else "fair" if score >= 5 else "poor"


def _point(
    page: str, number: int, n: int, point: PointVerdict, item: Item | None, lang: str, check: str, appeal: str
) -> str:
    pills = f'<span class="kt-pill">{WORDS.both("weight", n=point.weight)}</span>'
    if point.unsure:
        pills += f'<span class="kt-pill kt-iv-unsure">{WORDS.both("unsure")}</span>'
    if point.decided_by == "learner":
        pills += f'<span class="kt-pill">{WORDS.both("by-learner")}</span>'
    id = f' id="kt-{point_place(page, number, n)}"' if page else ""
    return (
        f'<li{id} class="kt-iv-point kt-iv-{point.verdict}" data-n="{n}">'
        f'<p class="kt-iv-verdict">{icon(point.verdict)}<strong>{WORDS.both(_said(point))}</strong>'
        f'<sup class="kt-iv-n">{n}</sup>{pills}</p>'
        f'<p lang="{tag(lang)}">{render.markdown(point.text, inline=True)}</p>{_quote("you-said", point.quote)}'
        f'{check}<div class="kt-iv-more">{_source(point, item, lang)}{appeal}</div></li>'
    )


def _quote(key: str, quote: str) -> str:
    return f'<p class="kt-iv-quote"><span>{WORDS.both(key)}</span> “{render.plain(quote)}”</p>' if quote else ""


def _said(point: PointVerdict) -> str:
    """Key of the verdict's name: nobody is told to be wrong on a guess."""
    return "maybe-contradicted" if point.unsure and point.verdict == "contradicted" else point.verdict


def _check(page: str, n: int, point: PointVerdict, own: PointVerdict, arguments: str) -> str:
    """Lets the learner judge a point of which the grader (`own`) wasn't sure, and judge it again."""
    if not own.unsure:
        return ""
    judged = point.decided_by == "learner"
    words = own.quote or own.nearest
    choices: tuple[Verdict, ...] = ("hit", "missed", "contradicted") if words else ("missed",)
    buttons = "".join(
        f'<button type="button" class="kt-button kt-small" data-act="{page}.check" {arguments} '
        f'data-arg-point="{n}" data-arg-verdict="{verdict}">{WORDS.both(f"check-{verdict}")}</button>'
        for verdict in choices
        if not judged or verdict != point.verdict
    )
    row = f'<div class="kt-row">{buttons}</div>' if buttons else ""
    if judged:
        return f'<details class="kt-iv-fold kt-noprint"><summary>{WORDS.both("check-again")}</summary>{row}</details>' if row else ""
    near = "" if own.quote else _quote("nearest", own.nearest)
    return f'<div class="kt-iv-check">{near}<p>{WORDS.both("check" if words else "check-silent")}</p>{row}</div>'


def _appeal(page: str, n: int, arguments: str, appeals: Sequence[Appeal]) -> str:
    made = [appeal for appeal in appeals if appeal.number == n]
    if made:
        return f'<p class="kt-iv-appealed">{WORDS.both("appealed")}{render.plain(made[-1].reason)}</p>'
    return (
        f'<details class="kt-iv-fold kt-noprint"><summary>{WORDS.both("disagree")}</summary>'
        f'<form data-act="{page}.appeal" {arguments} data-arg-point="{n}">'
        f'<label class="kt-field"><span>{WORDS.both("reason")}</span>'
        '<textarea name="reason" rows="2" maxlength="2000" required></textarea></label>'
        f'<button class="kt-button kt-small">{WORDS.both("appeal")}</button></form></details>'
    )


def _source(point: PointVerdict, item: Item | None, lang: str) -> str:
    where = _links(item, lang) if item else render.plain(point.source)
    passage = f'<blockquote class="kt-md" lang="{tag(lang)}">{render.markdown(point.passage)}</blockquote>' if point.passage else ""
    return (
        f'<details class="kt-iv-fold"><summary>{WORDS.both("source")}</summary>'
        f'{passage}<p class="kt-quiet">{where}</p></details>'
    )


def _links(item: Item, lang: str) -> str:
    ours = f'<a href="#/library/{render.plain(item.id)}">{WORDS.both("in-library")}</a>'
    if not item.reference:
        return ours
    url = render.plain(f"{_DOCS[lang]}{item.reference.strip('/')}/")
    docs = f'<a href="{url}" target="_blank" rel="noopener noreferrer nofollow">{WORDS.both("docs")}</a>'
    return f"{ours} · {docs}"


def _misconceptions(grade: Grade) -> str:
    if not grade.misconceptions:
        return ""
    rows = "".join(
        f'<li><p class="kt-iv-verdict">{icon("contradicted")}<strong>{render.markdown(one.claim, inline=True)}</strong></p>'
        f'<p class="kt-iv-quote"><span>{WORDS.both("you-said")}</span> “{render.plain(one.quote)}”</p>'
        f'<p><span class="kt-good">{WORDS.both("right")}</span> {render.markdown(one.correction, inline=True)}</p></li>'
        for one in grade.misconceptions
    )
    return (
        f'<section class="kt-iv-wrong" lang="{tag(grade.lang)}"><h4>{WORDS.both("misconceptions")}</h4>'
        f'<ul class="kt-iv-points">{rows}</ul></section>'
    )


# the reply -----------------------------------------------------------------------------------


def _reply(grade: Grade) -> str:
    if not grade.reply.strip():
        return said(grade.reply)
    return f'<div class="kt-iv-reply">{_marked(grade)}</div>'


def _marked(grade: Grade) -> str:
    """The reply, with each quote marked by its verdict and followed by the numbers of its points."""
    reply = grade.reply
    quotes = [(point.quote, str(n), point.verdict) for n, point in enumerate(grade.points, 1)]
    quotes += [(wrong.quote, "!", "contradicted") for wrong in grade.misconceptions]
    spans = [
        (start, start + len(quote), name, verdict)
        for quote, name, verdict in quotes
        if quote and (start := reply.find(quote)) >= 0
    ]
    cuts = sorted({0, len(reply), *(at for start, end, *_ in spans for at in (start, end))})
    parts = []
    for low, high in pairwise(cuts):
        text = render.plain(reply[low:high])
        here = [span for span in spans if span[0] <= low and high <= span[1]]
        if not here:
            parts.append(text)
            continue
        verdict = max((span[3] for span in here), key=_RANK.index)
        names = " ".join(dict.fromkeys(span[2] for span in here))
        ended = dict.fromkeys(span[2] for span in here if span[1] == high)
        numbers = "".join(f'<sup class="kt-iv-n">{name}</sup>' for name in ended)
        parts.append(f'<mark class="kt-iv-{verdict}" data-n="{names}">{text}{numbers}</mark>')
    return "".join(parts)


def _in(text: Mapping[str, str], lang: str) -> str:
    return text.get(lang) or next(iter(text.values()), "")
