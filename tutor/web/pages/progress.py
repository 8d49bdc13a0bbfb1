"""The page "Progress": mastery, its course, calibration, workload, readiness, weak points."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import fmean

from tutor.corpus.items import LEVELS, TOPICS, Item
from tutor.errors import InputError
from tutor.progress import Readiness, TopicMastery, WeakPoint
from tutor.progress.trend import trend
from tutor.study import Progress
from tutor.web import charts, graded, render
from tutor.web.pages import Context, Data, Frame, text, texts
from tutor.web.pages.library import practise
from tutor.web.words.interview import WORDS as INTERVIEW
from tutor.web.words.progress import WORDS

LINES = 6
"""Topics drawn at once: as many as there are colours."""
FIRST_LINES = 3
WEAK = 6
"""Weak points that are shown before the rest is unfolded."""
SPAN = 14
"""Days before and after today."""
_MOST_WEAK = 40
_EVEN = 0.5
"""Points of bias up to which one judges oneself well."""


def handle(context: Context, action: str, data: Data) -> Frame:
    if action == "open":
        found = context.tutor.progress(context.user)
        return Frame({"progress": _page(context, found) if found.reviews else _empty()})
    if action == "trend":
        chosen = [topic for topic in texts(data, "topics") if topic in TOPICS]
        found = context.tutor.progress(context.user)
        return Frame({"progress-lines": _lines(context, found, chosen[:LINES])})
    if action == "practise":
        return practise(context, text(data, "id", 200))
    raise InputError(f"there is no action {action!r} here")


def _empty() -> str:
    curve = (
        '<svg class="kt-progress-art" viewBox="0 0 240 110" aria-hidden="true"><path class="kt-ch-grid" d="M8 102H232M8 72H232M8 42H232M8 12H232"/>'
        '<path class="kt-progress-band" d="M8 92C60 84 84 52 128 46S204 24 232 18V44C204 50 172 66 128 72S60 100 8 102Z"/>'
        '<path class="kt-ch-line kt-ch-1" d="M8 97C60 92 84 64 128 58S204 38 232 30"/></svg>'
    )
    return (
        f'<div class="kt-page"><h2>{WORDS.both("title")}</h2><div class="kt-panel kt-progress-empty">{curve}'
        f'<h3>{WORDS.both("empty-title")}</h3><p class="kt-lead">{WORDS.both("empty")}</p>'
        f'<div class="kt-row"><a class="kt-button kt-primary" href="#/interview">{WORDS.both("begin")}</a>'
        f'<a class="kt-button" href="#/library">{WORDS.both("browse")}</a></div></div></div>'
    )


def _page(context: Context, found: Progress) -> str:
    return (
        f'<div class="kt-page kt-wide kt-progress-page"><h2>{WORDS.both("title")}</h2>{_tiles(context, found)}'
        f'<div class="kt-progress-two"><div>{_mastery(found)}{_workload(context, found)}</div>'
        f'<div class="kt-progress-side">{_readiness(found)}{_calibration(found)}</div></div>'
        f"{_trend(context, found)}{_weak(context, found)}</div>"
    )


def _panel(key: str, inside: str, lead: str = "") -> str:
    about = f'<p class="kt-quiet">{lead}</p>' if lead else ""
    return f'<section class="kt-panel"><h3>{WORDS.both(key)}</h3>{about}{inside}</section>'


# figures -------------------------------------------------------------------------------------


def _tiles(context: Context, found: Progress) -> str:
    today = context.now.date()
    week = [r.score for r in found.reviews if (today - r.at.date()).days < 7]
    before = [r.score for r in found.reviews if 7 <= (today - r.at.date()).days < 14]
    items = {review.item_id for review in found.reviews}
    days = WORDS.both("day" if found.streak == 1 else "days", n=found.streak)
    due = len(found.due)
    link = f'<a href="#/review">{WORDS.both("review")}</a>' if due else WORDS.both("nothing-due")
    compared = WORDS.both("before7", score=f"{fmean(before):.1f}") if before else ""
    return '<div class="kt-progress-tiles">' + "".join(
        f'<div class="kt-panel"><p class="kt-label">{WORDS.both(key)}</p><p class="kt-progress-figure">{figure}</p>'
        f'<p class="kt-quiet">{note}</p></div>'
        for key, figure, note in (
            ("streak", days, "" if found.streak else WORDS.both("streak-none")),
            ("due", str(due), link),
            ("replies", str(len(found.reviews)),
             WORDS.both("of-items", n=len(items), all=sum(t.items for t in found.mastery))),
            ("last7", f"{fmean(week):.1f}" if week else "–", compared if week else WORDS.both("no-replies")),
        )
    ) + "</div>"  # fmt: skip


def _of(low: float, mean: float, high: float) -> dict[str, str]:
    return {"low": f"{low * 100:.0f}", "mean": f"{mean * 100:.0f}", "high": f"{high * 100:.0f}"}


def _rail(what: Readiness | TopicMastery) -> str:
    tip = WORDS.both("range", **_of(what.low, what.mean, what.high))
    return charts.interval(what.low, what.mean, what.high, tip)


def _readiness(found: Progress) -> str:
    rows, cells = "", []
    for level in LEVELS:
        one = found.readiness[level]
        name = WORDS.both(f"level-{level}")
        rows += (
            f'<div class="kt-progress-row"><span>{name}</span>{_rail(one)}'
            f"<strong>{one.mean * 100:.0f}%</strong></div>"
        )
        cells.append((name, f"{one.mean * 100:.0f}%", f"{one.low * 100:.0f}–{one.high * 100:.0f}%"))
    weakest = found.readiness[LEVELS[0]].weakest
    hint = (
        f'<p class="kt-quiet">{WORDS.both("weakest")}<a href="#/interview/{render.plain(weakest)}">{render.topic(weakest)}</a></p>'
        if weakest
        else ""
    )
    head = [WORDS.both(key) for key in ("level", "mean", "interval")]
    return _panel(
        "readiness",
        f'<div class="kt-progress-rows">{rows}</div>{hint}{charts.numbers(WORDS.both("numbers"), head, cells)}',
        WORDS.both("readiness-lead"),
    )


def _mastery(found: Progress) -> str:
    touched = [t for t in found.mastery if t.reviewed]
    others = [t for t in found.mastery if not t.reviewed]
    rest = (
        f'<details class="kt-progress-more"><summary>{WORDS.both("untouched", n=len(others))}</summary>'
        f'<div class="kt-progress-rows kt-progress-faint">{"".join(map(_topic_row, others))}</div></details>'
        if others
        else ""
    )
    head = [WORDS.both(key) for key in ("topic", "mean", "interval", "answered", "due-now")]
    cells = [
        (render.topic(t.topic), f"{t.mean * 100:.0f}%", f"{t.low * 100:.0f}–{t.high * 100:.0f}%",
         f"{t.reviewed}/{t.items}", str(t.due))
        for t in found.mastery
    ]  # fmt: skip
    return _panel(
        "mastery",
        f'<div class="kt-progress-rows">{"".join(map(_topic_row, touched))}</div>{rest}'
        f'{charts.numbers(WORDS.both("numbers"), head, cells)}',
        WORDS.both("mastery-lead"),
    )


def _topic_row(one: TopicMastery) -> str:
    return (
        f'<div class="kt-progress-row"><span><a href="#/library/topic/{render.plain(one.topic)}">{render.topic(one.topic)}</a>'
        f"<small>{one.reviewed}/{one.items}</small></span>{_rail(one)}<strong>{one.mean * 100:.0f}%</strong></div>"
    )


# over time -----------------------------------------------------------------------------------


def _trend(context: Context, found: Progress) -> str:
    replies: dict[str, int] = {}
    for review in found.reviews:
        replies[review.topic] = replies.get(review.topic, 0) + 1
    known = [t.topic for t in found.mastery if replies.get(t.topic)]
    first = sorted(known, key=lambda topic: (-replies[topic], topic))[:FIRST_LINES]
    chips = "".join(
        f'<label><input type="checkbox" name="topics[]" value="{render.plain(topic)}"'
        f'{" checked" if topic in first else ""}><span>{render.topic(topic)}</span></label>'
        for topic in known
    )
    form = (
        f'<form data-act="progress.trend" data-live><fieldset><legend>{WORDS.both("trend-choose")}</legend>'
        f'<div class="kt-chips">{chips}</div></fieldset></form>'
    )
    return _panel("trend", f'{form}<div id="kt-progress-lines">{_lines(context, found, first)}</div>')


def _lines(context: Context, found: Progress, topics: list[str]) -> str:
    if not topics:
        return f'<p class="kt-quiet">{WORDS.both("trend-none")}</p>'
    items = [item for item in context.tutor.items() if item.kind == "curated" and item.points]
    courses = trend(found.reviews, items, topics, context.now)
    days = sorted({day for course in courses.values() for day, _ in course})
    if len(days) < 2:
        return f'<p class="kt-quiet">{WORDS.both("trend-short")}</p>'
    first, span = days[0], (days[-1] - days[0]).days
    series, legend, cells = [], "", []
    for colour, topic in enumerate(sorted(courses, key=topics.index), 1):
        points = []
        for day, one in courses[topic]:
            numbers = _of(one.low, one.mean, one.high)
            tip = "".join(
                f'<span class="kt-{lang}">{render.plain(WORDS.say(lang, "trend-tip", topic=_said(topic, lang), day=_day(day), **numbers))}</span>'
                for lang in ("zh", "en")
            )
            points.append(charts.Point((day - first).days / span, one.mean, tip, one.low, one.high))
            cells.append((render.topic(topic), day.isoformat(), f"{numbers['mean']}%", f"{numbers['low']}–{numbers['high']}%"))
        series.append((colour, points))
        legend += f'<span class="kt-ch-{colour}"><i></i>{render.topic(topic)}</span>'
    across = [(0.0, _day(days[0])), (1.0, _day(days[-1]))]
    if span > 3:
        across.insert(1, (0.5, _day(first + timedelta(span // 2))))
    up = [(share / 4, f"{share * 25}%") for share in range(5)]
    head = [WORDS.both(key) for key in ("topic", "day-head", "mean", "interval")]
    return (
        f'<div class="kt-ch-legend">{legend}</div>{charts.lines(series, x_labels=across, y_labels=up)}'
        f'{charts.numbers(WORDS.both("numbers"), head, cells)}'
    )


def _said(topic: str, lang: str) -> str:
    return INTERVIEW.say(lang, f"topic-{topic}") if topic in TOPICS else topic


def _day(day: date) -> str:
    return f"{day.month}/{day.day}"


def _workload(context: Context, found: Progress) -> str:
    today = context.now.date()
    past = {day.date: day for day in found.history}
    ahead = dict(found.workload)
    most = max([1, *ahead.values(), *(d.count for d in past.values() if (today - d.date).days < SPAN)])
    columns, cells = [], []
    for back in range(SPAN - 1, -1, -1):
        day = today - timedelta(back)
        done = past.get(day)
        tip = (
            WORDS.both("past-tip", day=_day(day), n=done.count, score=f"{done.mean:.1f}")
            if done
            else WORDS.both("past-none", day=_day(day))
        )
        label = _day(day) if back % 7 == 6 else ""
        columns.append(charts.Bar(done.count / most if done else 0.0, tip, label, "kt-ch-past"))
        cells.append((day.isoformat(), str(done.count if done else 0), f"{done.mean:.1f}" if done else "–", "–"))
    for day, count in list(ahead.items())[:SPAN]:
        label = WORDS.both("today") if day == today else _day(day) if (day - today).days % 7 == 0 else ""
        tip = WORDS.both("ahead-tip", day=_day(day), n=count)
        columns.append(charts.Bar(count / most, tip, label, "kt-ch-ahead"))
        cells.append((day.isoformat(), "–", "–", str(count)))
    head = [WORDS.both(key) for key in ("day-head", "past", "score", "ahead")]
    legend = (
        f'<div class="kt-ch-legend"><span class="kt-ch-past"><i></i>{WORDS.both("past")}</span>'
        f'<span class="kt-ch-ahead"><i></i>{WORDS.both("ahead")}</span></div>'
    )
    return _panel(
        "workload", f'{legend}{charts.bars(columns)}{charts.numbers(WORDS.both("numbers"), head, cells)}',
        WORDS.both("workload-lead"),
    )


def _calibration(found: Progress) -> str:
    calibration = found.calibration
    if calibration.bias is None or calibration.error is None:
        return _panel("calibration", f'<p class="kt-quiet">{WORDS.both("calibration-none")}</p>')
    key = "even" if abs(calibration.bias) < _EVEN else "over" if calibration.bias > 0 else "under"
    told = WORDS.both(key, n=calibration.n, bias=f"{abs(calibration.bias):.1f}", error=f"{calibration.error:.1f}")
    guessed = [(r, r.predicted) for r in found.reviews if r.predicted is not None]
    points = [
        charts.Point(
            predicted / 10, r.score / 10,
            WORDS.both("calibration-tip", day=_day(r.at.date()), predicted=f"{predicted:g}", got=f"{r.score:.1f}"),
        )
        for r, predicted in guessed
    ]
    labels = [(share / 2, str(share * 5)) for share in range(3)]
    head = [WORDS.both(key) for key in ("day-head", "predicted", "got")]
    cells = [(r.at.date().isoformat(), f"{predicted:g}", f"{r.score:.1f}") for r, predicted in guessed]
    return _panel(
        "calibration",
        f'<p>{told}</p>{charts.scatter(points, x_labels=labels, y_labels=labels)}<p class="kt-quiet">{WORDS.both("axes")}</p>'
        f'{charts.numbers(WORDS.both("numbers"), head, cells)}',
    )


# weak points ---------------------------------------------------------------------------------


def _weak(context: Context, found: Progress) -> str:
    if not found.weak:
        return _panel("weak", f'<p class="kt-quiet">{WORDS.both("weak-none")}</p>')
    items = {item.id: item for item in context.tutor.items()}
    rows = [
        _weak_point(point, items.get(point.item_id)) for point in found.weak[:_MOST_WEAK]
    ]
    more = (
        f'<details class="kt-progress-more"><summary>{WORDS.both("more", n=len(rows) - WEAK)}</summary>'
        f'<ul class="kt-progress-weak">{"".join(rows[WEAK:])}</ul></details>'
        if len(rows) > WEAK
        else ""
    )
    shown = f'<ul class="kt-progress-weak">{"".join(rows[:WEAK])}</ul>'
    return _panel("weak", shown + more, WORDS.both("weak-lead"))


def _weak_point(point: WeakPoint, item: Item | None) -> str:
    # The log has it in the language of the reply, the corpus in both.
    texts = [p.text for p in item.points if point.text in p.text.values()] if item else []
    said_of_it = graded.in_both(texts[0]) if texts else render.markdown(point.text, inline=True)
    title = f'<p class="kt-quiet">{graded.in_both(item.question)}</p>' if item else ""
    times = WORDS.both("time") if point.times == 1 else WORDS.both("times", n=point.times)
    said = (
        f'<p class="kt-progress-said">{WORDS.both("said")}<q>{render.plain(point.quote)}</q></p>'
        if point.quote.strip()
        else f'<p class="kt-quiet">{WORDS.both("unsaid")}</p>'
    )
    id = render.plain(point.item_id)
    actions = (
        f'<div class="kt-row"><a class="kt-button kt-small" href="#/library/{id}">{WORDS.both("look")}</a>'
        f'<button type="button" class="kt-button kt-small" data-act="progress.practise" data-arg-id="{id}">{WORDS.both("practise")}</button></div>'
        if item
        else ""
    )
    return (
        f'<li class="kt-iv-{point.verdict}"><p class="kt-iv-verdict">{graded.icon(point.verdict)}'
        f"<strong>{INTERVIEW.both(point.verdict)}</strong><span class=\"kt-pill\">{render.topic(point.topic)}</span>"
        f'<span class="kt-quiet">{times}</span></p><div class="kt-md">{said_of_it}</div>{said}{title}{actions}</li>'
    )
