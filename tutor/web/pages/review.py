"""The page "Review": the cards that are due, graded as in an interview, and Anki's export."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tutor.errors import InputError, TutorError
from tutor.interview import State, replay
from tutor.interview.choose import REST
from tutor.progress import Card, due
from tutor.web import graded, reports, sitting
from tutor.web.pages import Context, Data, Download, Frame, text
from tutor.web.words.interview import WORDS as INTERVIEW
from tutor.web.words.review import WORDS

if TYPE_CHECKING:
    from tutor.interview import Interview

MOST = 50
"""Cards of one sitting."""
_SHOWN = 8


def handle(context: Context, action: str, data: Data) -> Frame | Iterator[Frame]:
    """`data["id"]` of "open" is a review to go on with."""
    if action in sitting.ACTIONS:
        return sitting.handle(context, "review", action, data, _end)
    if action == "open":
        return _open(context, text(data, "id", 64))
    if action == "start":
        return _start(context)
    if action == "pause":
        return Frame({"review": _today(context)}, toast=INTERVIEW.both("paused"), route="review")
    if action == "anki":
        return _anki(context)
    raise InputError(f"there is no action {action!r} here")


def _open(context: Context, id: str) -> Frame:
    if id:
        with suppress(InputError):
            return sitting.shown(context, "review", sitting.resume(context, id), _end)
        return Frame({"review": _today(context)}, route="review")
    return Frame({"review": _today(context)})


def _start(context: Context) -> Frame:
    state = _unfinished(context)
    if state is not None:
        review = sitting.resume(context, state.id)
    else:
        ready, _ = _cards(context)
        if not ready:
            return Frame({"review": _today(context)})
        review = context.tutor.interview(
            lang=context.lang, n=min(len(ready), MOST), user=context.user, mode="review"
        )
    frame = sitting.shown(context, "review", review, _end)
    return Frame(frame.html, focus=frame.focus, route=f"review/{review.id}")


def _anki(context: Context) -> Frame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cards.apkg"
        count = context.tutor.export_cards(path, context.user, context.lang)
        content = path.read_bytes()
    if not count:
        return Frame(toast=WORDS.both("anki-none"))
    return Frame(download=Download("kube-tutor.apkg", content), toast=WORDS.both("anki-done", n=count))


def _end(context: Context, review: Interview) -> str:
    """What came of it, and when to come back."""
    if not review.state.turns:
        return _today(context)
    items = {item.id: item for item in context.tutor.items()}
    look_up = partial(sitting.look_up, context)
    return reports.page(
        "review", review.report(), review.state, items, look_up, WORDS.both("done"), _tools(), _ahead(context)
    )


# today ---------------------------------------------------------------------------------------


def _cards(context: Context) -> tuple[list[Card], list[Card]]:
    """The user's cards that can be reviewed now, the longest overdue first, and all others."""
    known = {item.id for item in context.tutor.items()}
    all_cards = context.tutor.study.learner(context.user).cards
    cards = {item_id: card for item_id, card in all_cards.items() if item_id in known}
    ready = [card for card in due(cards, context.now) if context.now - card.last_review >= REST]
    chosen = {card.item_id for card in ready}
    return ready, [card for card in cards.values() if card.item_id not in chosen]


def _unfinished(context: Context) -> State | None:
    """The latest review that isn't finished."""
    store = context.tutor.study.store
    for one in store.interviews(context.user):
        with suppress(TutorError):
            state = None if one.finished else replay(store.events(context.user, one.id))
            if state is not None and state.plan.mode == "review":
                return state
    return None


def _today(context: Context) -> str:
    ready, rest = _cards(context)
    state = _unfinished(context)
    parts = [f'<h2 id="kt-review-head">{WORDS.both("title")}</h2><p class="kt-lead">{WORDS.both("lead")}</p>']
    if ready or state:
        key = "begin" if state is None else "go-on"
        done = sum(turn.reply is not None for turn in state.turns) if state else 0
        label = WORDS.both(key, done=done, n=state.plan.n if state else 0)
        parts.append(
            f'<div class="kt-panel kt-iv-today"><p class="kt-iv-number">{len(ready)}</p>'
            f'<div><p><strong>{WORDS.both("due")}</strong></p>'
            f'<p class="kt-quiet kt-iv-keys">{WORDS.both("keys")}</p></div>'
            f'<button type="button" class="kt-button kt-primary kt-end" data-key="n" data-act="review.start">{label} →</button></div>'
            f"{_list(context, ready)}"
        )
    elif rest:
        resting = any(card.due <= context.now for card in rest)
        said = _ahead(context) if resting else f'<strong>{WORDS.both("nothing")}</strong> {_ahead(context)}'
        parts.append(
            f'<div class="kt-panel"><p>{said}</p>'
            f'<p><a class="kt-button" href="#/interview">{WORDS.both("to-interview")}</a></p></div>'
        )
    else:
        parts.append(
            f'<div class="kt-panel"><p>{WORDS.both("empty")}</p>'
            f'<p><a class="kt-button kt-primary" href="#/interview">{WORDS.both("to-interview")}</a></p></div>'
        )
    count = len(ready) + len(rest)
    if count:
        parts.append(f'<div class="kt-row">{_tools()}<span class="kt-quiet">{WORDS.both("cards", n=count)}</span></div>')
    return f'<div class="kt-page kt-iv-page">{"".join(parts)}</div>'


def _list(context: Context, ready: list[Card]) -> str:
    """What is due, the least remembered last review first; nothing of the answers."""
    rows = "".join(
        f'<li class="kt-row"><span>{graded.in_both(item.question)}</span>'
        f'<span class="kt-quiet kt-end">{sitting.timed(WORDS, "overdue", context.now - card.due)}</span></li>'
        for card in ready[:_SHOWN]
        for item in [context.tutor.item(card.item_id)]
    )
    more = f'<li class="kt-quiet">{WORDS.both("more", n=len(ready) - _SHOWN)}</li>' if len(ready) > _SHOWN else ""
    return f'<ul class="kt-iv-list kt-panel">{rows}{more}</ul>' if rows else ""


def _ahead(context: Context) -> str:
    """When the next card is due, and why none may be asked now."""
    _, rest = _cards(context)
    if not rest:
        return ""
    resting = [card.last_review + REST for card in rest if card.due <= context.now]
    if resting:
        return sitting.timed(WORDS, "resting", context.now - min(resting))
    return sitting.timed(WORDS, "next-due", context.now - min(card.due for card in rest))


def _tools() -> str:
    return f'<button type="button" class="kt-button kt-small" data-act="review.anki">{WORDS.both("anki")}</button>'


