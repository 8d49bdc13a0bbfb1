"""The page "Ask" beside its stream: the list of conversations, and what is done with them."""

from __future__ import annotations

import re

from tutor.conversations import Conversations, to_markdown
from tutor.errors import InputError
from tutor.web import chat
from tutor.web.pages import Context, Data, Download, Frame, text
from tutor.web.words.ask import WORDS


def handle(context: Context, action: str, data: Data) -> Frame:
    chats = context.tutor.conversations(context.user)
    id, query = text(data, "chat"), text(data, "query", 200)
    if action == "open":
        return _open(context, chats, text(data, "id"))
    if action == "list":
        return Frame({"chats": _list(context, chats, query)})
    if action == "rename":
        chats.rename(id, text(data, "title"))
        return Frame({"chats": _list(context, chats)}, toast=WORDS.both("renamed"))
    if action == "delete":
        chats.delete(id)
        return Frame({"chats": _list(context, chats)}, toast=WORDS.both("deleted"))
    if action == "export":
        return _export(context, chats, id)
    if action == "rate":
        return _rate(chats, id, data)
    raise InputError(f"there is no action {action!r} here")


def _list(context: Context, chats: Conversations, query: str = "") -> str:
    return chat.listed(chats.all(query), context.now, query=query)


def _open(context: Context, chats: Conversations, id: str) -> Frame:
    html = {"chats": _list(context, chats)}
    if not id:
        return Frame(html)
    try:
        return Frame({**html, "kept": chat.turns(chats.get(id))})
    except InputError:  # deleted meanwhile, or an address of somebody else
        return Frame({**html, "kept": ""}, route="ask")


def _export(context: Context, chats: Conversations, id: str) -> Frame:
    conversation = chats.get(id)
    name = re.sub(r"[^\w-]+", "-", conversation.title).strip("-")[:60] or "chat"
    content = to_markdown(conversation, context.lang).encode()
    return Frame(
        download=Download(f"{name}.md", content, "text/markdown;charset=utf-8"),
        toast=WORDS.both("exported"),
    )


def _rate(chats: Conversations, id: str, data: Data) -> Frame:
    number, rating = text(data, "turn", 9), text(data, "rating", 9)
    if not number.isascii() or not number.isdigit() or rating not in ("up", "down", ""):
        raise InputError("that can't be rated")
    chats.rate(id, int(number), rating, text(data, "reason"))
    asking = "reason" not in data and rating != ""
    return Frame(
        {f"ask-rate-{number}": chat.rate(id, int(number), rating, asking=asking)},
        toast="" if asking or not rating else WORDS.both("thanks"),
        focus=f"ask-reason-{number}" if asking else "",
    )
