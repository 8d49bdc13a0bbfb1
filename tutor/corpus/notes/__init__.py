"""Raw question-and-answer notes of any style, read as `Item`s.

    lines     what each line is: code, heading, table, prose, or nothing
    markers   how a line announces a question or an answer
    flat      questions in text without headings
    headings  questions among headings
    text      decoding, language, equality, what asks

Everything here is pure; whoever reads the files calls `decode` on their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from textwrap import dedent

from tutor.corpus.items import Item, Reading, Source
from tutor.corpus.notes.flat import Marks, Role
from tutor.corpus.notes.headings import heading_marks
from tutor.corpus.notes.lines import Kind, Line, scan
from tutor.corpus.notes.markers import answers, plain, strip_answer_mark
from tutor.corpus.notes.text import (
    asking,
    bigrams,
    covers,
    decode,
    digest,
    language,
    normalise,
    says_nothing,
    split_url,
)

__all__ = ["decode", "is_qa_notes", "parse_notes"]

_NOTES_WORDS = re.compile(r"面试|答[:：]|^\s*A[:：]|interview|Q\s?&\s?A", re.IGNORECASE | re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A\s{0,20}---[ \t]*\n(?:.*\n){0,60}?---[ \t]*(?:\n|\Z)")
_PAGE_KEY = re.compile(
    r"^(?:title|content_type|weight|linktitle|reviewers|slug|layout|menu|description|full-?link|id|api_metadata|no_list|aliases|math)\s*:",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass
class _Draft:
    line: int
    title: str
    listed: bool
    body: list[Line] = field(default_factory=list)
    parent: _Draft | None = None


def parse_notes(text: str, path: str) -> Reading:
    """The questions of `text`, each with its answer, in their order. Never raises.

    A question that the notes don't answer has `answer == {}`, unless the same
    file answers it elsewhere: then it is not repeated. An item's id depends on
    `path` without its suffix and the question, not on the answer.
    """
    lines, problems = scan(text, path)
    marks = heading_marks(lines)
    drafts = _without_index([_finished(draft) for draft in _split(lines, marks)])
    items: list[Item] = []
    seen: dict[str, int] = {}
    for line, question, answer in drafts:
        key = normalise(question)
        seen[key] = count = seen.get(key, 0) + 1
        again = () if count == 1 else (str(count),)
        items.append(
            Item(
                id=f"note-{digest(str(PurePath(path).with_suffix('')), key, *again)}",
                question={language(question): question},
                answer={language(answer): answer} if answer else {},
                source=Source(path, line),
                kind="note",
            )
        )
    return Reading(tuple(items), tuple(problems))


def is_qa_notes(text: str) -> bool:
    """Whether a text is notes of questions and answers; if not, read it as a document.

    A page with a site generator's front matter is a document. Else it is notes
    where what asks outweighs what merely titles a section.
    """
    head = _FRONT_MATTER.match(text[:20_000])
    if head and _PAGE_KEY.search(head.group()):
        return False
    lines, _ = scan(text, "")
    marks = heading_marks(lines)
    questions = [mark for mark in marks.values() if mark.role in (Role.QUESTION, Role.SUB)]
    strengths = [2 if mark.explicit else asking(mark.title) for mark in questions]
    asked, topics = strengths.count(2), strengths.count(1)
    hinted = bool(_NOTES_WORDS.search(text[:200_000]))
    if not asked:
        return False
    share = (asked + 0.5 * topics) / len(questions)
    return share >= (0.35 if hinted else 0.5) and (asked >= 2 or share >= 0.5)


def _split(lines: Sequence[Line], marks: Marks) -> list[_Draft]:
    drafts: list[_Draft] = []
    current: _Draft | None = None
    for at, line in enumerate(lines):
        mark = marks.get(at)
        role = mark.role if mark else None
        if mark and role in (Role.QUESTION, Role.SUB):
            parent = (current.parent or current) if current and role is Role.SUB else None
            current = _Draft(line.number, mark.title, mark.listed, parent=parent)
            drafts.append(current)
            if mark.rest:
                current.body.append(Line(line.number, mark.rest, Kind.TEXT))
            continue
        if role is Role.SECTION:
            current = None
        elif role is Role.RESUME and current and current.parent:
            current = current.parent
        if current is not None:
            current.body.append(line)
    return drafts


_Finished = tuple[int, str, str]


def _finished(draft: _Draft) -> list[_Finished]:
    """The questions (more than one where a list entry names several topics) of a draft."""
    title, url = split_url(draft.title)
    answer = _answer(draft.body)
    if says_nothing(answer):
        answer = ""
    if not normalise(title):
        return []
    if draft.listed and not answer and asking(title) < 2:
        parts = [part.strip(" 。.") for part in re.split(r"[，,；;]", title)]
        if len(parts) >= 4 and all(2 <= len(part) <= 30 for part in parts):
            return [(draft.line, part, "") for part in parts]
    if url and answer:
        answer = f"{url}\n\n{answer}"
    return [(draft.line, title.strip(), answer)]


def _answer(body: Sequence[Line]) -> str:
    """The lines as Markdown: no mark of an answer, no runs of blank lines, no common indent."""
    rows: list[str] = []
    for line in body:
        if line.kind is Kind.CODE:
            rows.append(line.text)
        elif line.kind is Kind.BLANK:
            if rows and rows[-1]:
                rows.append("")
        elif line.kind is Kind.HEADING:
            rows.append(f"{'#' * line.level} {line.text}")
        elif line.kind is Kind.SUMMARY:
            rows.append(f"**{line.text}**")
        elif not rows and answers(line.text, bare=True):
            rest = strip_answer_mark(line.text).strip()
            if rest:
                rows.append(rest)
        else:
            rows.append(line.text)
    text = "\n".join(rows).strip("\n")
    first, newline, rest = text.partition("\n")
    if first.strip() and rest and not rest[:1].isspace():
        text = f"{first.lstrip()}{newline}{rest}"  # "  答：…", then lines at the margin
    return dedent(text).strip()


def _without_index(drafts: Iterable[list[_Finished]]) -> list[_Finished]:
    """The questions without those that merely announce an answer given elsewhere in the file."""
    flat = [one for group in drafts for one in group]
    answered = _Known(question for _, question, answer in flat if answer)
    kept: list[_Finished] = []
    for line, question, answer in flat:
        if answer:
            rows = [plain(row.strip().lstrip("-*+• ")) for row in answer.splitlines()[:9] if row.strip()]
            announces = len(rows) <= 3 and answered.holds(question, times=2)
            if announces and all(answered.holds(row) for row in rows):
                continue
        elif answered.holds(question):
            continue
        kept.append((line, question, answer))
    return kept


class _Known:
    """Questions that can be asked for one that `covers` another, without comparing all to all."""

    _COMMON = 60

    def __init__(self, questions: Iterable[str]) -> None:
        self.count: dict[str, int] = {}
        self.by_bigram: dict[str, list[str]] = {}
        for question in questions:
            key = normalise(question)
            self.count[key] = self.count.get(key, 0) + 1
            if self.count[key] == 1 and len(key) <= 400:
                for pair in bigrams(key):
                    self.by_bigram.setdefault(pair, []).append(question)

    def holds(self, question: str, *, times: int = 1) -> bool:
        """Whether at least `times` of the questions, itself counted, cover `question`."""
        key = normalise(question)
        count = self.count.get(key, 0)
        if count >= times or not 0 < len(key) <= 400:
            return 0 < times <= count
        rare = sorted((p for p in bigrams(key) if p in self.by_bigram), key=lambda p: (len(self.by_bigram[p]), p))
        near = {other for pair in rare[:8] for other in self.by_bigram[pair][: self._COMMON]}
        return count + sum(normalise(other) != key and covers(other, question) for other in near) >= times
