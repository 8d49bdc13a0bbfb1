"""The report of an interview as HTML: scores by topic, what to learn next, every question."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

from tutor.corpus.items import Item
from tutor.interview import TOPIC_NAMES, Answered, Report, State, TopicScore
from tutor.progress import Calibration
from tutor.retrieval import Passage
from tutor.web import graded, render
from tutor.web.words.interview import WORDS

_WIDE, _HIGH, _RADIUS = 430, 330, 104
"""Of the radar, in its own units: about pixels on a phone."""
_LONG = 16
"""Width in Latin letters from which on a topic's name takes two lines."""
_EVEN = 0.05


LookUp = Callable[[str], Sequence[Passage]]
"""What the corpus has on a deeper question."""


def page(
    name: str, report: Report, state: State, items: Mapping[str, Item], look_up: LookUp,
    title: str, tools: str, note: str = "",
) -> str:
    """The whole report for the page `name`; `title`, `tools` and `note` are HTML."""
    id = render.plain(report.interview)
    questions = "".join(
        _question(name, report, question, state, items.get(question.item_id), look_up) for question in report.questions
    )
    return (
        f'<div class="kt-page kt-iv-page kt-iv-report"><div class="kt-row"><h2 id="kt-{name}-head">{title}</h2>'
        f'<span class="kt-row kt-end kt-noprint">{_export(id) if name == "interview" else ""}'
        f'<button type="button" class="kt-button kt-small" data-print>{WORDS.both("print")}</button>{tools}</span></div>'
        f'{f"""<p class="kt-quiet">{note}</p>""" if note else ""}'
        f'<div id="kt-{name}-summary" class="kt-iv-summary">{summary(report, state)}</div>'
        f'<section class="kt-iv-questions"><h3>{WORDS.both("questions")}</h3>{questions}</section></div>'
    )


def summary(report: Report, state: State) -> str:
    """What follows from all verdicts together; stands in the element "NAME-summary"."""
    return (
        f'<div class="kt-iv-overview">{_total(report, state)}{_topics(report.topics)}</div>'
        f"{_next(report)}{_calibration(report.calibration)}"
    )


def style(state: State) -> str:
    """What kind of interview it is, in both languages."""
    key = "mode-review" if state.plan.mode == "review" else f"style-{state.plan.mode}"
    return WORDS.both(key)


def mark_place(name: str, number: int) -> str:
    """Key of the element with the score of that question."""
    return f"{name}-mark-{number}"


def _export(id: str) -> str:
    return (
        f'<button type="button" class="kt-button kt-small" data-act="interview.export" data-arg-id="{id}">'
        f'{WORDS.both("export")}</button>'
    )


def _total(report: Report, state: State) -> str:
    graded_ones = sum(question.score is not None for question in report.questions)
    score = (
        f'<p class="kt-iv-total">{report.score:.1f}<small>/10</small></p>{_ring(report.score)}'
        if report.score is not None
        else f'<p class="kt-quiet">{WORDS.both("no-score")}</p>'
    )
    facts = [WORDS.both("answered", n=graded_ones), WORDS.both("minutes", n=max(1, round(report.seconds / 60)))]
    return (
        f'<section class="kt-panel kt-iv-sum"><div class="kt-iv-ring">{score}</div>'
        f'<p><strong>{style(state)}</strong></p><p class="kt-quiet">{f"{report.started:%Y-%m-%d}"} · {" · ".join(facts)}</p></section>'
    )


def _ring(score: float) -> str:
    around = 2 * math.pi * 52
    return (
        '<svg viewBox="0 0 120 120" aria-hidden="true"><circle cx="60" cy="60" r="52"/>'
        f'<circle cx="60" cy="60" r="52" class="kt-iv-arc" stroke-dasharray="{around * score / 10:.1f} {around:.1f}"/></svg>'
    )


# topics --------------------------------------------------------------------------------------


def _topics(topics: Sequence[TopicScore]) -> str:
    if not topics:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{render.topic(t.topic)}</th><td>{t.mean:.1f}</td><td>{t.n}</td></tr>' for t in topics
    )
    table = (
        f'<div class="kt-hidden"><table><caption>{WORDS.both("by-topic")}</caption><thead><tr>'
        f'<th scope="col">{WORDS.both("topic")}</th><th scope="col">{WORDS.both("mean")}</th>'
        f'<th scope="col">{WORDS.both("count")}</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    # Two corners are no shape.
    shape = radar(topics) if len(topics) > 2 else _bars(topics)
    return f'<section class="kt-panel kt-iv-topicscores"><h3>{WORDS.both("by-topic")}</h3>{shape}{table}</section>'


def radar(topics: Sequence[TopicScore]) -> str:
    """Scores 0 to 10 of three or more topics; a screen reader gets the table beside it."""
    rings = "".join(
        f'<polygon points="{_polygon([share] * len(topics))}" class="kt-iv-grid"/>' for share in (0.25, 0.5, 0.75, 1.0)
    )
    spokes, dots = "", ""
    for at, score in enumerate(topics):
        end, dot = _at(at, len(topics), 1.0), _at(at, len(topics), score.mean / 10)
        spokes += f'<line x1="{_WIDE / 2}" y1="{_HIGH / 2}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" class="kt-iv-grid"/>'
        dots += (
            f'<g class="kt-iv-dot"><circle cx="{dot[0]:.1f}" cy="{dot[1]:.1f}" r="16" class="kt-iv-near"/>'
            f'<circle cx="{dot[0]:.1f}" cy="{dot[1]:.1f}" r="4.5"/>{_tip(dot, score)}</g>'
        )
    shape = _polygon([score.mean / 10 for score in topics])
    labels = "".join(_label(at, len(topics), score) for at, score in enumerate(topics))
    return (
        f'<svg class="kt-iv-radar" viewBox="0 0 {_WIDE} {_HIGH}" aria-hidden="true">{rings}{spokes}'
        f'<polygon points="{shape}" class="kt-iv-shape"/>{labels}{dots}</svg>'
    )


def _at(at: int, of: int, share: float) -> tuple[float, float]:
    angle = 2 * math.pi * at / of - math.pi / 2
    return _WIDE / 2 + _RADIUS * share * math.cos(angle), _HIGH / 2 + _RADIUS * share * math.sin(angle)


def _polygon(shares: Sequence[float]) -> str:
    return " ".join("{:.1f},{:.1f}".format(*_at(at, len(shares), share)) for at, share in enumerate(shares))


def _label(at: int, of: int, score: TopicScore) -> str:
    x, y = _at(at, of, 1.17)
    side = x - _WIDE / 2
    anchor = "middle" if abs(side) < 12 else "start" if side > 0 else "end"
    found = ""
    for lang in ("zh", "en"):
        lines = [*_lines(score.topic, lang), f"{score.mean:.1f}"]
        # Above the middle a label grows upwards, below it downwards.
        top = y - 15 * (len(lines) - 1) if y < _HIGH / 2 - 20 else y + 8 if y > _HIGH / 2 + 20 else y - 7 * (len(lines) - 2)
        spans = "".join(
            f'<tspan x="{x:.1f}" y="{top + 15 * n:.1f}"{_number(n, lines)}>{render.plain(line)}</tspan>'
            for n, line in enumerate(lines)
        )
        found += f'<text class="kt-{lang}" text-anchor="{anchor}">{spans}</text>'
    return found


def _number(n: int, lines: Sequence[str]) -> str:
    return ' class="kt-iv-value"' if n == len(lines) - 1 else ""


def _lines(topic: str, lang: str) -> list[str]:
    name = WORDS.say(lang, f"topic-{topic}") if topic in TOPIC_NAMES else topic
    if sum(1 + (char > "\u2e80") for char in name) <= _LONG:
        return [name]
    breaks = [m.start() for m in re.finditer("(?<=.)[与和]" if lang == "zh" else " ", name)]
    if not breaks:
        return [name]
    middle = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return [name[:middle], name[middle:].strip()]


def _tip(dot: tuple[float, float], score: TopicScore) -> str:
    x, y = dot[0], dot[1] - 16
    text = f"{score.mean:.1f}/10 ×{score.n}"
    return (
        f'<g class="kt-iv-tip"><rect x="{x - 40:.1f}" y="{y - 16:.1f}" width="80" height="22" rx="6"/>'
        f'<text x="{x:.1f}" y="{y - 1:.1f}" text-anchor="middle">{text}</text></g>'
    )


def _bars(topics: Sequence[TopicScore]) -> str:
    rows = "".join(
        f'<div class="kt-iv-bar" title="{t.mean:.1f}/10 ×{t.n}"><span>{render.topic(t.topic)}</span>'
        f'<svg viewBox="0 0 100 8" preserveAspectRatio="none"><rect width="100" height="8" class="kt-iv-rest"/>'
        f'<rect width="{t.mean * 10:.1f}" height="8"/></svg><strong>{t.mean:.1f}</strong></div>'
        for t in topics
    )
    return f'<div aria-hidden="true">{rows}</div>'


# the rest ------------------------------------------------------------------------------------


def _next(report: Report) -> str:
    rows = "".join(
        f'<li><p><a href="#/library/{render.plain(advice.item_id)}">{graded.in_both(advice.title)}</a></p>'
        f'<p class="kt-quiet">{graded.in_both(advice.why)}</p></li>'
        for advice in report.learn_next
    )
    inside = f'<ol class="kt-iv-next">{rows}</ol>' if rows else f'<p class="kt-quiet">{WORDS.both("learn-none")}</p>'
    return f'<section class="kt-panel"><h3>{WORDS.both("learn-next")}</h3>{inside}</section>'


def _calibration(found: Calibration) -> str:
    if found.bias is None or found.error is None:
        return ""
    key = "even" if abs(found.bias) < _EVEN else "over" if found.bias > 0 else "under"
    said = WORDS.both(key, n=found.n, bias=f"{abs(found.bias):.1f}", error=f"{found.error:.1f}")
    return f'<section class="kt-panel"><h3>{WORDS.both("calibration")}</h3><p>{said}</p></section>'


def _question(
    name: str, report: Report, question: Answered, state: State, item: Item | None, look_up: LookUp
) -> str:
    lang = graded.tag(report.lang)
    title = render.markdown(question.text, inline=True) if question.text else WORDS.both("gone")
    pill = (
        f'<span id="kt-{mark_place(name, question.number)}" class="kt-pill kt-iv-mark">{question.score:.1f}</span>'
        if question.score is not None
        else f'<span class="kt-pill">{WORDS.both(_state(question))}</span>'
    )
    return (
        f'<details class="kt-panel kt-iv-fold kt-iv-one-question"><summary>{pill}<span lang="{lang}">'
        f"{question.number}. {title}</span></summary>{_inside(name, report, question, state, item, look_up)}</details>"
    )


def _state(question: Answered) -> str:
    return "was-skipped" if question.skipped else "open" if question.reply is None else "ungraded"


def _inside(
    name: str, report: Report, question: Answered, state: State, item: Item | None, look_up: LookUp
) -> str:
    turn = state.turns[question.number - 1]
    if turn.grade is None:
        return (graded.said(turn.reply) if turn.reply else "") + graded.answer(item, report.lang, open=True)
    html = (
        f'<div id="kt-{graded.place(name, question.number)}" class="kt-iv-graded">'
        f"{graded.graded(name, report.interview, question.number, turn, item)}</div>"
    )
    after = turn.follow_up
    if after is None or after.reply is None:
        return html
    if after.grade is not None:
        shown = (
            f'<div id="kt-{graded.probe_place(name, question.number)}">'
            f"{graded.probed(name, report.interview, question.number, after, item)}</div>"
        )
    elif after.kind == "deeper":
        shown = graded.deeper(after, look_up(after.text), item, report.lang)
    else:
        shown = graded.said(after.reply)
    return f'{html}<section class="kt-iv-after"><h4>{WORDS.both(after.kind)}</h4><p>{graded.asked(after.kind, after.text)}</p>{shown}</section>'
