"""The page "Interview": setting one up, going on with it, and its report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from tutor.corpus.items import LANGS, LEVELS
from tutor.errors import InputError, TutorError
from tutor.interview import TOPIC_NAMES, State, replay, to_markdown
from tutor.web import render, reports, sitting
from tutor.web.pages import Context, Data, Download, Frame, text, texts
from tutor.web.words.interview import WORDS

if TYPE_CHECKING:
    from tutor.interview import Interview

STYLES = {
    "mock": ("mock", True),
    "drill": ("drill", True),
    "weak": ("drill", False),
    "exam": ("exam", True),
    "jd": ("jd", False),
}
"""Style -> mode of the plan, and whether the chosen topics count."""
LENGTHS = ("3", "5", "8", "12", "20")
_USUAL = "5"
_MOST_JOB = 20_000
_LISTED = 6


def handle(context: Context, action: str, data: Data) -> Frame | Iterator[Frame]:
    """`data["id"]` of "open" is an interview to go on with, or a topic to choose beforehand."""
    if action in sitting.ACTIONS:
        return sitting.handle(context, "interview", action, data, _end)
    if action == "open":
        return _open(context, text(data, "id", 64))
    if action == "start":
        return _start(context, data)
    if action == "pause":
        return Frame({"interview": _begin(context)}, toast=WORDS.both("paused"), route="interview")
    if action == "export":
        return _export(context, text(data, "id", 64))
    raise InputError(f"there is no action {action!r} here")


def _open(context: Context, id: str) -> Frame:
    if not id or id in TOPIC_NAMES:
        return Frame({"interview": _begin(context, chosen=id)})
    try:
        interview = sitting.resume(context, id)
    except InputError:  # of somebody else, or mistyped
        return Frame({"interview": _begin(context)}, toast=WORDS.both("unknown"), route="interview")
    return sitting.shown(context, "interview", interview, _end)


def _start(context: Context, data: Data) -> Frame:
    style = text(data, "style", 10)
    mode, by_topic = STYLES.get(style, ("mock", True))
    n = text(data, "n", 3)
    topics = texts(data, "topics") if by_topic else []
    lang = text(data, "lang", 2)
    job = text(data, "job", _MOST_JOB)
    if mode == "jd" and not job:
        return _about_job(WORDS.both("job-empty"))
    try:
        interview = context.tutor.interview(
            level=text(data, "level", 10) or None,
            lang=lang if lang in LANGS else context.lang,
            n=int(n) if n in LENGTHS else int(_USUAL),
            user=context.user,
            mode=mode,
            topics=topics,
            job=job if mode == "jd" else None,
        )
    except InputError as error:
        if mode != "jd":
            raise
        return _about_job(render.said(error))
    if interview.next() is None:
        return Frame(toast=WORDS.both("nothing"))
    frame = sitting.shown(context, "interview", interview, _end)
    return Frame(frame.html, focus=frame.focus, route=f"interview/{interview.id}")


def _about_job(said: str) -> Frame:
    """What is wrong with the job description (HTML), said beside it."""
    return Frame({"interview-jobless": f'<p class="kt-error">{said}</p>'}, focus="interview-job")


def _export(context: Context, id: str) -> Frame:
    interview = sitting.resume(context, id)
    report = interview.report()
    content = to_markdown(report, report.lang).encode()
    name = f"interview-{report.started:%Y-%m-%d}.md"
    return Frame(download=Download(name, content, "text/markdown;charset=utf-8"))


def _end(context: Context, interview: Interview) -> str:
    """The report."""
    again = f'<a class="kt-button kt-small" href="#/interview">{WORDS.both("again")}</a>'
    items = {item.id: item for item in context.tutor.items()}
    state = interview.state
    look_up = partial(sitting.look_up, context)
    return reports.page("interview", interview.report(), state, items, look_up, WORDS.both("report-title"), again)


# setting up ----------------------------------------------------------------------------------


def _begin(context: Context, chosen: str = "") -> str:
    known = _known(context)
    open_ones = [state for state in known if state.finished is None]
    past = [state for state in known if state.finished is not None and state.turns]
    return (
        f'<div class="kt-page kt-iv-page" data-relang><h2>{WORDS.both("title")}</h2>'
        f'<p class="kt-lead">{WORDS.both("lead")}</p>{_listed(context, open_ones, "resume")}'
        f"{_form(context, chosen)}{_listed(context, past, 'past')}</div>"
    )


def _known(context: Context) -> list[State]:
    """The user's latest interviews, without reviews."""
    store, found = context.tutor.study.store, []
    for one in store.interviews(context.user):
        # Conversations stand in the same log; what can't be read must not hide the rest.
        with suppress(TutorError):
            state = replay(store.events(context.user, one.id))
            if state.plan.mode != "review":
                found.append(state)
        if len(found) == 4 * _LISTED:
            break
    return found


def _listed(context: Context, states: list[State], key: str) -> str:
    rows = "".join(_row(context, state) for state in states[:_LISTED])
    return f'<section class="kt-panel"><h3>{WORDS.both(key)}</h3><ul class="kt-iv-list">{rows}</ul></section>' if rows else ""


def _row(context: Context, state: State) -> str:
    over = state.finished is not None
    done = sum(turn.reply is not None for turn in state.turns)
    topics = [render.topic(name) for name in list(state.plan.topics)[:3]]
    more = len(state.plan.topics) - len(topics)
    about = " · ".join(topics) + (f" +{more}" if more > 0 else "") if topics else WORDS.both("all-topics")
    main = "" if over else " kt-primary"
    return (
        f'<li class="kt-row"><div><p><strong>{reports.style(state)}</strong> {about}</p>'
        f'<p class="kt-quiet">{WORDS.both("so-far", done=done, n=state.plan.n)} · {sitting.ago(context.now - state.last)}</p></div>'
        f'<a class="kt-button kt-small kt-end{main}" href="#/interview/{state.id}">{WORDS.both("report" if over else "go-on")}</a></li>'
    )


def _form(context: Context, chosen: str) -> str:
    styles = "".join(
        f'<label><input type="radio" name="style" value="{style}"{" checked" if style == "mock" else ""}>'
        f'<span><strong>{WORDS.both(f"style-{style}")}</strong><small>{WORDS.both(f"about-{style}")}</small></span></label>'
        for style in STYLES
    )
    topics = "".join(
        f'<label><input type="checkbox" name="topics[]" value="{name}"{" checked" if name == chosen else ""}>'
        f"<span>{render.topic(name)}</span></label>"
        for name in TOPIC_NAMES
    )
    return (
        f'<form class="kt-panel kt-iv-setup" data-act="interview.start"><h3>{WORDS.both("new")}</h3>'
        f'<fieldset><legend>{WORDS.both("style")}</legend><div class="kt-chips kt-iv-styles">{styles}</div></fieldset>'
        f'<div class="kt-iv-job"><div id="kt-interview-jobless" role="alert"></div>'
        f'<label class="kt-field"><span>{WORDS.both("job")}</span><textarea name="job" rows="6" '
        f'id="kt-interview-job" aria-describedby="kt-interview-jobless" maxlength="{_MOST_JOB}" data-draft="interview-job" '
        f'{WORDS.attributes("placeholder", "job-place")}></textarea></label></div>'
        f'<fieldset class="kt-iv-topics"><legend>{WORDS.both("topics")}</legend><div class="kt-chips">{topics}</div></fieldset>'
        '<div class="kt-iv-choices">'
        f'{_chips("level", {level: WORDS.both(f"level-{level}") for level in ("", *LEVELS)}, "")}'
        f'{_chips("length", {n: n for n in LENGTHS}, _USUAL, name="n")}'
        f'{_chips("language", {lang: WORDS.both(f"lang-{lang}") for lang in LANGS}, context.lang, name="lang")}</div>'
        f'<div class="kt-iv-go"><button type="submit" class="kt-button kt-primary">{WORDS.both("begin")} →</button></div></form>'
    )


def _chips(legend: str, options: dict[str, str], checked: str, *, name: str = "") -> str:
    chips = "".join(
        f'<label><input type="radio" name="{name or legend}" value="{value}"{" checked" if value == checked else ""}>'
        f"<span>{label}</span></label>"
        for value, label in options.items()
    )
    return f'<fieldset><legend>{WORDS.both(legend)}</legend><div class="kt-chips">{chips}</div></fieldset>'
