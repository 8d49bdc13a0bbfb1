"""An interview question by question: what the pages "interview" and "review" have in common.

Each action rebuilds the interview from the log, so that a reload, another
window or a restart of the server finds it where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from tutor.corpus.items import LANGS, Item
from tutor.errors import InputError
from tutor.interview import HINTS, Question, State, Turn
from tutor.retrieval import Passage
from tutor.web import graded, render, reports
from tutor.web.pages import Context, Data, Frame, text
from tutor.web.text import Words
from tutor.web.words.interview import WORDS

if TYPE_CHECKING:
    from tutor.interview import Interview

ACTIONS = ("hint", "reply", "skip", "next", "grade", "check", "appeal", "finish")
"""What `handle` does for a page."""
MOST = 20_000
"""Characters of a reply."""
_PASSAGES = 3

End = Callable[[Context, "Interview"], str]
"""Renders an interview that is over."""


def handle(context: Context, page: str, action: str, data: Data, end: End) -> Frame | Iterator[Frame]:
    """Performs one of `ACTIONS` on the interview `data["id"]` of the user. Raises `TutorError`s."""
    interview = resume(context, text(data, "id", 64))
    if action in ("check", "appeal"):
        return _judged(context, page, action, interview, data)
    if action in ("hint", "reply", "skip") and text(data, "place", 40) != _place(interview.state):
        return Frame({page: show(context, page, interview, end)}, toast=WORDS.both("moved"))
    if action in ("reply", "grade"):
        return _reply(context, page, action, interview, data, end)
    if action == "hint":
        interview.hint()
        given = len(interview.state.turn.hints) if interview.state.turn else 0
        html = {f"{page}-hints": _hints(page, interview), f"{page}-keys": _keys(interview.state)}
        return Frame(html, focus=f"{page}-hint-{given}")
    if action == "skip":
        interview.skip()
    elif action == "finish":
        interview.finish()
    else:
        interview.next()
    return shown(context, page, interview, end)


def resume(context: Context, id: str) -> Interview:
    """The user's interview. Raises `InputError` for one that there isn't."""
    return context.tutor.interview(resume=id, user=context.user)


def shown(context: Context, page: str, interview: Interview, end: End) -> Frame:
    """The interview where it stands, with the focus where one goes on."""
    html = show(context, page, interview, end)
    state = interview.state
    return Frame({page: html}, focus=f"{page}-{'reply' if state.open else 'head'}")


def show(context: Context, page: str, interview: Interview, end: End) -> str:
    """The interview where it stands; asks the next question where there is nothing to look at."""
    if not _worth_a_look(interview.state):
        interview.next()
    state = interview.state
    if state.finished is not None:
        return end(context, interview)
    turn = state.turn
    assert turn is not None
    if turn.open is None:
        inside = _after(context, page, interview, turn)
    else:
        question = interview.next()
        if question is None:
            return end(context, interview)
        inside = _question(context, page, interview, question)
    return f'<div class="kt-page kt-iv-page">{_head(page, interview.state)}{inside}</div>'


def timed(words: Words, key: str, passed: timedelta) -> str:
    """The words with {when} filled in: how long ago, or how far ahead if `passed` is negative."""
    return graded.in_both({lang: words.say(lang, key, when=_when(lang, passed)) for lang in LANGS})


def ago(passed: timedelta) -> str:
    """How long ago something was, in both languages."""
    return graded.in_both({lang: _when(lang, passed) for lang in LANGS})


def _when(lang: str, passed: timedelta) -> str:
    seconds = passed.total_seconds()
    word = "in" if seconds < 0 else "ago"
    minutes = round(abs(seconds) / 60)
    if minutes < 1:
        return WORDS.say(lang, "in-now" if seconds < 0 else "now")
    if minutes < 60:
        return WORDS.say(lang, f"{word}-min", n=minutes)
    if minutes < 24 * 60:
        return WORDS.say(lang, f"{word}-hour", n=round(minutes / 60))
    days = round(minutes / 60 / 24)
    return WORDS.say(lang, f"{word}-day-1" if days == 1 else f"{word}-day", n=days)


# what was sent -------------------------------------------------------------------------------


def _reply(
    context: Context, page: str, action: str, interview: Interview, data: Data, end: End
) -> Iterator[Frame]:
    """Grades what was sent, or what the log holds already."""
    yield Frame({f"{page}-status": f'<p class="kt-status"><span class="kt-pulse"></span>{WORDS.both("grading")}</p>'})
    what = interview.state.open
    try:
        turn = interview.state.turn
        if action == "grade" and turn is not None and turn.ungraded:
            interview.reply((turn.follow_up.reply if turn.follow_up else turn.reply) or "")
        elif action == "reply":
            interview.reply(_raw(data, "reply"), _expected(data) if what == "question" else None)
    except Exception:
        turn = interview.state.turn
        pending = turn is not None and turn.ungraded and turn.open is None
        kept = show(context, page, interview, end) if pending and interview.state.plan.mode != "exam" else ""
        yield Frame({page: kept} if kept else {f"{page}-status": ""})
        raise
    frame = shown(context, page, interview, end)
    yield Frame({f"{page}-status": "", **frame.html}, focus=frame.focus)


def _judged(context: Context, page: str, action: str, interview: Interview, data: Data) -> Frame:
    """A self-check or an appeal."""
    number, point = _number(data, "turn"), _number(data, "point")
    turns = interview.state.turns
    over = interview.state.plan.mode != "exam" or interview.state.finished is not None
    if not over or not 1 <= number <= len(turns) or turns[number - 1].grade is None:
        raise InputError("there is no grade to judge", fix="reload the page")
    item_id, probe = turns[number - 1].item_id, text(data, "probe", 1) == "1"
    if action == "appeal":
        interview.appeal(point, text(data, "reason", 2000), item_id=item_id)
    else:
        interview.check(point, text(data, "verdict", 20), item_id, probe=probe)  # type: ignore[arg-type]
    item, turn, toast = _items(context).get(item_id), interview.state.turns[number - 1], ""
    if probe:
        assert turn.follow_up is not None
        html = {graded.probe_place(page, number): graded.probed(page, interview.id, number, turn.follow_up, item)}
        return Frame(html, focus=graded.probe_place(page, number))
    html = {
        graded.place(page, number): graded.graded(page, interview.id, number, turn, item),
        _so_far_place(page, number): _so_far(turn),
    }
    if action == "appeal":
        toast = WORDS.both("appeal-noted")
    elif interview.state.finished is not None and turn.judged:
        html[f"{page}-summary"] = reports.summary(interview.report(), interview.state)
        html[reports.mark_place(page, number)] = f"{turn.judged.score:.1f}"
    return Frame(html, toast=toast, focus=graded.point_place(page, number, point))


def _expected(data: Data) -> float | None:
    score = text(data, "expected", 2)
    return float(score) if score in map(str, range(11)) else None


def _raw(data: Data, key: str) -> str:
    value = data.get(key, "")
    return value[: MOST + 1] if isinstance(value, str) else ""


def _number(data: Data, key: str) -> int:
    value = text(data, key, 3)
    return int(value) if value.isascii() and value.isdigit() else -1


def _items(context: Context) -> dict[str, Item]:
    return {item.id: item for item in context.tutor.items()}


# where it stands -----------------------------------------------------------------------------


def _worth_a_look(state: State) -> bool:
    """Whether what stands there is to be read or answered before the interview goes on."""
    turn = state.turn
    if state.finished is not None:
        return True
    if turn is None:
        return False
    if turn.open is not None:
        return True
    if state.plan.mode == "exam":
        return False
    if turn.ungraded or turn.skipped:
        return True
    after = turn.follow_up
    return after is None or after.reply is not None


def _place(state: State) -> str:
    """Names what waits for a reply, so that a window that was left behind can't answer it."""
    return f"{len(state.turns)}-{state.open}"


def _head(page: str, state: State) -> str:
    done = len(state.turns) - (state.open is not None)
    steps = "".join(
        f'<i class="{"kt-iv-done" if n <= done else "kt-iv-here" if n <= len(state.turns) else "kt-iv-ahead"}"></i>'
        for n in range(1, state.plan.n + 1)
    )
    id = render.plain(state.id)
    topics = sorted(state.plan.topics.items(), key=lambda pair: -pair[1])
    named = "".join(
        f'<span class="kt-pill">{render.topic(name)} {weight:.0%}</span>'
        for name, weight in topics
        if state.plan.mode == "jd"
    )
    return (
        f'<div class="kt-row kt-iv-top"><h2 id="kt-{page}-head">{reports.style(state)}</h2>'
        f'<span class="kt-quiet">{WORDS.both("place", number=max(len(state.turns), 1), of=state.plan.n)}</span>'
        f'<span class="kt-row kt-end"><button type="button" class="kt-button kt-small" data-act="{page}.pause">{WORDS.both("pause")}</button>'
        f'<button type="button" class="kt-button kt-small" data-act="{page}.finish" data-arg-id="{id}" '
        f'{WORDS.attributes("data-confirm", "sure-finish")}>{WORDS.both("finish")}</button></span></div>'
        f'<div class="kt-iv-steps" aria-hidden="true">{steps}</div>'
        f'{f"""<div class="kt-row">{named}</div>""" if named else ""}'
    )


def _question(context: Context, page: str, interview: Interview, question: Question) -> str:
    state = interview.state
    turn, id = state.turn, render.plain(interview.id)
    assert turn is not None
    tag = graded.tag(state.plan.lang)
    number = len(state.turns)
    if question.kind == "question":
        above = ""
        label = f'{render.topic(question.topic)} · {WORDS.both(f"level-{question.level}")}'
        asked = render.markdown(question.text, inline=True)
        why = f'<p class="kt-quiet">{WORDS.both("why")}{graded.in_both(turn.why)}</p>'
        hints = f'<div id="kt-{page}-hints" class="kt-iv-hints">{_hints(page, interview)}</div>'
    else:
        above = _before(context, page, interview, turn)
        label, why, hints = WORDS.both(question.kind), "", ""
        asked = graded.asked(question.kind, question.text)
    return (
        f'{above}<div class="kt-panel kt-iv-asked"><p class="kt-label">{label}</p>'
        f'<h3 id="kt-{page}-question" lang="{tag}">{asked}</h3>{why}{hints}'
        f'<form data-act="{page}.reply" data-arg-id="{id}" data-arg-place="{_place(state)}">'
        f'<label class="kt-field"><span>{WORDS.both("reply")}</span>'
        f'<textarea id="kt-{page}-reply" name="reply" rows="7" maxlength="{MOST}" required data-grow '
        f'data-draft="{page}-{id}-{number}-{question.kind}" aria-describedby="kt-{page}-question" '
        f'{WORDS.attributes("placeholder", "reply-place")}></textarea></label>'
        f'<div class="kt-row"><button type="submit" class="kt-button kt-primary">{WORDS.both("send")}</button>'
        f'<button type="button" class="kt-button" data-act="{page}.skip" data-arg-id="{id}" '
        f'data-arg-place="{_place(state)}">{WORDS.both("skip")}</button>'
        f'{_expect(turn) if question.kind == "question" else ""}</div>'
        f'<p id="kt-{page}-keys" class="kt-quiet kt-iv-keys">{_keys(state)}</p></form>'
        f'<div id="kt-{page}-status" role="status" aria-live="polite"></div></div>'
    )


def _keys(state: State) -> str:
    """The keys that do something here."""
    turn = state.turn
    hints = turn is not None and turn.open == "question" and state.plan.mode != "exam" and len(turn.hints) < HINTS
    return WORDS.both("keys" if hints else "keys-send")


def _expect(turn: Turn) -> str:
    """Asks for the score that the learner expects."""
    options = "".join(
        f'<option value="{n}"{" selected" if turn.predicted == n else ""}>{n}</option>' for n in range(11)
    )
    return (
        f'<label class="kt-iv-expect kt-end"><span>{WORDS.both("expect")}</span>'
        f'<select name="expected"><option value="">–</option>{options}</select></label>'
    )


def _hints(page: str, interview: Interview) -> str:
    """The hints so far, and the way to the next one; nothing in an exam."""
    state = interview.state
    turn = state.turn
    if turn is None or state.plan.mode == "exam":
        return ""
    given = "".join(
        f'<div id="kt-{page}-hint-{n}" class="kt-iv-hint"><p class="kt-label">{WORDS.both("hint-n", n=n)}</p>'
        f'<div class="kt-md" lang="{graded.tag(state.plan.lang)}">{render.markdown(hint)}</div></div>'
        for n, hint in enumerate(turn.hints, 1)
    )
    left = HINTS - len(turn.hints)
    if not left:
        return f'{given}<p class="kt-quiet">{WORDS.both("no-hints")}</p>'
    return (
        f'{given}<div class="kt-row"><button type="button" class="kt-button kt-small" data-key="h" '
        f'data-act="{page}.hint" data-arg-id="{render.plain(interview.id)}" data-arg-place="{_place(state)}">'
        f'{WORDS.both("hint", n=left)}</button><span class="kt-quiet">{WORDS.both("hint-cost")}</span></div>'
    )


def _before(context: Context, page: str, interview: Interview, turn: Turn) -> str:
    """The question that a follow-up belongs to, and its grade, folded."""
    item = _items(context).get(turn.item_id)
    if turn.grade is None or item is None:
        return ""
    lang = interview.state.plan.lang
    return (
        f'<p class="kt-iv-first" lang="{graded.tag(lang)}">{render.markdown(item.title(lang), inline=True)}</p>'
        f"{_folded(page, interview, turn, item, ' kt-panel')}"
    )


def _folded(page: str, interview: Interview, turn: Turn, item: Item | None, look: str = "") -> str:
    """The grade so far, to be opened."""
    return (
        f'<details class="kt-iv-fold{look}"><summary id="kt-{_so_far_place(page, len(interview.state.turns))}">{_so_far(turn)}</summary>'
        f"{_grade(page, interview, turn, item)}</details>"
    )


def _so_far_place(page: str, number: int) -> str:
    return f"{page}-so-far-{number}"


def _so_far(turn: Turn) -> str:
    return WORDS.both("the-grade", score=f"{turn.judged.score:.1f}") if turn.judged else ""


def look_up(context: Context, question: str) -> Sequence[Passage]:
    """Passages for a deeper question; none where the corpus has no answer to it."""
    found = context.tutor.retrieve(question, k=_PASSAGES, user=context.user)
    return found.passages if found.answerable else ()


def _grade(page: str, interview: Interview, turn: Turn, item: Item | None) -> str:
    number = len(interview.state.turns)
    return (
        f'<div id="kt-{graded.place(page, number)}" class="kt-iv-graded">'
        f"{graded.graded(page, interview.id, number, turn, item)}</div>"
    )


def _after(context: Context, page: str, interview: Interview, turn: Turn) -> str:
    """What stands between a reply and the next question: grade, answer, or that grading failed."""
    item, id, lang = _items(context).get(turn.item_id), render.plain(interview.id), interview.state.plan.lang
    title = render.markdown(item.title(lang), inline=True) if item else WORDS.both("gone")
    head = f'<h3 lang="{graded.tag(lang)}">{title}</h3>'
    status = f'<div id="kt-{page}-status" role="status" aria-live="polite"></div>'
    if turn.ungraded:
        skip = f'<button type="button" class="kt-button" data-act="{page}.skip" data-arg-id="{id}" data-arg-place="{_place(interview.state)}">{WORDS.both("skip")}</button>'
        return (
            f'<div class="kt-panel">{head}<p>{WORDS.both("pending")}</p><div class="kt-row">'
            f"{_go(page, id, 'grade', 'grade-now')}{skip}</div>{status}</div>"
        )
    after = turn.follow_up
    if turn.skipped:
        inside = f'<p class="kt-quiet">{WORDS.both("skipped")}</p>{graded.answer(item, lang, open=True)}'
    elif after is not None and after.reply is not None:
        number = len(interview.state.turns)
        said = (
            f'<div id="kt-{graded.probe_place(page, number)}">{graded.probed(page, interview.id, number, after, item)}</div>'
            if after.grade
            else graded.deeper(after, look_up(context, after.text), item, lang)
        )
        inside = (
            f'<p class="kt-label">{WORDS.both(after.kind)}</p><p class="kt-iv-first">{graded.asked(after.kind, after.text)}</p>'
            f"{said}{_folded(page, interview, turn, item)}"
        )
    else:
        inside = _grade(page, interview, turn, item)
    due = _next_review(context, turn.item_id) if page == "review" and turn.grade else ""
    return (
        f'<div class="kt-panel">{head}{inside}{due}'
        f"<div class=\"kt-row kt-iv-go\">{_go(page, id, 'next', 'next')}</div>{status}</div>"
    )


def _go(page: str, id: str, action: str, key: str) -> str:
    return (
        f'<button type="button" class="kt-button kt-primary" data-key="n" data-act="{page}.{action}" '
        f'data-arg-id="{id}">{WORDS.both(key)} →</button>'
    )


def _next_review(context: Context, item_id: str) -> str:
    card = context.tutor.study.learner(context.user).cards.get(item_id)
    if card is None:
        return ""
    return f'<p class="kt-quiet">{timed(WORDS, "next-review", context.now - card.due)}</p>'
