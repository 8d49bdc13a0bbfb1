"""Conversations as HTML: the list beside the chat, kept turns, and what is done with an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tutor.answers import Answer, broken_off
from tutor.conversations import Conversation, Rating, Turn
from tutor.retrieval import Passage
from tutor.web import render
from tutor.web.text import both
from tutor.web.words.ask import WORDS


def evidence(answer: Answer) -> str:
    """The passages of a finished answer with what it cites."""
    if answer.courtesy:
        return f'<p class="kt-quiet">{both("evidence_courtesy")}</p>'
    return render.evidence(
        answer.passages, answer.citations, answerable=answer.status != "refused"
    )


def to_copy(answer: Answer) -> str:
    """The answer as Markdown with its sources."""
    sources = [f"{c.marker} {c.title} ({c.source})" for c in answer.citations]
    return "\n\n".join([answer.text, *(["\n".join(sources)] if sources else [])])


def left_over(
    question: str, passages: Sequence[Passage], kept: Sequence[str], answerable: bool
) -> Answer | None:
    """The answer to a question that was stopped: all but what the model hadn't said; None before the evidence."""
    return broken_off(question, passages, kept) if passages and answerable else None


def bar(chat: str, number: int, text: str, rating: Rating = "", *, more: str = "") -> str:
    """Copy, and what the user thinks of the answer; `more` is HTML between them."""
    copy = (
        f'<button type="button" class="kt-button kt-small" data-copy="{render.plain(text)}">'
        f"{both('copy')}</button>"
    )
    return (
        f'<div class="kt-answerbar">{copy}{more}'
        f'<div id="kt-ask-rate-{number}" class="kt-rate">{rate(chat, number, rating)}</div></div>'
    )


def rate(chat: str, number: int, rating: Rating, *, asking: bool = False) -> str:
    """Thumbs up and down; after a press, a field for the reason."""
    thumbs = "".join(
        f'<button type="button" class="kt-thumb" aria-pressed="{str(rating == which).lower()}" '
        f'data-act="ask.rate" data-arg-chat="{chat}" data-arg-turn="{number}" '
        f'data-arg-rating="{"" if rating == which else which}" '
        f'{WORDS.attributes("aria-label", which)} {WORDS.attributes("title", which)}>'
        f"{_THUMBS[which]}</button>"
        for which in ("up", "down")
    )
    if not asking:
        return thumbs
    reason = (
        f'<form class="kt-reason" data-act="ask.rate" data-arg-chat="{chat}" '
        f'data-arg-turn="{number}" data-arg-rating="{rating}">'
        f'<input id="kt-ask-reason-{number}" name="reason" maxlength="1000" '
        f'{WORDS.attributes("aria-label", "reason")} {WORDS.attributes("placeholder", "reason_" + rating)}>'
        f'<button class="kt-button kt-small">{WORDS.both("send")}</button></form>'
    )
    return thumbs + reason


_THUMB = '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M6 9v8H3V9zM6 9l4-6c1.4 0 2 1 2 2l-.6 3H16c1 0 1.6.9 1.4 1.8l-1.2 5.6A2 2 0 0 1 14.2 17H6"{}/></svg>'
_THUMBS = {"up": _THUMB.format(""), "down": _THUMB.format(' transform="rotate(180 10 10)"')}


def turns(conversation: Conversation) -> str:
    """The conversation as it stood, for the log of the chat."""
    return "".join(
        _turn(conversation.id, place, turn)
        for place, turn in enumerate(conversation.turns, 1)
    )


def _turn(chat: str, place: int, turn: Turn) -> str:
    if turn.answer is not None:
        said, body, beside = "", render.answer(turn.answer), evidence(turn.answer)
        passages = turn.answer.passages
        tools = bar(chat, turn.number, to_copy(turn.answer), turn.rating)
    elif turn.state != "error" and (left := left_over(turn.question, turn.passages, turn.kept, turn.answerable)):
        said, body, beside = render.stopped(True), render.answer(left, footer=False), evidence(left)
        passages = left.passages
        tools = bar(chat, turn.number, to_copy(left), turn.rating, more=ask_again())
    else:
        failed = turn.state == "error"
        said = render.error(None, "error") if failed else render.stopped(False)
        passages = turn.passages
        body = render.preview(passages[0]) if passages and turn.answerable else ""
        beside = render.evidence(passages, answerable=turn.answerable) if passages else ""
        tools = again()
    return (
        f'<article class="kt-turn" data-turn="{place}" data-state="{turn.state}" data-count="{len(passages)}">'
        f'<div class="kt-question">{render.plain(turn.question)}</div>'
        f'<div class="kt-said">{said}</div><div class="kt-body">{body}</div>'
        f'<div class="kt-tools-after">{tools}</div>'
        f'<template class="kt-beside">{beside}</template></article>'
    )


def again() -> str:
    """For a question that got no answer."""
    return f'<div class="kt-answerbar">{ask_again()}</div>'


def ask_again() -> str:
    return f'<button type="button" class="kt-button kt-small kt-again">{WORDS.both("again")}</button>'


def listed(conversations: Sequence[Conversation], now: datetime, *, query: str = "") -> str:
    """The list of conversations, the latest first, under the day they were last used."""
    if not conversations:
        return f'<p class="kt-quiet">{WORDS.both("found_none" if query else "none")}</p>'
    parts, day = [], ""
    for conversation in conversations:
        days = (now.date() - conversation.last.date()).days
        key = "today" if days < 1 else "week" if days < 7 else "month" if days < 31 else "older"
        if key != day:
            parts.append(f'{"</ul>" if day else ""}<h3>{WORDS.both(key)}</h3><ul>')
            day = key
        parts.append(_entry(conversation))
    return "".join(parts) + "</ul>"


def _entry(conversation: Conversation) -> str:
    title, id = render.plain(conversation.title), conversation.id
    return (
        f'<li data-chat="{id}"><a href="#/ask/{id}" title="{title}">{title}</a>'
        f'<details class="kt-menu"><summary {WORDS.attributes("aria-label", "more")}>⋯</summary><div>'
        f'<form data-act="ask.rename" data-arg-chat="{id}"><label class="kt-field">'
        f'<span>{WORDS.both("rename")}</span><input name="title" value="{title}" maxlength="80" required></label>'
        f'<button class="kt-button kt-small">{WORDS.both("save")}</button></form>'
        f'<div class="kt-row"><button type="button" class="kt-button kt-small" data-act="ask.export" '
        f'data-arg-chat="{id}">{WORDS.both("export")}</button>'
        f'<button type="button" class="kt-button kt-small kt-danger" data-act="ask.delete" data-arg-chat="{id}" '
        f'{WORDS.attributes("data-confirm", "sure")}>{WORDS.both("delete")}</button></div></div></details></li>'
    )
