"""From what the page sent to a page's handler, and from its frames to messages."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tutor.errors import InputError, TutorError
from tutor.web import pages, render
from tutor.web.pages import Context, Data, Frame, Handler, Lang, Upload, Value

if TYPE_CHECKING:
    from tutor.app import Tutor
    from tutor.web.uploads import Uploads

log = logging.getLogger("tutor.web")

Message = dict[str, Any]

_WORD = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_FIELDS = 200
_VALUES = 500
_LENGTH = 100_000


def run(
    tutor: Tutor,
    sent: object,
    *,
    user: str,
    account: bool = False,
    now: datetime,
    uploads: Uploads | None = None,
    handler: Callable[[str], Handler] = pages.handler,
) -> Iterator[Message]:
    """Performs the action that the page sent, and yields messages for it; the last is `done`.

    A message holds everything that the action has changed so far, so that none
    but the last has to arrive. Files that belong to the action are deleted after it.
    """
    request = sent if isinstance(sent, Mapping) else {}
    number = request.get("run")
    tokens: list[str] = []

    def take(token: str) -> Upload:
        if uploads is None:
            raise InputError("files can't be sent here")
        tokens.append(token)
        return uploads.take(user, token)

    message: Message = {
        "run": number if isinstance(number, int) else 0, "user": user, "account": account, "html": {}, "toast": "", "error": "",
        "focus": "", "route": "", "download": None, "done": False,
    }  # fmt: skip
    page, action = request.get("page"), request.get("action")
    try:
        if page not in pages.PAGES or not isinstance(action, str) or not _WORD.fullmatch(action):
            raise ValueError(f"no action {action!r} of page {page!r}")
        context = Context(tutor, user, lang_of(request.get("lang")), now)
        found = handler(page)(context, action, _data(request.get("data"), take))
        for frame in [found] if isinstance(found, Frame) else found:
            message = _with(message, frame)
            yield message
    except TutorError as error:
        message = {**message, "error": render.error(error)}
    except Exception as error:
        log.error("action %r of page %r failed", action, page, exc_info=error)
        message = {**message, "error": render.error(None)}
    finally:
        for token in tokens:
            uploads.drop(user, token)  # type: ignore[union-attr]
    yield {**message, "done": True}


def lang_of(sent: object) -> Lang:
    """The language that the page asks for."""
    return "zh" if sent == "zh" else "en"


def _data(sent: object, take: Callable[[str], Upload]) -> Data:
    data: dict[str, Value] = {}
    if not isinstance(sent, Mapping):
        return data
    for key, value in list(sent.items())[:_FIELDS]:
        if not isinstance(key, str) or len(key) > 60:
            continue
        if isinstance(value, str):
            data[key] = value[:_LENGTH]
        elif isinstance(value, list):
            data[key] = [part[:_LENGTH] for part in value[:_VALUES] if isinstance(part, str)]
        elif isinstance(value, Mapping):
            tokens = value.get("uploads")
            if isinstance(tokens, list):
                data[key] = [take(token) for token in tokens[:_VALUES] if isinstance(token, str)]
    return data


def _with(message: Message, frame: Frame) -> Message:
    file = frame.download
    return {
        **message,
        "html": {**message["html"], **frame.html},
        "toast": frame.toast or message["toast"],
        "focus": frame.focus or message["focus"],
        "route": frame.route or message["route"],
        "download": message["download"] if file is None else {
            "name": file.name, "type": file.type, "content": base64.b64encode(file.content).decode(),
        },
    }  # fmt: skip
