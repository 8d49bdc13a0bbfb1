"""Text from anywhere -> safe HTML.

Markdown is parsed with HTML, images and reference definitions switched off,
and what comes out passes an allow-list (nh3) once more. Marks and citation
chips are put in afterwards, at private-use characters that are first taken
out of every text: nothing that a question, a passage or a model says can
become an element of the page that isn't listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote as in_address
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token as Node

from tutor.answers import Answer, Citation
from tutor.errors import TutorError
from tutor.retrieval import Passage
from tutor.web.text import attributes, both
from tutor.web.words import errors
from tutor.web.words.interview import WORDS as INTERVIEW

_OPEN, _SEP, _CLOSE, _CHIP, _END = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
_PRIVATE = re.compile(r"[\ue000-\ue00f\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_MARKER = re.compile(r"(?<![\w\])])\[(\d{1,3})\]")
_TAIL = "。！？；，、.!?;,:：)）]」』”\"'`…"
_LEAVES = ("text", "code_inline", "fence", "code_block")

_TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a",
}  # fmt: skip
_LANGUAGE = re.compile(r"language-[\w+#.-]{1,20}")


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "typographer": False})
    parser.enable(["table", "strikethrough"]).disable(["image", "reference"])
    parser.validateLink = _is_https  # type: ignore[method-assign]
    return parser


_MD = _parser()


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "code" and name == "class":
        return value if _LANGUAGE.fullmatch(value) else None
    if tag == "a" and name == "href":
        return value if _is_https(value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href"}, "code": {"class"}, "ol": {"start"}},
    attribute_filter=_keep_attribute,
    url_schemes={"https"},
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    strip_comments=True,
)


def plain(text: str) -> str:
    """The text escaped, without control and direction-changing characters."""
    return escape(_PRIVATE.sub("", text), quote=True)


def topic(name: str) -> str:
    """The topic's name in both languages."""
    key = f"topic-{name}"
    return INTERVIEW.both(key) if key in INTERVIEW.strings else plain(name)


def _line(text: str) -> str:
    """A heading or a question: escaped, without the backticks of code."""
    return plain(text.replace("`", ""))


def markdown(
    text: str,
    *,
    markers: Iterable[int] = (),
    quotes: Sequence[tuple[int, str]] = (),
    live: bool = True,
    inline: bool = False,
) -> str:
    """Markdown -> safe HTML; without paragraphs and blocks if `inline`.

    "[n]" becomes a chip for each n of `markers`; one that can't be clicked
    unless `live`. Each of `quotes`, pairs of number and text, is highlighted;
    those that can't be found are put before the text.
    """
    text = _PRIVATE.sub("", text)
    tokens = _MD.parseInline(text) if inline else _MD.parse(text)
    leaves = _leaves(tokens)
    lost = _mark(leaves, text, [(n, _PRIVATE.sub("", quote)) for n, quote in quotes]) if quotes else []
    wanted = set(markers)
    for leaf in leaves:
        if wanted and leaf.type == "text":
            leaf.content = _MARKER.sub(
                lambda m: f"{_CHIP}{m[1]}{_END}" if int(m[1]) in wanted else m[0], leaf.content
            )
    html = _CLEANER.clean(_MD.renderer.render(tokens, _MD.options, {}))
    return "".join(_lost_quote(n, quote) for n, quote in lost) + _dress(html, live)


def _leaves(tokens: Sequence[Node]) -> list[Node]:
    found: list[Node] = []
    for token in tokens:
        if token.children:
            found += _leaves(token.children)
        elif token.type in _LEAVES:
            found.append(token)
    return found


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _mark(leaves: list[Node], text: str, quotes: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Puts marks around the quotes in the leaves; returns those that weren't found.

    Only letters and digits are compared, so that it doesn't matter that a
    quote holds Markdown's own characters and a leaf doesn't.
    """
    places = [
        (number, at) for number, leaf in enumerate(leaves)
        for at, char in enumerate(leaf.content) if char.isalnum()
    ]  # fmt: skip
    letters = "".join(leaves[number].content[at] for number, at in places)
    marks: list[list[set[int]]] = [[set() for _ in leaf.content] for leaf in leaves]
    lost = []
    for n, quote in quotes:
        shown = _letters("".join(leaf.content for leaf in _leaves(_MD.parse(quote))))
        start, length = -1, 0
        for wanted in (shown, _letters(quote)):
            if wanted and (start := _find(letters, wanted, text, quote)) >= 0:
                length = len(wanted)
                break
        if start < 0:
            if not re.fullmatch(r"[\d\W]*", quote):  # the number of a list entry is no quote
                lost.append((n, quote))
            continue
        (first, begin), (last, end) = places[start], places[start + length - 1]
        for number in range(first, last + 1):
            content = leaves[number].content
            low = begin if number == first else 0
            high = _through_tail(content, end + 1, quote) if number == last else len(content)
            for at in range(low, high):
                marks[number][at].add(n)
    for leaf, numbers in zip(leaves, marks, strict=True):
        leaf.content = _with_marks(leaf.content, numbers)
    return lost


def _find(letters: str, wanted: str, text: str, quote: str) -> int:
    """Where `wanted` is, at the occurrence that the quote's place in the text suggests."""
    before = _letters(text[: max(text.find(quote), 0)]).count(wanted)
    at = letters.find(wanted)
    for _ in range(before):
        later = letters.find(wanted, at + 1)
        if later < 0:
            break
        at = later
    return at


def _through_tail(content: str, at: int, quote: str) -> int:
    tail = quote.rstrip()
    room = len(tail) - len(tail.rstrip(_TAIL))
    while room > 0 and at < len(content) and content[at] in _TAIL:
        at, room = at + 1, room - 1
    return at


def _with_marks(content: str, numbers: list[set[int]]) -> str:
    out: list[str] = []
    current: set[int] = set()
    for char, here in zip(content, numbers, strict=True):
        if here != current:
            if current:
                out.append(_CLOSE)
            if here:
                out.append(_OPEN + ".".join(map(str, sorted(here))) + _SEP)
            current = here
        out.append(char)
    return "".join(out) + (_CLOSE if current else "")


def _dress(html: str, live: bool) -> str:
    """Our own elements in the place of private characters, and around code and tables."""
    html = re.sub(
        f"{_OPEN}([\\d.]+){_SEP}",
        lambda m: f'<mark data-cites="{m[1].replace(".", " ")}">',
        html,
    ).replace(_CLOSE, "</mark>")
    # A chip never begins a line: it stays with the character before it.
    html = re.sub(
        f"([^\\s<>;&]?)\\s*((?:{_CHIP}\\d+{_END}\\s*)+)",
        lambda m: f'<span class="kt-keep">{m[1]}\u2009{_chips(m[2], live)}</span>',
        html,
    )
    copy = f'<button type="button" class="kt-copy">{both("copy")}</button>'
    return (
        html.replace("<pre>", f'<div class="kt-code">{copy}<pre tabindex="0">')
        .replace("</pre>", "</pre></div>")
        .replace("<table>", '<div class="kt-table" tabindex="0"><table>')
        .replace("</table>", "</table></div>")
    )


def _chips(text: str, live: bool) -> str:
    chips = (chip(int(n), live=live) for n in re.findall(r"\d+", text))
    return "".join(chips) + (" " if text[-1].isspace() else "")


def chip(n: int, *, live: bool = True) -> str:
    if live:
        return (
            f'<button type="button" class="kt-cite" data-cite="{n}" aria-label="[{n}]">{n}</button>'
        )
    return f'<span class="kt-cite kt-cite-draft">{n}</span>'


def _lost_quote(n: int, quote: str) -> str:
    return (
        f'<blockquote class="kt-quote"><mark data-cites="{n}">{plain(quote)}</mark></blockquote>'
    )


def number(citation: Citation) -> int | None:
    """The n of a citation's marker "[n]"."""
    found = re.fullmatch(r"\[(\d{1,3})\]", citation.marker)
    return int(found[1]) if found else None


# the panel -----------------------------------------------------------------------------------


def evidence(
    passages: Sequence[Passage], citations: Sequence[Citation] = (), *, answerable: bool = True
) -> str:
    """The passages as cards; the quotes of the citations are highlighted in them."""
    if not passages:
        return f'<p class="kt-quiet">{both("evidence_none")}</p>'
    numbered = [(n, c) for c in citations if (n := number(c)) is not None]
    cards = [
        _card(place, passage, [(n, c.quote) for n, c in numbered if c.item_id == passage.item_id])
        for place, passage in enumerate(passages)
    ]
    if answerable:
        return "".join(cards)
    return f'<p class="kt-quiet">{both("evidence_refused")}</p>' + "".join(
        card.replace(" open>", ">", 1) for card in cards
    )


def _card(place: int, passage: Passage, quotes: list[tuple[int, str]]) -> str:
    # In a summary, which is pressed itself, nothing else may be pressed.
    cited = "".join(chip(n, live=False) for n, _ in quotes)
    about = f'<span class="kt-topic">{topic(passage.topic)}</span>' if passage.topic else ""
    lang = "zh-CN" if passage.lang == "zh" else "en"
    classes = "kt-card kt-cited" if quotes else "kt-card"
    shown = " open" if place == 0 or quotes else ""
    return (
        f'<details class="{classes}"{shown}><summary><span class="kt-card-title" lang="{lang}">'
        f'{_line(passage.title)}</span><span class="kt-card-meta">{about}{cited}</span></summary>'
        f'<button type="button" class="kt-back">↑ {both("back")}</button>'
        f'<div class="kt-md" lang="{lang}">{markdown(passage.text, quotes=quotes)}</div>'
        f'<p class="kt-source"><a href="#/library/{in_address(passage.item_id, "")}">{both("whole")}</a> · '
        f'{both("source")} <code>{plain(passage.source)}</code></p></details>'
    )


# the turn ------------------------------------------------------------------------------------


def looking() -> str:
    return f'<p class="kt-status"><span class="kt-pulse"></span>{both("looking")}</p>'


def in_line(ahead: int) -> str:
    """That the model is busy, and how many questions come first."""
    words = both("in_line", n=ahead) if ahead else both("next_in_line")
    return f'<p class="kt-status"><span class="kt-pulse"></span>{words}</p>'


def draft(kept: Sequence[str], pending: str, *, status: str = "") -> str:
    """What the model has written so far.

    `kept` are checked sentences with their markers, `pending` what came since.
    `status` replaces the line that says that the model is at work.
    """
    solid = "".join(f'<span class="kt-kept">{_sentence(text)}</span> ' for text in kept)
    pending = pending.strip()
    loose = (
        f'<span class="kt-draft">{_line(pending)}</span>'
        f'<span class="kt-badge">{both("checking")}</span>'
        if pending and not status
        else ""
    )
    if not status:
        status = f'<p class="kt-status"><span class="kt-pulse"></span>{both("writing")}</p>'
    words = f'<p class="kt-words">{solid}{loose}</p>' if solid or loose else ""
    return f'<div class="kt-model">{status}{words}</div>'


def preview(first: Passage) -> str:
    """The passage that stands for the answer until that is finished."""
    lang = "zh-CN" if first.lang == "zh" else "en"
    return (
        f'<div class="kt-md kt-preview" lang="{lang}"><p><strong>{both("reference")}</strong></p>'
        f"{markdown(first.text)}</div>"
    )


def _sentence(text: str) -> str:
    return markdown(text, markers=range(1, 1000), live=False, inline=True)


def stopped(found: bool) -> str:
    """That the model was stopped; `found` says whether there is an answer without it."""
    return f'<p class="kt-notice">{both("stopped" if found else "stopped_early")}</p>'


def answer(result: Answer, *, footer: bool = True) -> str:
    """A finished answer or refusal, with notices, suggestions and what it rests on."""
    notices = "".join(f'<p class="kt-notice">{plain(text)}</p>' for text in result.notices)
    lang = "zh-CN" if result.lang == "zh" else "en"
    if result.courtesy:
        said = result.text.partition("\n\n")[0]  # what follows are the suggestions
        return (
            f'<div class="kt-md" lang="{lang}">{markdown(said)}</div>'
            f"{_suggestions(result.suggestions, 'nearest')}{notices}"
        )
    if result.status == "refused":
        # The topics of a refusal are in its text and in its suggestions: shown once, clickable.
        text = result.text
        for topic in result.suggestions:
            text = text.replace(f"\n- {topic}", "")
        text, *rest = text.rstrip().split("\n\n")
        if not result.suggestions:
            text = "\n\n".join([text, *rest])
        return (
            f'<div class="kt-refusal"><p class="kt-label">{both("refused")}</p>'
            f'<div class="kt-md" lang="{lang}">{markdown(text)}</div>'
            f"{_suggestions(result.suggestions, 'nearest')}</div>{notices}"
        )
    numbers = [n for citation in result.citations if (n := number(citation)) is not None]
    return (
        f'{notices}<div class="kt-md kt-answer" lang="{lang}">'
        f"{markdown(result.text, markers=numbers)}</div>"
        f"{_footer(result) if footer else ''}{_suggestions(result.suggestions, 'follow_ups')}"
    )


def _footer(result: Answer) -> str:
    """How the answer came about; which model and how long it took only when it is pointed at."""
    parts = [both("drafted" if result.model else "extract")]
    if result.dropped:
        many = len(result.dropped)
        parts.append(both("dropped" if many > 1 else "dropped_one", n=many))
    times, title = result.timings, ""
    if result.model and "evidence" in times and "total" in times:
        title = " " + attributes(
            "title", "took", model=_PRIVATE.sub("", result.model),
            evidence=f"{times['evidence']:.2f}", total=f"{times['total']:.1f}",
        )  # fmt: skip
    return f'<p class="kt-foot"{title}>{" · ".join(parts)}</p>'


def _suggestions(questions: Sequence[str], key: str) -> str:
    if not questions:
        return ""
    return f'<div class="kt-next"><p class="kt-label">{both(key)}</p>{asks(questions)}</div>'


def asks(questions: Sequence[str]) -> str:
    """Questions as buttons that ask them."""
    return '<div class="kt-asks">' + "".join(
        f'<button type="button" class="kt-ask">{_line(text)}</button>' for text in questions
    ) + "</div>"


def error(found: TutorError | None, key: str = "failed") -> str:
    """One line about an error that a person can do something about; None for any other."""
    return f'<p class="kt-error"><strong>{both(key)}</strong> {said(found) if found else both("crashed")}</p>'


def said(error: TutorError) -> str:
    """What the error says, in both languages."""
    return _in_both(errors.in_chinese(error), str(error))


def problem(message: str) -> str:
    """What is wrong with a file, in both languages."""
    return _in_both(errors.chinese(message) or message, message)


def _in_both(zh: str, en: str) -> str:
    return f'<span class="kt-zh" lang="zh-CN">{plain(zh)}</span><span class="kt-en" lang="en">{plain(en)}</span>'
