"""Which headings are questions, which are sections, and which are part of an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tutor.corpus.notes.flat import Mark, Marks, Role, flat_marks, restates, sub_marks
from tutor.corpus.notes.lines import Kind, Line
from tutor.corpus.notes.markers import Marker, read_marker
from tutor.corpus.notes.text import normalise

_STRUCTURE = re.compile(
    r"^(?:目录|参考(?:资料|文献|链接|文章)?|参考|前言|序言?|引言|后记|结语|总结|小结|致谢|更新(?:日志|记录)?|修订记录|版权.{0,6}|附录.{0,10}|关于.{0,12}"
    r"|table of contents|contents|toc|references?|links?|further reading|resources|about|license|contributing|changelog"
    r"|introduction|preface|summary|conclusion)$",
    re.IGNORECASE,
)
_TITLE = re.compile(r"面试题|面试$|笔记|整理|汇总|题库|interview|q\s?&\s?a|cheat ?sheet", re.IGNORECASE)


@dataclass
class Node:
    """A heading: its line, its marker, where its own text ends, and the headings under it."""

    at: int
    level: int
    marker: Marker
    raw: str
    body_end: int = 0
    has_body: bool = False
    kids: list[Node] = field(default_factory=list)


def heading_marks(lines: Sequence[Line]) -> Marks:
    """The marks of a whole text, by its headings and, inside sections, by `flat_marks`."""
    roots, nodes = _tree(lines)
    if not nodes:
        return flat_marks(lines, 0, len(lines))
    marks = flat_marks(lines, 0, nodes[0].at)
    _Outline(lines, nodes, marks).place(roots)
    return marks


def _tree(lines: Sequence[Line]) -> tuple[list[Node], list[Node]]:
    nodes = [
        Node(at, line.level, read_marker(line.text, heading=True), line.text)
        for at, line in enumerate(lines)
        if line.kind is Kind.HEADING
    ]
    roots: list[Node] = []
    stack: list[Node] = []
    for k, node in enumerate(nodes):
        node.body_end = nodes[k + 1].at if k + 1 < len(nodes) else len(lines)
        node.has_body = any(line.kind is not Kind.BLANK for line in lines[node.at + 1 : node.body_end])
        while stack and stack[-1].level >= node.level:
            stack.pop()
        (stack[-1].kids if stack else roots).append(node)
        stack.append(node)
    return roots, nodes


class _Outline:
    def __init__(self, lines: Sequence[Line], nodes: list[Node], marks: Marks) -> None:
        self.lines = lines
        self.marks = marks
        self.only = len(nodes) == 1
        self.counted: set[int] = set()  # levels whose numbers count questions
        self.asked: set[int] = set()  # levels where questions are asked
        self.alone: set[int] = set()
        for level in {node.level for node in nodes}:
            here = [node for node in nodes if node.level == level]
            numbered = [node for node in here if node.marker.number is not None]
            asks = sum(node.marker.strength == 2 for node in numbered)
            topics = sum(node.marker.strength > 0 for node in numbered)
            if numbered and (
                asks >= 0.4 * len(numbered) or (asks >= 0.15 * len(numbered) and topics >= 0.6 * len(numbered))
            ):
                self.counted.add(level)
            if sum(node.marker.strength == 2 for node in here) >= 0.3 * len(here):
                self.asked.add(level)
            if len(here) == 1 and level == min(node.level for node in nodes):
                self.alone.add(level)

    def place(self, nodes: list[Node]) -> None:
        """Mark these siblings and what is under them."""
        previous: Node | None = None
        for node in nodes:
            inner = self._inner(node)
            role = self._role(node, inner, previous)
            if role == "part":
                self._inside(node, node)
                continue
            previous = node if role in ("question", "topic") else None
            if previous:
                self.marks[node.at] = Mark(Role.QUESTION, node.marker.title, node.marker.rest)
                self.marks.update(sub_marks(self.lines, node.at + 1, node.body_end, node.marker.title))
            else:
                self.marks[node.at] = Mark(Role.SECTION)
                self.marks.update(inner)
            if role == "question":
                self._inside(node, node)
            else:
                self.place(node.kids)

    def _asks(self, node: Node) -> bool:
        marker = node.marker
        return marker.strength == 2 or (marker.number is not None and node.level in self.counted)

    def _inner(self, node: Node) -> Marks:
        """The questions in the heading's own text, where that text is made of them."""
        if not node.has_body:
            return {}
        inner = flat_marks(self.lines, node.at + 1, node.body_end)
        questions = [at for at, mark in inner.items() if mark.role is Role.QUESTION]
        if not questions:
            return {}
        between = self.lines[node.at + 1 : questions[0]]
        opens = all(line.kind is Kind.BLANK for line in between)
        if self._asks(node):
            ends = sum(read_marker(self.lines[at].text).ends_asking for at in questions)
            whole = opens and len(questions) >= 3 and ends >= 0.8 * len(questions)
            return inner if whole and not node.marker.ends_asking else {}
        return inner if opens or len(questions) >= 2 else {}

    def _role(self, node: Node, inner: Marks, previous: Node | None) -> str:
        title, marker = node.marker.title, node.marker
        if not normalise(title) or _STRUCTURE.match(title) or inner:
            return "section"
        if self._asks(node):
            asking_kids = sum(kid.marker.strength == 2 for kid in node.kids)
            if node.kids and not node.has_body and len(node.kids) >= 2 and asking_kids >= 0.6 * len(node.kids):
                return "section"
            return "question"
        kids_ask = any(self._asks(kid) for kid in node.kids)
        if _TITLE.search(title) and (node.kids or marker.strength == 0):
            return "section"
        if _is_prose(node):
            return "part" if previous and not kids_ask else "section"
        if previous and marker.number is not None and previous.marker.number is None and self._asks(previous):
            return "part"  # a count that starts under a question counts what answers it
        if node.kids:
            if not node.has_body or node.level in self.alone:
                return "section"
            return "question" if marker.strength and not kids_ask else "topic"
        if not node.has_body:
            named = marker.strength > 0 or marker.number is not None
            return "question" if named and node.level in self.asked else "section"
        if self.only and not marker.strength:
            return "section"
        return "question"

    def _inside(self, node: Node, question: Node) -> None:
        """Mark what interrupts the answer of `question` among the headings under `node`.

        A heading that asks outright does. So does one with a number that
        continues no count of the answer: it was pasted from another list.
        """
        counting = interrupted = False
        for kid in node.kids:
            marker = kid.marker
            asks = marker.ends_asking and len(normalise(marker.title)) >= 8
            pasted = marker.number is not None and marker.number > 1 and not counting and len(marker.title) >= 6
            counting = counting or (marker.number is not None and marker.number <= 1)
            if (asks or (pasted and marker.family != "multi")) and not restates(marker.title, question.marker.title):
                self.marks[kid.at] = Mark(Role.SUB, marker.title, marker.rest)
                interrupted = True
            else:
                if interrupted:
                    self.marks[kid.at] = Mark(Role.RESUME)
                    interrupted = False
                found = sub_marks(self.lines, kid.at + 1, kid.body_end, question.marker.title)
                self.marks.update(found)
                interrupted = interrupted or bool(found)
                self._inside(kid, question)


def _is_prose(node: Node) -> bool:
    return node.raw.rstrip("* ").endswith(("。", "；", "，", "：", ":", ";", ",")) or len(node.marker.title) > 45
