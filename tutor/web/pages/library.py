"""The page "Library": items to browse, search and read; notes of one's own are in `shelf`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from tutor.corpus.items import LANGS, LEVELS, TOPICS, Item
from tutor.errors import InputError
from tutor.index import is_own
from tutor.web import render, shelf
from tutor.web.graded import tag
from tutor.web.pages import Context, Data, Frame, text
from tutor.web.words.interview import WORDS as INTERVIEW
from tutor.web.words.library import WORDS

OWN = "own-"
"""What the ids of users' own items begin with."""
NOTES, TOPIC, FIND = "notes", "topic/", "find/"
"""What may stand in the address instead of an item's id."""
_ANY = "all"
_MOST = 50
_NEAREST = 5
"""What is shown where nothing is about the query: a long list would only look like an answer."""
_SNIPPET = 110
_DOCS = {"zh": "https://kubernetes.io/zh-cn/docs/", "en": "https://kubernetes.io/docs/"}


def handle(context: Context, action: str, data: Data) -> Frame | Iterator[Frame]:
    """`data["id"]` of "open" is an item, "notes", "topic/" and a topic, or what `_address` makes."""
    if action == "open":
        return _open(context, text(data, "id", 300))
    if action == "find":
        query, topic, level = text(data, "query", 200), text(data, "topic", 40), text(data, "level", 10)
        return Frame({"library-list": _found(context, query, topic, level)}, route=_address(query, topic, level))
    if action == "practise":
        return practise(context, text(data, "id", 200))
    if action == "upload":
        return shelf.upload(context, data)
    if action == "remove":
        return shelf.remove(context, text(data, "name", 200))
    raise InputError(f"there is no action {action!r} here")


def practise(context: Context, id: str) -> Frame:
    """Begins an interview of this one question, and goes there."""
    item = context.tutor.item(id)
    lang = context.lang if context.lang in item.question else next(iter(item.question))
    interview = context.tutor.interview(
        topics=[item.topic] if item.topic else None, level=item.level or None, lang=lang, n=1, user=context.user
    )
    interview.ask(item.id)
    return Frame(route=f"interview/{interview.id}")


def _open(context: Context, id: str) -> Frame:
    if id == NOTES:
        return Frame({"library": f"{_head(NOTES)}{shelf.page(context)}</div>"})
    if id.startswith(FIND):
        topic, level, query = [*id.removeprefix(FIND).split("/", 2), "", ""][:3]
        return Frame({"library": _browse(context, topic, level, query[:200])})
    topic = id.removeprefix(TOPIC) if id.startswith(TOPIC) else ""
    if not id or topic:
        return Frame({"library": _browse(context, topic)})
    try:
        return Frame({"library": _item(context, context.tutor.item(id, context.user))})
    except InputError:
        return Frame({"library": _browse(context)}, toast=WORDS.both("gone"), route="library")


def _address(query: str, topic: str, level: str) -> str:
    """Where this search stands, so that one comes back to it."""
    if not query and not topic and not level:
        return "library"
    return f"library/{FIND}{topic or _ANY}/{level or _ANY}/{quote(query, '')}"


# browsing ------------------------------------------------------------------------------------


def _head(part: str = "") -> str:
    links = "".join(
        f'<a class="kt-button kt-small" href="#/library{address}"{" aria-current=page" if here else ""}>{WORDS.both(key)}</a>'
        for key, address, here in (("browse", "", part != NOTES), ("own", f"/{NOTES}", part == NOTES))
    )
    # What the notes say stands there in both languages; opened again, they would lose their report.
    relang = "" if part == NOTES else " data-relang"
    return (
        f'<div class="kt-page kt-lib-page"{relang}><div class="kt-row"><h2>{WORDS.both("title")}</h2>'
        f'<nav class="kt-row kt-end kt-lib-parts" {WORDS.attributes("aria-label", "where")}>{links}</nav></div>'
    )


def _browse(context: Context, topic: str = "", level: str = "", query: str = "") -> str:
    topic, level = topic if topic in TOPICS else "", level if level in LEVELS else ""
    options = "".join(
        f'<option value="{one}"{" selected" if one == topic else ""}>{render.plain(_topic(one, context.lang))}</option>'
        for one in TOPICS
    )
    levels = "".join(
        f'<label><input type="radio" name="level" value="{one}"{" checked" if one == level else ""}>'
        f"<span>{WORDS.both(key)}</span></label>"
        for one, key in [("", "level-all"), *((one, f"level-{one}") for one in LEVELS)]
    )
    return (
        f'{_head()}<p class="kt-lead">{WORDS.both("lead")}</p>'
        f'<form class="kt-lib-find" data-act="library.find" data-live role="search"><div class="kt-field">'
        f'<input type="search" name="query" maxlength="200" value="{render.plain(query)}" {WORDS.attributes("placeholder", "search")} '
        f'{WORDS.attributes("aria-label", "query")}></div><div class="kt-field"><select name="topic" {WORDS.attributes("aria-label", "topic")}>'
        f'<option value="">{render.plain(WORDS.say(context.lang, "all-topics"))}</option>{options}</select></div>'
        f'<div class="kt-chips" role="radiogroup" {WORDS.attributes("aria-label", "level")}>{levels}</div></form>'
        f'<div id="kt-library-list">{_found(context, query, topic, level)}</div></div>'
    )


def _found(context: Context, query: str, topic: str, level: str) -> str:
    if not any(char.isalnum() for char in query):
        return _listed(context, topic, level)
    retrieval = context.tutor.retrieve(query, k=_MOST, user=context.user)
    items = [context.tutor.item(p.item_id, context.user) for p in retrieval.passages]
    # While a word is being typed, no index knows it yet.
    asked = query.casefold()
    begun = [
        item for item in context.tutor.items(context.user)
        if any(asked in title.casefold() for title in item.question.values())
    ]  # fmt: skip
    texts = {p.item_id: p.text for p in retrieval.passages if p.lang == context.lang}
    known = {item.id: item for item in [*(items if retrieval.answerable else ()), *begun, *items]}
    sure = retrieval.answerable or begun
    fitting = [item for item in known.values() if _fits(item, topic, level)][: _MOST if sure else _NEAREST]
    if not fitting:
        return f'<p class="kt-quiet">{WORDS.both("nothing")}</p>'
    rows = "".join(
        _row(item, context.lang, texts.get(item.id) or item.answer.get(context.lang) or next(iter(item.answer.values()), ""))
        for item in fitting
    )
    return f'<p class="kt-quiet">{WORDS.both("found" if sure else "unsure", n=len(fitting))}</p><ul class="kt-panel kt-lib-rows">{rows}</ul>'


def _fits(item: Item, topic: str, level: str) -> bool:
    return topic in ("", item.topic) and level in ("", item.level)


def _listed(context: Context, topic: str, level: str) -> str:
    """All that fits, by topic; the user's own notes first."""
    groups: dict[str, list[Item]] = {OWN: [], **{one: [] for one in TOPICS}, "": []}
    for item in context.tutor.items(context.user):
        if _fits(item, topic, level):
            groups.setdefault(OWN if is_own(item) else item.topic, []).append(item)
    filled = [(key, items) for key, items in groups.items() if items]
    if not filled:
        return f'<p class="kt-quiet">{WORDS.both("nothing" if topic or level else "empty")}</p>'
    unfolded = " open" if len(filled) == 1 else ""
    return "".join(
        f'<details class="kt-panel kt-lib-group"{unfolded}><summary><h3>{_group(key)}</h3>'
        f'<span class="kt-pill kt-end">{WORDS.both("count", n=len(items))}</span></summary>'
        f'<ul class="kt-lib-rows">{"".join(_row(item, context.lang) for item in _in_order(items))}</ul></details>'
        for key, items in filled
    )


def _in_order(items: Sequence[Item]) -> list[Item]:
    def order(item: Item) -> tuple:
        return LEVELS.index(item.level) if item.level in LEVELS else len(LEVELS), item.source.path, item.source.line

    return sorted(items, key=order)


def _group(key: str) -> str:
    if key == OWN:
        return WORDS.both("own")
    return render.topic(key) if key in TOPICS else WORDS.both("shared")


def _topic(topic: str, lang: str) -> str:
    return INTERVIEW.say(lang, f"topic-{topic}")


def _row(item: Item, lang: str, passage: str = "") -> str:
    snippet = f'<p class="kt-quiet">{render.plain(_snippet(passage))}</p>' if passage else ""
    title = _title(item, lang)
    return (
        f'<li><a href="#/library/{render.plain(item.id)}">{title}</a>{_pills(item, topic=bool(passage))}{snippet}</li>'
    )


def _title(item: Item, lang: str) -> str:
    """For a link, in which no other may stand."""
    return render.plain(item.title(lang).replace("`", ""))


def _pills(item: Item, *, topic: bool) -> str:
    pills = [WORDS.both(f"level-{item.level}")] if item.level in LEVELS else []
    if topic and item.topic in TOPICS:
        pills.insert(0, render.topic(item.topic))
    if is_own(item):
        pills += [WORDS.both("yours"), render.plain(item.source.path)]
    return "".join(f'<span class="kt-pill">{pill}</span>' for pill in pills)


def _snippet(passage: str) -> str:
    words = " ".join(passage.replace("`", "").replace("*", "").replace("#", "").split())
    return words if len(words) <= _SNIPPET else words[:_SNIPPET].rstrip() + "…"


# one item ------------------------------------------------------------------------------------


def _item(context: Context, item: Item) -> str:
    langs = [lang for lang in LANGS if lang in item.question or lang in item.answer]
    chosen = context.lang if context.lang in langs else langs[0]
    ready = item.kind == "curated" and item.points
    practice = (
        f'<button type="button" class="kt-button kt-primary" data-act="library.practise" data-arg-id="{render.plain(item.id)}">'
        f'{WORDS.both("practise")}</button>'
        if ready
        else ""
    )
    texts = "".join(_text(item, lang) for lang in langs)
    back = f"{TOPIC}{item.topic}" if item.topic in TOPICS else NOTES if is_own(item) else ""
    name = _group(OWN if back == NOTES else item.topic) if back else WORDS.both("back")
    return (
        f'<div class="kt-page kt-lib-page kt-lib-item" data-relang><p><a href="#/library/{back}">← {name}</a></p>'
        f'<h2>{render.markdown(item.title(context.lang), inline=True)}</h2>'
        f'<div class="kt-row">{_pills(item, topic=True)}{_versions(item)}</div>'
        f'<div class="kt-row">{practice}{_languages(chosen) if len(langs) > 1 else ""}</div>'
        f'<div class="kt-lib-texts">{texts}</div>{_before(context, item)}{_source(item, context.lang)}</div>'
    )


def _languages(chosen: str) -> str:
    choices = "".join(
        f'<label><input type="radio" name="kt-lib-view" value="{value}"{" checked" if value == chosen else ""}>'
        f"<span>{WORDS.both(value)}</span></label>"
        for value in (*LANGS, "side")
    )
    return f'<div class="kt-chips" role="radiogroup" {WORDS.attributes("aria-label", "view")}>{choices}</div>'


def _text(item: Item, lang: str) -> str:
    """All of the item in one language; its headings are in that language too."""
    def head(key: str) -> str:
        return f"<h3>{render.plain(WORDS.say(lang, key))}</h3>"

    answer = item.answer.get(lang, "")
    body = render.markdown(answer) if answer else render.plain(WORDS.say(lang, "no-answer"))
    parts = [f'<div class="kt-md">{body}</div>']
    points = [(point.text[lang], point.weight) for point in item.points if lang in point.text]
    if points:
        rows = "".join(
            f'<li><span class="kt-lib-weight" role="img" aria-label="{render.plain(WORDS.say(lang, "weight", n=weight))}" '
            f'title="{render.plain(WORDS.say(lang, "weight", n=weight))}">{"<i></i>" * weight}</span>'
            f"<span>{render.markdown(said, inline=True)}</span></li>"
            for said, weight in points
        )
        parts.append(f'{head("points")}<ul class="kt-lib-points">{rows}</ul>')
    wrong = [(m.claim[lang], m.correction.get(lang, "")) for m in item.misconceptions if lang in m.claim]
    if wrong:
        rows = "".join(
            f'<li><p class="kt-lib-claim">{render.markdown(claim, inline=True)}</p>'
            f'<p><strong>{render.plain(WORDS.say(lang, "correction"))}</strong> {render.markdown(correction, inline=True)}</p></li>'
            for claim, correction in wrong
        )
        parts.append(f'{head("misconceptions")}<ul class="kt-lib-wrong">{rows}</ul>')
    asked = [found[lang] for found in item.follow_ups if lang in found]
    if asked:
        parts.append(f'{head("follow-ups")}{render.asks(asked)}')
    return f'<section class="kt-panel kt-lib-text kt-lib-{lang}" lang="{tag(lang)}">{"".join(parts)}</section>'


def _versions(item: Item) -> str:
    if item.since and item.until:
        said = WORDS.both("between", since=item.since, until=item.until)
    elif item.since:
        said = WORDS.both("since", since=item.since)
    elif item.until:
        said = WORDS.both("until", until=item.until)
    else:
        return ""
    return f'<span class="kt-pill">{said}</span>'


def _before(context: Context, item: Item) -> str:
    known = {other.id: other for other in context.tutor.items()} if item.prerequisites else {}
    links = "".join(
        f'<li><a href="#/library/{render.plain(id)}">{_title(known[id], context.lang)}</a></li>'
        for id in item.prerequisites
        if id in known
    )
    return f'<section class="kt-panel"><h3>{WORDS.both("before")}</h3><ul class="kt-lib-rows">{links}</ul></section>' if links else ""


def _source(item: Item, lang: str) -> str:
    docs = ""
    if item.reference:
        url = render.plain(f"{_DOCS[lang]}{item.reference.strip('/')}/")
        docs = (
            f' · {WORDS.both("docs")} <a href="{url}" target="_blank" rel="noopener noreferrer nofollow">'
            f"{render.plain(item.reference)}</a>"
        )
    return f'<p class="kt-quiet">{WORDS.both("source")} <code>{render.plain(str(item.source))}</code>{docs}</p>'
