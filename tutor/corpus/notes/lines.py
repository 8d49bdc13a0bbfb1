"""Lines of a Markdown-like text, each with what it is.

Fenced code is told from prose before anything else looks at it, and what no
reader wants (comments, tables of contents, images, rules) is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from tutor.corpus.items import Problem


class Kind(Enum):
    """What a line is. A `SUMMARY` is the question of an HTML `<details>` block."""

    BLANK = "blank"
    TEXT = "text"
    HEADING = "heading"
    CODE = "code"
    TABLE = "table"
    QUOTE = "quote"
    SUMMARY = "summary"


class Line(NamedTuple):
    """One line: 1-based `number`, `text` without a heading's marks, heading `level` or 0."""

    number: int
    text: str
    kind: Kind
    level: int = 0


_FENCE = re.compile(r"^\s*(`{3,}|~{3,})([^\n]*)$")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*)$|^ {0,3}(#{1,6})([\u4e00-\u9fff*【].*)$")
_EMPTY_HEADING = re.compile(r"^ {0,3}#{1,6}\s*$")
_COMMAND = re.compile(
    r"^\s*(?:\$ |kubectl\b|docker\b|etcdctl\b|helm\b|systemctl\b|curl\b|kubeadm\b|crictl\b|cat\b|vim?\b|yum\b|apt\b|sudo\b)"
)
_RULE = re.compile(r"^\s*([-*_=])(?:[ \t]*\1){2,}[ \t]*$")
_TOC_OPEN = re.compile(r"^\s*(?:start doctoc|toc\b|markdowntoc)", re.IGNORECASE)
_TOC_CLOSE = re.compile(r"<!--\s*(?:end doctoc|/toc\b|tocstop|/?toc end|/markdowntoc)", re.IGNORECASE)
_TOC_LINE = re.compile(
    r"^\s*(?:\[\[?toc\]?\]|\*{0,2}table of contents\b.{0,200}|\{:?toc\}|目录[:：]?)\s*$", re.IGNORECASE
)
_INDEX_LINK = re.compile(
    r"^\s*(?:[-*+•]\s*|\d{1,3}[.)、]\s*){0,2}\*{0,2}\[(?:[^\[\]\n]|\[[^\[\]\n]{0,100}\]){1,300}\]\((?!https?:|mailto:|ftp:)[^()\s]{1,2000}\)[\s*]{0,8}$"
)
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,300})\]\([^()\n]{0,1500}\)|!\[([^\[\]\n]{0,300})\]\[[^\[\]\n]{0,100}\]")
_IMG_TAG = re.compile(r"<img\b[^<>]{0,2000}>", re.IGNORECASE)
_DULL_ALT = re.compile(
    r"^\s*(?:alt\b.*|image.*|img.*|pic.*|图片?\s*\d*|截图|screenshot.*|untitled.*|在这里插入图片描述|\S+\.(?:png|jpe?g|gif|svg|webp)|[\w\-.]*)\s*$",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"(`{1,2}[^`\n]{1,300}`{1,2})|</?(?:a|b|i|u|p|em|strong|font|span|div|center|details|summary|sup|sub|small|big|mark|hr|kbd|section|figure"
    r"|blockquote|ul|ol|li|h[1-6])(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<br\s{0,9}/?>", re.IGNORECASE)
_SUMMARY = re.compile(r"<summary[^<>]{0,300}>", re.IGNORECASE)
_SUMMARY_END = re.compile(r"</summary\s{0,9}>", re.IGNORECASE)
_SPACES = re.compile("[\u00a0\u2002\u2003\u200b\ufeff]|&nbsp;|&ensp;|&emsp;")


def scan(text: str, path: str) -> tuple[list[Line], list[Problem]]:
    """The lines of `text` in order; dropped lines leave a blank one behind.

    A fence that is never closed ends at the next heading after a blank line
    (or at the end), and is reported; so is a comment that is never closed.
    """
    return _Scanner(text.split("\n"), path).run()


class _Scanner:
    def __init__(self, rows: list[str], path: str) -> None:
        self.rows = rows
        self.path = path
        self.lines: list[Line] = []
        self.problems: list[Problem] = []
        self.last_comment_end = _last(rows, lambda row: "-->" in row)
        self.last_toc_end = _last(rows, lambda row: bool(_TOC_CLOSE.search(row)))

    def run(self) -> tuple[list[Line], list[Problem]]:
        at = 0
        while at < len(self.rows):
            fence = _FENCE.match(self.rows[at])
            if fence and not ("`" in fence[1] and "`" in fence[2]):
                at = self._fence(at, fence)
            elif "<!--" in self.rows[at]:
                at = self._comment(at)
            elif (opening := _SUMMARY.search(self.rows[at])) is not None:
                at = self._summary(at, opening.end())
            else:
                self._prose(at, self.rows[at])
                at += 1
        return self.lines, self.problems

    def _fence(self, start: int, fence: re.Match[str]) -> int:
        """Take the fence that opens at `start`; the index of the line after it."""
        marks, heading = fence[1], 0
        for at in range(start + 1, len(self.rows)):
            row = self.rows[at]
            inner = _FENCE.match(row)
            if inner and inner[1][0] == marks[0] and len(inner[1]) >= len(marks):
                if not inner[2].strip():
                    self._code(start, at + 1)
                    return at + 1
                # A second opening after a heading: the first was never closed.
                if heading and "`" not in inner[2]:
                    return self._unclosed(start, heading, marks)
            if not heading and not self.rows[at - 1].strip() and _HEADING.match(row):
                heading = at
        return self._unclosed(start, heading or len(self.rows), marks)

    def _unclosed(self, start: int, end: int, marks: str) -> int:
        self.problems.append(Problem(self.path, start + 1, "a code fence opened here is never closed"))
        while end > start + 1 and not self.rows[end - 1].strip():
            end -= 1
        self._code(start, end)
        self.lines.append(Line(end, marks, Kind.CODE))
        return end

    def _code(self, start: int, end: int) -> None:
        self.lines += [Line(at + 1, self.rows[at].rstrip(), Kind.CODE) for at in range(start, end)]

    def _comment(self, start: int) -> int:
        """Take a row that holds a comment, and the rows that the comment spans."""
        at, row = start, self.rows[start]
        kept: list[str] = []
        ticks = pos = 0
        while (found := row.find("<!--", pos)) >= 0:
            ticks += row.count("`", pos, found)
            if ticks % 2 and found < row.rfind("`"):  # quoted as code, so it is text
                end = row.find("`", found)
                kept.append(row[pos:end])
                pos = end
                continue
            kept.append(row[pos:found])
            toc = bool(_TOC_OPEN.match(row[found + 4 : found + 80])) and at < self.last_toc_end
            end = row.find("-->", found + 4)
            if end < 0 and at >= self.last_comment_end:
                self.problems.append(Problem(self.path, at + 1, "a comment opened here is never closed"))
                row, pos = row[found + 4 :].replace("<!--", ""), 0
                break
            if toc:
                at = next(i for i in range(at + 1, len(self.rows)) if _TOC_CLOSE.search(self.rows[i]))
                row, end = self.rows[at], self.rows[at].find("-->")
                if end < 0:
                    end = len(row)
            elif end < 0:
                at = next(i for i in range(at + 1, len(self.rows)) if "-->" in self.rows[i])
                row, end = self.rows[at], self.rows[at].find("-->")
            pos, ticks = end + 3, 0
        kept.append(row[pos:])
        self._prose(start, "".join(kept))
        return at + 1

    def _summary(self, start: int, pos: int) -> int:
        row, at = self.rows[start][pos:], start
        while (closing := _SUMMARY_END.search(row)) is None and at + 1 < len(self.rows) and at < start + 5:
            following = self.rows[at + 1].strip()
            if row.strip() and (not following or _FENCE.match(following) or "<summary" in following):
                break  # a long summary asks in its first paragraph; the rest is read like any text
            at += 1
            row += " " + following
        if closing is None:
            question = _TAG.sub(_kept_code, row).strip()
            self.lines.append(Line(start + 1, question, Kind.SUMMARY if question else Kind.BLANK))
            return at + 1
        question = _TAG.sub(_kept_code, _BREAK.sub(" ", row[: closing.start()])).strip()
        self.lines.append(Line(start + 1, question, Kind.SUMMARY))
        self._prose(at, row[closing.end() :])
        return at + 1

    def _prose(self, at: int, row: str) -> None:
        """Take one row that is neither fenced nor inside a comment."""
        number = at + 1
        if not row:
            self._put(number, "", Kind.BLANK)
            return
        row = _SPACES.sub(" ", row).rstrip()
        if "!" in row and "[" in row:
            row = _IMAGE.sub(lambda m: _alt(m[1] or m[2] or ""), row)
        if "<" in row:
            row = _TAG.sub(_kept_code, _IMG_TAG.sub("", row)).rstrip()
            if row.lstrip().startswith("|"):
                row = _BREAK.sub(" ", row)  # a broken row would end its table
        parts = _BREAK.split(row) if "<" in row else [row]
        for part in parts if len(parts) < 2 else [p for p in parts if p.strip()] or [""]:
            self._part(number, at, part)

    def _part(self, number: int, at: int, row: str) -> None:
        stripped = row.strip()
        if not stripped:
            self._put(number, "", Kind.BLANK)
        elif stripped[0].isalpha() and stripped[0] not in "tT目":  # most lines: nothing below matches
            self._put(number, row, Kind.TEXT)
        elif _EMPTY_HEADING.match(row) or _TOC_LINE.match(row) or _INDEX_LINK.match(row):
            self._put(number, "", Kind.BLANK)
        elif len(stripped) < 200 and _RULE.match(row):
            self._setext(number, stripped)
        elif heading := self._heading(at, row):
            level = len(heading[1] or heading[3])
            title = (heading[2] or heading[4]).strip()
            if title.endswith("#"):
                title = title.rstrip("#").rstrip() or title
            self._put(number, title, Kind.HEADING, level)
        elif stripped[0] == ">":
            self._put(number, row, Kind.QUOTE)
        elif stripped[0] == "|":
            self._put(number, row, Kind.TABLE)
        else:
            self._put(number, row, Kind.TEXT)

    def _heading(self, at: int, row: str) -> re.Match[str] | None:
        found = _HEADING.match(row)
        # "# drain the node" above a command is a shell comment, not a title.
        if found and len(found[1] or found[3]) == 1 and at + 1 < len(self.rows) and _COMMAND.match(self.rows[at + 1]):
            return None
        return found

    def _setext(self, number: int, rule: str) -> None:
        """A rule is a separator, unless it underlines a title."""
        lines = self.lines
        alone = len(lines) == 1 or (len(lines) > 1 and lines[-2].kind is Kind.BLANK)
        if rule[0] == "=" and lines and lines[-1].kind is Kind.TEXT and alone:
            lines[-1] = Line(lines[-1].number, lines[-1].text.strip(), Kind.HEADING, 1)
        self._put(number, "", Kind.BLANK)

    def _put(self, number: int, text: str, kind: Kind, level: int = 0) -> None:
        self.lines.append(Line(number, text, kind, level))


def _alt(alt: str) -> str:
    return "" if _DULL_ALT.match(alt) else f"[{alt.strip()}]"


def _kept_code(match: re.Match[str]) -> str:
    return match[1] or ""


def _last(rows: list[str], test: Callable[[str], bool]) -> int:
    return max((at for at, row in enumerate(rows) if test(row)), default=-1)
