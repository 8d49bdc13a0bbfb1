"""The pages of the web UI: each is a module that answers actions with HTML.

How to add or extend the page `tutor/web/pages/NAME.py`:

- `handle(context, action, data) -> Frame | Iterator[Frame]` is all it needs. It is called with
  action "open" whenever the page is shown (`data["id"]` is what follows in the address:
  "#/interview/abc" -> "abc", "" if nothing) and with every action that its HTML names.
  It runs in a thread, one action of a page at a time, and parses, calls `context.tutor` and
  renders: no logic here. Yield several frames to show progress.
- `Frame({"NAME": html})` replaces the inside of the page's section (id "kt-NAME"); any other key
  is an element of the page by its id without the leading "kt-". Keep keys prefixed: "NAME-card".
  `toast`, `focus` (an id like the keys), `route` ("NAME/abc": the address, without another
  "open"; of another page: goes there) and `download` are optional.
- A `TutorError` that is raised stands on the page as one line; any other is logged and
  apologised for. Nothing needs catching for that.
- Actions are declared in the HTML, never scripted: `data-act="NAME.verb"` on a <button> or
  <form>. A form's fields become `data` by name (str; list of str where a name occurs more than
  once or ends with "[]"; `Upload`s for file inputs, with a <progress> in the form moved);
  `data-arg-KEY="value"` adds KEY; a submit button's own name and value count too.
  `WORDS.attributes("data-confirm", "key")` asks first. `data-live` on a form: typing submits it,
  and a `route` of its action replaces the address instead of adding one to go back to.
- <textarea data-draft="KEY"> keeps its text in the browser across reloads; the draft goes when
  its form's action has succeeded. Ctrl+Enter submits the form. `data-grow` makes it grow.
- `data-key="2"` on a button: that key presses it, unless somebody is typing. `data-print`
  prints. <a href="#/review"> goes to a page. `data-relang` anywhere in a page: it is opened
  again when the language is switched, because texts were rendered in `context.lang`.
- Every text from a user, file, model or corpus goes through `render.plain` or
  `render.markdown`; nothing else may put it into HTML. No handlers, no <script>, no style from
  data except numbers.
- Strings stand in `tutor/web/words/NAME.py`: `WORDS = Words({"key": (zh, en)})`, used as
  `WORDS.both("key", n=3)` (both languages, the page shows one), `WORDS.attributes("aria-label",
  "key")`, and `WORDS.say(context.lang, "key")` (plain text, not escaped).
- Looks: page.css. `kt-page` (column), `kt-panel` (card), `kt-button` (with `kt-primary`,
  `kt-danger`, `kt-small`), `kt-field` (label above control), `kt-row`, `kt-grid`, `kt-chips`
  (radio or check boxes as chips), `kt-pill`, `kt-label`, `kt-quiet`, `kt-notice`, `kt-md`.
  A page's own rules go into `tutor/web/pages/NAME.css`, its classes prefixed `kt-NAME-`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tutor.app import Tutor

Lang = Literal["zh", "en"]


@dataclass(frozen=True)
class Upload:
    """A file that the user has just sent: its own name, and where it lies during the action."""

    name: str
    path: Path


Value = str | list[str] | list[Upload]
Data = Mapping[str, Value]


@dataclass(frozen=True)
class Context:
    """Who asks for what: `user` comes from the session on the server, `now` is in UTC."""

    tutor: Tutor
    user: str
    lang: Lang
    now: datetime


@dataclass(frozen=True)
class Download:
    """A file for the browser to save."""

    name: str
    content: bytes
    type: str = "application/octet-stream"


@dataclass(frozen=True)
class Frame:
    """What an action changes on the page. `toast` is HTML, such as `WORDS.both("saved")`."""

    html: Mapping[str, str] = field(default_factory=dict)
    toast: str = ""
    focus: str = ""
    route: str = ""
    download: Download | None = None


Handler = Callable[[Context, str, Data], Frame | Iterator[Frame]]

PAGES = ("ask", "interview", "review", "progress", "library")
"""In the order of the navigation."""


def handler(page: str) -> Handler:
    """The `handle` of that page. Raises `KeyError` for a page that there isn't."""
    if page not in PAGES:
        raise KeyError(page)
    return importlib.import_module(f"tutor.web.pages.{page}").handle


def text(data: Data, key: str, limit: int = 4000) -> str:
    """The field as text, without surrounding space, at most `limit` characters; "" if absent."""
    value = data.get(key, "")
    return value.strip()[:limit] if isinstance(value, str) else ""


def texts(data: Data, key: str) -> list[str]:
    """The field as a list of texts: several, one or none."""
    value = data.get(key, [])
    if isinstance(value, str):
        return [value] if value else []
    return [part for part in value if isinstance(part, str)]


def uploads(data: Data, key: str) -> list[Upload]:
    """The files of a file input."""
    value = data.get(key, [])
    return [part for part in value if isinstance(part, Upload)] if isinstance(value, list) else []
