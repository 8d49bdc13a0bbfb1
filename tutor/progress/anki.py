"""Items -> an Anki deck (.apkg) or CSV.

Nothing of an item's text can become markup, a formula or an instruction to
Anki: Markdown is parsed with HTML and images off, cleaned by an allow-list,
and the brackets that Anki reads ("[sound:...]", "{{...}}") are escaped.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import itertools
import os
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from tutor.corpus.items import LANGS, Item
from tutor.errors import InputError, StorageError
from tutor.progress.types import Card

_DOCS = {"zh": "https://kubernetes.io/zh-cn/docs/", "en": "https://kubernetes.io/docs/"}
_WORDS = {"zh": ("要点", "来源", "Kubernetes 导师"), "en": ("Key points", "Source", "Kubernetes tutor")}
_TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a",
}  # fmt: skip
_CSS = """
.card { font: 18px sans-serif; text-align: left; max-width: 44em; margin: auto; }
pre { overflow-x: auto; padding: .6em; background: rgba(128, 128, 128, .15); }
.source { font-size: 80%; opacity: .8; }
"""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_COLUMNS = (
    "id", "topic", "level", "question", "answer", "points", "source", "due", "stability_days",
    "reviews",
)  # fmt: skip
_EPOCH = (1980, 1, 1, 0, 0, 0)


def export_apkg(
    items: Iterable[Item], cards: Mapping[str, Card], lang: str, path: str | Path, *, now: datetime
) -> int:
    """Writes the answered items as an Anki deck; returns the number of its notes.

    Ids come from the item ids, so that importing again updates the notes and
    keeps what Anki knows of them; `now` is the version that Anki compares.
    New notes come in the order of their due dates. The same arguments give
    the same bytes. A text missing in `lang` is given in the other language.
    Raises `InputError` for an unknown language and `StorageError` if `path`
    can't be written; an old file then stays as it was.
    """
    import genanki

    points, source, name = _WORDS[_checked(lang)]
    chosen = _chosen(items, cards)
    model = genanki.Model(
        _number("model"),
        "kube-tutor",
        fields=[{"name": "Question"}, {"name": "Answer"}, {"name": "Item"}],
        templates=[
            {"name": "Card", "qfmt": "{{Question}}", "afmt": "{{FrontSide}}<hr id=answer>{{Answer}}"}
        ],
        css=_CSS,
    )
    deck = genanki.Deck(_number("deck", lang), name)
    for place, item in enumerate(chosen):
        back = [_html(_answer(item, lang))]
        if item.points:
            lines = "".join(f"<li>{_html(p, inline=True)}</li>" for p in _points(item, lang))
            back.append(f"<p><strong>{points}</strong></p><ul>{lines}</ul>")
        back.append(f'<p class="source">{source}: {_source_link(item, lang)}</p>')
        deck.add_note(
            genanki.Note(
                model=model,
                fields=[_html(item.title(lang), inline=True), "".join(back), _escape(item.id)],
                guid=genanki.guid_for("kube-tutor", item.id, lang),
                tags=[re.sub(r"\s+", "-", tag) for tag in (item.topic, item.level) if tag],
                due=place,
            )
        )
    _write(Path(path), _package(genanki.Package(deck), now))
    return len(chosen)


def export_csv(
    items: Iterable[Item], cards: Mapping[str, Card], lang: str, path: str | Path
) -> int:
    """Writes the answered items as CSV (UTF-8 with a mark for Excel); returns their number.

    Ordered by due date. A cell that a spreadsheet would take for a formula
    begins with an apostrophe. Raises like `export_apkg`.
    """
    _checked(lang)
    chosen = _chosen(items, cards)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for item in chosen:
        card = cards.get(item.id)
        schedule = (
            (card.due.astimezone(UTC).isoformat(timespec="seconds"), f"{card.stability:.2f}", card.reviews)
            if card
            else ("", "", 0)
        )
        row = (
            item.id, item.topic, item.level, item.title(lang), _answer(item, lang),
            "\n".join(f"• {point}" for point in _points(item, lang)),
            _page(item, lang) or str(item.source), *schedule,
        )  # fmt: skip
        writer.writerow([_cell(str(value)) for value in row])
    _write(Path(path), text.getvalue().encode("utf-8-sig"))
    return len(chosen)


def _checked(lang: str) -> str:
    if lang not in LANGS:
        raise InputError(f"there is no language {lang!r}", fix="use one of " + ", ".join(LANGS))
    return lang


def _chosen(items: Iterable[Item], cards: Mapping[str, Card]) -> list[Item]:
    """The answered items, by due date; then those that were never reviewed, as they came."""
    answered = [item for item in items if item.answered]
    reviewed = sorted(
        (i for i in answered if i.id in cards), key=lambda i: (cards[i.id].due, i.id)
    )
    return reviewed + [i for i in answered if i.id not in cards]


def _in(text: Mapping[str, str], lang: str) -> str:
    return text.get(lang) or next((t for t in text.values() if t.strip()), "")


def _answer(item: Item, lang: str) -> str:
    return _in(item.answer, lang)


def _points(item: Item, lang: str) -> list[str]:
    return [_in(point.text, lang) for point in item.points]


def _page(item: Item, lang: str) -> str | None:
    return f"{_DOCS[lang]}{item.reference.strip('/')}/" if item.reference else None


def _source_link(item: Item, lang: str) -> str:
    page = _page(item, lang)
    return f'<a href="{_escape(page)}">{_escape(page)}</a>' if page else _escape(str(item.source))


def _escape(text: str) -> str:
    return _inert(escape(text, quote=True))


def _inert(html: str) -> str:
    return html.replace("[", "&#91;").replace("{", "&#123;")


def _html(text: str, *, inline: bool = False) -> str:
    """Markdown -> HTML that is safe inside a note."""
    import nh3
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"]).disable(["image", "reference"])
    rendered = parser.renderInline(text) if inline else parser.render(text)
    clean = nh3.clean(rendered, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"https"})
    return _inert(clean)


def _number(*parts: str) -> int:
    """An id as Anki wants it, the same for the same parts: 2^30 to 2^31."""
    digest = hashlib.sha256("/".join(("kube-tutor", *parts)).encode()).digest()
    return (1 << 30) + int.from_bytes(digest[:4], "big") % (1 << 30)


def _package(package, now: datetime) -> bytes:
    """The bytes of the .apkg. genanki's own writer leaves a copy in the temporary folder."""
    stamp = now.timestamp()
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        package.write_to_db(db.cursor(), stamp, itertools.count(int(stamp * 1000)))
        db.commit()
        collection = db.serialize()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("collection.anki2", collection), ("media", b"{}")):
            # A fixed date keeps the bytes equal from one export to the next.
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _cell(value: str) -> str:
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value


def _write(path: Path, content: bytes) -> None:
    """Replaces the file in one step: it is whole, or as it was."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=".export-", delete=False
        ) as handle:
            temporary = Path(handle.name)
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise StorageError(
            f"can't write {str(path)!r}: {error.strerror}",
            fix="name a file in a folder that you can write, with space left",
        ) from error
