"""How a line announces a question or an answer: bullets, numbers, bold, `Q:`, `答：`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tutor.corpus.notes.text import asking, ends_asking, normalise

_BULLET = re.compile(r"^(?:[-*+]\s+|-(?=[\u4e00-\u9fff])|[•●▪◦·○■◆★–—]\s*)(?:\[[ xX]\]\s*)?")
_EMOJI = re.compile(r"^(?:[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\ufe0f\u200d]\s{0,3}){1,9}")
_ASK = re.compile(
    r"^(?:Q(?:uestion)?\s{0,3}\d{0,3}\s*[:：.、)）]|问题?\s{0,3}\d{0,3}\s*[:：]|面试题\s{0,3}\d{0,3}\s*[:：、.]|题目\s{0,3}\d{0,3}\s*[:：、.]"
    r"|第\s{0,3}[\d一二三四五六七八九十]{1,4}\s{0,3}[题问]\s*[:：、.]?|【问题?】|[\[【](?:Q|问)\d{0,3}[\]】])\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"^(?:(?P<multi>\d{1,3}(?:[.．]\d{1,3}){1,3})(?:\\?[.、．)）]|(?=\s|[\u4e00-\u9fff]))"
    r"|(?P<dot>\d{1,3})\\?[.．](?!\d)|(?P<comma>\d{1,3})[、:：]|(?P<paren>\d{1,3})[)）]|[(（](?P<round>\d{1,3})[)）]"
    r"|(?P<space>\d{1,3})(?=\s+\S)"
    r"|(?P<cn>[一二三四五六七八九十]{1,3})[、.．]|[(（](?P<cnround>[一二三四五六七八九十]{1,3})[)）])\s*"
)
_MEASURED = re.compile(r"^\s*(?:种|个|类|大|层|次|台|条|点|秒|分|天|年|万|千|百|月|版|以上|以下|之|%)")
_ANSWER = re.compile(
    r"^\s*(?:[-*+•]\s+)?(?:\*\*|__)?[\[【]?(?:参考答案|标准答案|答案|解答|回答|答|answers?|ans|A\d{0,3})[\]】]?(?:\*\*|__)?\s{0,3}[:：]"
    r"(?:\*\*|__)?\s*",
    re.IGNORECASE,
)
_ANSWER_BRACKET = re.compile(r"^\s*(?:\*\*)?[\[【](?:答案?|A|解答|回答)[\]】](?:\*\*)?\s*", re.IGNORECASE)
_ANSWER_BARE = re.compile(r"^\s*答(?![案复辩题应卷疑谢非对错不]|\s*$)\s*")
_INLINE_ANSWER = re.compile(r"(?<=[?？。\s])\s?(?:\*\*)?(?:答案?|A(?:nswer)?)(?:\*\*)?\s?[:：](?:\*\*)?\s*")
_CAN_SPLIT = re.compile(r"[?？:：]")
_MARKUP = re.compile(r"[*_`~\[{]")
_FIRST = "Qq问面题第一二三四五六七八九十"
_CN = {char: value for value, char in enumerate("零一二三四五六七八九十")}
_REMARK = re.compile(
    r"^[\s*]*(?:[(（\[【<]|注意|提示|请|尽可能|要求|可以从|比如|例如|如果|另外|并|和|与|以及|或|还|又|那|为|怎|如|有|是|explain\b|describe\b|give\b|name\b"
    r"|list\b|please\b|why\b|how\b|what\b|and\b|or\b|if\b|when\b|which\b|can you\b|provide\b|hint\b|note\b|assume\b)",
    re.IGNORECASE,
)
_LINK = re.compile(r"(?<!!)\[([^\[\]\n]{1,300})\]\([^()\n]{0,1500}\)")
_TITLE_MARKS = re.compile(r"\*\*|__|``?|~~|\{#[^{}\n]{1,200}\}")
_STAR = re.compile(r"(?<![*\w])\*([^*\n]{1,200})\*(?![*\w])")


@dataclass(frozen=True)
class Marker:
    """What starts a line, and the title that it announces.

    `family` tells apart the ways of marking ("", "-", "ask", "bold", "summary",
    "heading", or the mark of a number such as "、"); `rest` is text of the same
    line that already answers.
    """

    family: str
    indent: int
    title: str
    rest: str = ""
    number: int | None = None
    bullet: bool = False
    bold: bool = False

    @property
    def strength(self) -> int:
        """`asking` of the title; an explicit `Q:` always asks."""
        return 2 if self.family in ("ask", "summary") else asking(self.title)

    @property
    def ends_asking(self) -> bool:
        """Whether the title ends in a question mark."""
        return ends_asking(self.title)


def read_marker(line: str, *, heading: bool = False) -> Marker:
    """The marker of a line of prose or of a heading's title; `family` is "" for none."""
    body = line.lstrip(" \t")
    indent = len(line[: len(line) - len(body)].expandtabs(4))
    if len(body) > 1200:  # a paragraph, whatever it begins with
        return Marker("", indent, body[:400])
    if body[:1].isalpha() and body[0] not in _FIRST:  # most lines: no mark can begin so
        title, rest = (body, "") if heading else split_answer(body)
        return Marker("", indent, plain(title), _ANSWER.sub("", rest.strip()))
    bullet = bold = False
    if not heading and (found := _BULLET.match(body)):
        bullet, body = True, body[found.end() :]
    body = _EMOJI.sub("", body)
    family, number, rest = "", None, ""
    for _ in range(3):  # "**1. **Q", "Q1. **…**", "1. **…**" nest in any order
        if family != "ask" and (found := _ASK.match(body)):
            family, body = "ask", body[found.end() :]
        elif not family and (found := _number(body)):
            family = found.lastgroup or ""
            number, body = _value(found[family]), body[found.end() :]
        elif not bold and body.startswith(("**", "__")):
            inner, after = _bold(body)
            if inner is None:
                break
            bold, body, rest = True, inner, after
            if rest and (not normalise(inner) or _NUMBER.sub("", inner) == "" or _ASK.sub("", inner) == ""):
                body, rest, bold = f"{inner} {rest}", "", False
            elif rest and asking(inner) < 2:
                body, rest, bold = f"{inner}{rest}", "", False
                break
        else:
            break
    if not heading:
        body, answer = split_answer(body) if not rest else (body, "")
        rest = rest or answer
    if bold and not family:
        family = "bold"
    if not family and bullet:
        family = "-"
    return Marker(family, indent, plain(body), _ANSWER.sub("", rest.strip()), number, bullet, bold)


def _number(body: str) -> re.Match[str] | None:
    found = _NUMBER.match(body)
    if found and (found.lastgroup in ("space", "multi") and _MEASURED.match(body[found.end() :])):
        return None
    return found


def _value(digits: str) -> int:
    last = digits.replace("．", ".").rsplit(".", 1)[-1]
    if last.isdigit():
        return int(last)
    if "十" in last:
        tens, _, units = last.partition("十")
        return _CN.get(tens, 1) * 10 + _CN.get(units, 0)
    return _CN.get(last[-1], 0)


def _bold(body: str) -> tuple[str | None, str]:
    mark = body[:2]
    end = body.find(mark, 2)
    if end < 0:
        return None, ""
    return body[2:end].strip(), body[end + 2 :].strip(" \t:：")


def split_answer(text: str) -> tuple[str, str]:
    """A line that asks and answers, in two: at an inline `答：`, or after its question mark.

    What merely adds to the question ("(hint…)", "注意…", a second question)
    stays with it.
    """
    if not _CAN_SPLIT.search(text):
        return text, ""
    if found := _INLINE_ANSWER.search(text):
        return text[: found.start()], text[found.end() :]
    cut = max(text.rfind("？"), text.rfind("?"))
    tail = text[cut + 1 :].strip(" *_`\t") if cut > 3 else ""
    if len(normalise(tail)) < 8 or _REMARK.match(tail) or asking(tail) == 2 or tail.startswith(("http", "=", "&")):
        return text, ""
    if (
        text[:cut].count("`") % 2
        or (re.match(r"[\w/]", text[cut + 1 : cut + 2])
        and text[cut].isascii()
        and text[cut + 1].isascii())
    ):
        return text, ""  # inside code, or an address with a query
    return text[: cut + 1], tail


def answers(line: str, *, bare: bool = False) -> bool:
    """Whether a line begins with `答：`, `A:` and the like; with `bare`, also with `答` alone."""
    return bool(_ANSWER.match(line) or _ANSWER_BRACKET.match(line) or (bare and _ANSWER_BARE.match(line)))


def strip_answer_mark(line: str) -> str:
    """The line without the mark that `answers(line, bare=True)` sees."""
    for pattern in (_ANSWER, _ANSWER_BRACKET, _ANSWER_BARE):
        if found := pattern.match(line):
            return line[found.end() :]
    return line


def plain(title: str) -> str:
    """A title as plain text: no emphasis, code marks, links or anchors."""
    if _MARKUP.search(title):
        title = _LINK.sub(r"\1", title)
        title = _STAR.sub(r"\1", _TITLE_MARKS.sub("", title))
    return " ".join(title.split()).strip().rstrip(":：").strip()


def is_link(line: str) -> bool:
    """Whether a list entry is nothing but a link or a bare address."""
    body = _BULLET.sub("", line.strip())
    return bool(re.match(r"^(?:\[[^\[\]]{1,300}\]\([^()\s]{1,1500}\)|<?https?://\S{1,2000})$", body))
