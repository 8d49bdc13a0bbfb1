"""Long documents, such as pages of the Kubernetes documentation, read as `Item`s.

One item per section: its question is the path of headings that leads to it.
Site generators' markup (front matter, shortcodes, anchors, links, HTML) is
undone here, so that what is indexed is what a reader of the page would see.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

import yaml

from tutor.corpus.items import Item, Lang, Reading, Source
from tutor.corpus.notes.lines import Kind, Line, scan
from tutor.corpus.notes.text import cjk_count, digest, normalise

__all__ = ["SEPARATOR", "parse_document"]

SEPARATOR = " › "
"""Between the headings of an item's question."""

_FRONT_MATTER = re.compile(r"\A\ufeff?\s{0,20}---[ \t]*\n((?:(?!---[ \t]*\n)[^\n]*\n){0,200})---[ \t]*(?:\n|\Z)")
_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE)

_SHORTCODE = re.compile(r"\{\{([<%])([^{}]{0,3000})[>%]\}\}")
_INLINE_CODE = re.compile(
    r"\{\{<\s{0,5}highlight\b[^{}]{0,300}\bhl_inline=true[^{}]{0,300}>\}\}((?:(?!\{\{<)[^`]){0,2000})\{\{<\s{0,5}/highlight\s{0,5}>\}\}"
)
_ATTRIBUTE = re.compile(r"([\w-]{1,40})\s{0,5}=\s{0,5}(?:\"([^\"]{0,2000})\"|'([^']{0,2000})'|([^\s\"'>/]{1,500}))")
_QUOTED = re.compile(r"\"([^\"]{0,500})\"")
_BLOCKS_DROPPED = ("comment", "mermaid")
_SENTINEL = "\ue000"  # private use: stands for a heading known by name until the language is known
_HEADINGS: Mapping[str, Mapping[Lang, str]] = {
    "prerequisites": {"en": "Before you begin", "zh": "准备开始"},
    "objectives": {"en": "Objectives", "zh": "教程目标"},
    "cleanup": {"en": "Cleaning up", "zh": "清理现场"},
    "synopsis": {"en": "Synopsis", "zh": "简介"},
    "options": {"en": "Options", "zh": "选项"},
    "parentoptions": {"en": "Options inherited from parent commands", "zh": "从父命令继承的选项"},
    "examples": {"en": "Examples", "zh": "示例"},
    "seealso": {"en": "See also", "zh": "另请参见"},
    "envvars": {"en": "Environment variables", "zh": "环境变量"},
}
_DROPPED_SECTION = re.compile(
    r"^(?:what.?s next\??|next steps?|接下来|接下来做什么|下一步|see also|另请参[见阅]|further reading|延伸阅读|参考(?:资料|链接|文献)?|references?)$",
    re.IGNORECASE,
)

_CODE_SPAN = re.compile(r"``[^`\n]{1,500}``|`[^`\n]{1,500}`")
_HELD = re.compile("\ue001(\\d{1,9})\ue001")
_TARGET = r"\((?:[^()\n]|\([^()\n]{0,300}\)){0,1500}\)"
_IMAGE = re.compile(rf"!\[([^\[\]]{{0,500}})\](?:{_TARGET}|\[[^\[\]\n]{{0,200}}\])")
_LINK = re.compile(rf"\[([^\[\]]{{1,500}})\]{_TARGET}")
_REFERENCE = re.compile(r"\[([^\[\]]{1,500})\] ?\[([^\[\]]{0,200})\]")
_DEFINITION = re.compile(r"^ {0,3}\[([^\[\]\n]{1,200})\]:[ \t]*\S.*$")
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^<>\s]{1,2000})>")
_ANCHOR = re.compile(r"\s{0,20}\{[#.:][^{}\n]{0,300}\}")
_CELL = re.compile(r"</t[dh]\s{0,5}>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|abbr|article|aside|b|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|details|dfn|div|dl|dt|em"
    r"|figcaption|figure|font|footer|form|h[1-6]|header|hr|html|i|iframe|img|input|ins|kbd|label|li|link|main|mark|math|meta|nav"
    r"|object|ol|option|p|param|pre|q|s|samp|script|section|select|small|span|strong|style|sub|summary|sup|svg|table|tbody|td"
    r"|template|tfoot|th|thead|title|tr|u|ul|var|video|wbr)(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,10}|#\d{1,6});")
_BLANK_RUN = re.compile(r"\n(?:[ \t]*\n){2,}")


def parse_document(text: str, path: str) -> Reading:
    """One item per section of `text` that has text of its own, in order. Never raises.

    The language is that of the text left when comments are gone, and keys both
    question and answer. Sections that only link elsewhere ("What's next") are
    dropped with all that is under them; long sections are left whole.
    """
    title, body = _front_matter(text)
    lines, problems = scan(_without_shortcodes(body), path)
    references = {m[1].casefold() for line in lines if line.kind is Kind.TEXT and (m := _DEFINITION.match(line.text))}
    lang = _language(lines)
    items: list[Item] = []
    seen: dict[str, int] = {}
    for number, headings, section in _sections(lines, title, lang, references):
        answer = _rendered(section, references)
        if not headings or not normalise(answer):
            continue
        question = SEPARATOR.join(headings)
        seen[question] = count = seen.get(question, 0) + 1
        again = () if count == 1 else (str(count),)
        items.append(
            Item(
                id=f"doc-{digest(path, question, *again)}",
                question={lang: question},
                answer={lang: answer},
                source=Source(path, number),
                kind="document",
            )
        )
    return Reading(tuple(items), tuple(problems))


def _front_matter(text: str) -> tuple[str, str]:
    """The title in the front matter ("" if none), and the text with blank lines in its place."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return "", text
    body = "\n" * found.group().count("\n") + text[found.end() :]
    try:
        fields = yaml.safe_load(found[1])
        title = fields.get("title") if isinstance(fields, dict) else None
    except (yaml.YAMLError, ValueError, RecursionError):  # a tab or a date is no reason to lose the title
        line = _TITLE.search(found[1])
        title = line[1].strip("\"'") if line else None
    return " ".join(str(title).split()) if title is not None else "", body


def _without_shortcodes(text: str) -> str:
    """Hugo shortcodes as the text they stand for. Line numbers stay what they were."""
    text = _INLINE_CODE.sub(lambda m: f"`{' '.join(m[1].split())}`" + "\n" * m.group().count("\n"), text)
    out: list[str] = []
    pos = 0
    closing = {m[2].strip(" /\n"): m.start() for m in _SHORTCODE.finditer(text) if m[2].lstrip().startswith("/")}
    dropping = ""
    for found in _SHORTCODE.finditer(text):
        between, inner = text[pos : found.start()], found[2].strip()
        out.append(between if not dropping else "\n" * between.count("\n"))
        out.append(_expanded(inner) if not dropping else "")
        out.append("\n" * found.group().count("\n"))
        pos = found.end()
        name = inner.split(None, 1)[0] if inner else ""
        if not dropping and name in _BLOCKS_DROPPED and closing.get(name, -1) > found.start():
            dropping = name
        elif dropping and inner.strip("/ ") == dropping and inner.startswith("/"):
            dropping = ""
    out.append(text[pos:])
    # What the pattern doesn't take (braces inside, no end) must not reach a reader either.
    return "".join(out).replace("{{<", "{{").replace("{{%", "{{")


def _expanded(inner: str) -> str:
    """The text that one shortcode stands for."""
    if inner.startswith("/*"):  # escaped: the page shows the shortcode itself
        return "{{ " + inner.strip("/* ") + " }}"
    name, _, rest = inner.strip().partition(" ")
    name = name.strip()
    if "\n" in name:
        name, _, more = name.partition("\n")
        rest = f"{more} {rest}"
    values = {m[1]: " ".join((m[2] or m[3] or m[4] or "").split()) for m in _ATTRIBUTE.finditer(rest)}
    quoted = [m[1] for m in _QUOTED.finditer(rest)]
    match name:
        case "glossary_tooltip":
            return values.get("text") or values.get("term_id", "").replace("-", " ")
        case "feature-state":
            return _feature_state(values)
        case "heading":
            return f"{_SENTINEL}{quoted[0] if quoted else ''}{_SENTINEL}"
        case "code_sample" | "code" | "codenew" | "example":
            file = values.get("file", "")
            return f"[{file}]" if file else ""
        case "param":
            return "[current version]" if "version" in rest else ""
        case "skew":
            offset = re.search(r"-?\d{1,3}", rest)
            return f"[current version {int(offset[0]):+d}]" if offset else "[current version]"
        case "link" | "ref" | "relref":
            return values.get("text", "")
        case "figure":
            return values.get("caption") or values.get("alt") or values.get("title", "")
        case "highlight":
            return f"```{rest.split()[0]}" if rest.split() else "```"
        case "/highlight":
            return "```"
        case "tab" | "details" | "alert" | "table":
            label = values.get("name") or values.get("summary") or values.get("title") or values.get("caption", "")
            return f"**{label}**" if label else ""
        case "api-reference":
            return values.get("text") or values.get("page", "")
        case _:
            return ""


def _feature_state(values: Mapping[str, str]) -> str:
    gate, state, since = values.get("feature_gate_name"), values.get("state"), values.get("for_k8s_version")
    if gate:
        return f"[feature gate: {gate}]"
    if not state:
        return ""
    return f"[feature state: {state} since {since}]" if since else f"[feature state: {state}]"


def _language(lines: Sequence[Line]) -> Lang:
    prose = "\n".join(line.text for line in lines if line.kind is not Kind.CODE)
    letters = sum(char.isalpha() for char in prose)
    return "zh" if cjk_count(prose) > 0.05 * letters else "en"


_Section = tuple[int, tuple[str, ...], list[Line]]


def _sections(lines: Sequence[Line], title: str, lang: Lang, references: set[str]) -> list[_Section]:
    """Line, heading path and own lines of each section, without the dropped ones."""
    head = (title,) if title else ()
    sections: list[_Section] = [(1, head, [])]
    path: list[tuple[int, str]] = []
    dropped: int | None = None
    for line in lines:
        if line.kind is not Kind.HEADING:
            if dropped is None:
                sections[-1][2].append(line)
            continue
        name = _heading(line.text, lang, references)
        while path and path[-1][0] >= line.level:
            path.pop()
        if dropped is not None and line.level > dropped:
            continue
        dropped = line.level if not name or _DROPPED_SECTION.match(name) else None
        if dropped is None:
            path.append((line.level, name))
            names = [name for _, name in path]
            if names[0] == title:  # a page that repeats its title as its first heading
                names = names[1:]
            sections.append((line.number, (*head, *names), []))
    return [section for section in sections if section[2]]


def _heading(text: str, lang: Lang, references: set[str]) -> str:
    """A heading as plain text; "" for one that stands for links to other pages."""
    if _SENTINEL in text:
        key = text.split(_SENTINEL)[1]
        known = _HEADINGS.get(key)
        if known is None:
            return "" if key == "whatsnext" else key
        return known[lang]
    return " ".join(_inline(_ANCHOR.sub("", text), references).replace("**", "").replace("`", "").split())


def _rendered(lines: Sequence[Line], references: set[str]) -> str:
    """A section as Markdown: code as it is, prose without links, anchors and HTML."""
    parts: list[str] = []
    prose: list[str] = []
    for line in lines:
        if line.kind is Kind.CODE:
            if prose:
                parts.append(_inline("\n".join(prose), references))
                prose = []
            parts.append(line.text)
        elif not _DEFINITION.match(line.text):
            prose.append(f"**{line.text}**" if line.kind is Kind.SUMMARY else line.text)
    if prose:
        parts.append(_inline("\n".join(prose), references))
    return _squeezed(parts, lines)


def _squeezed(parts: list[str], lines: Sequence[Line]) -> str:
    """The parts as one text; blank lines don't pile up, except in code."""
    code = {line.text for line in lines if line.kind is Kind.CODE}
    return "\n".join(part if part in code else _BLANK_RUN.sub("\n\n", part) for part in parts).strip()


def _inline(text: str, references: set[str]) -> str:
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found.group())
        return f"\ue001{len(held) - 1}\ue001"

    def refer(found: re.Match[str]) -> str:
        key = (found[2] or _HELD.sub(lambda m: held[int(m[1])], found[1])).casefold()
        return found[1] if " ".join(key.split()) in references else found.group()

    text = _CODE_SPAN.sub(hold, text.replace("\ue001", ""))
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _REFERENCE.sub(refer, text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _TAG.sub("", _CELL.sub(" | ", text))
    text = _ANCHOR.sub("", text).replace(_SENTINEL, "")
    text = _ENTITY.sub(lambda m: html.unescape(m.group()), text)
    text = "\n".join(row.rstrip() for row in text.split("\n"))
    return _HELD.sub(lambda m: held[int(m[1])], text)
