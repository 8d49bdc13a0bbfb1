"""Questions in text without headings: found by how the notes themselves mark them.

Notes don't agree on a mark, and use the question's mark inside answers too
("1、" above all). So each way of marking is judged as a whole: it marks
questions where enough of what it marks asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from tutor.corpus.notes.lines import Kind, Line
from tutor.corpus.notes.markers import Marker, answers, is_link, read_marker
from tutor.corpus.notes.text import asking, normalise


class Role(Enum):
    """What a line begins.

    A `SUB` question interrupts the answer that it stands in; `RESUME` goes back
    to that answer, with this line. A `SECTION` ends an answer and begins none.
    """

    QUESTION = "question"
    SUB = "sub"
    RESUME = "resume"
    SECTION = "section"


@dataclass(frozen=True)
class Mark:
    """A line that begins something: the title it announces, and what it already answers.

    `listed` is a question from a list, `explicit` one that is a question by its
    very mark (`Q:`, `<summary>`), whatever it says.
    """

    role: Role
    title: str = ""
    rest: str = ""
    listed: bool = False
    explicit: bool = False


Marks = dict[int, Mark]

_NUMBERS = ("comma", "dot", "paren", "round", "multi", "space", "cn", "cnround")
_SECTION_TITLE = re.compile(
    r"篇|部分|章|题|进阶|高级|中级|初级|基础|拓展|扩展|其他|实践|综合|interview|question|basic|advanced", re.IGNORECASE
)
_CONNECTIVE = re.compile(
    r"^(?:那|所以|但|然后|可是|不过|这|于是|而|因此|又|其中|此时|so\b|but\b|then\b|and\b|now\b)", re.IGNORECASE
)
_QUESTION_COLUMN = re.compile(r"^\**(?:问题?|题目|面试题|questions?|q)\**$", re.IGNORECASE)
_ANSWER_COLUMN = re.compile(r"^\**(?:答案?|回答|解答|参考答案|answers?|a)\**$", re.IGNORECASE)
_LOOKAHEAD = 30


class Entry(NamedTuple):
    """A line of prose with its marker and its surroundings."""

    at: int
    marker: Marker
    after_blank: bool
    following: int | None
    answered: bool

    @property
    def strength(self) -> int:
        return self.marker.strength


def flat_marks(lines: Sequence[Line], start: int, end: int) -> Marks:
    """The questions (and the sections between them) of `lines[start:end]`."""
    entries = _entries(lines, start, end)
    marks: Marks = {}
    for entry in entries:
        if entry.marker.family in ("ask", "summary") or (entry.answered and _may_title(entry)):
            marks[entry.at] = _question(entry)
    marks.update(_numbered(entries))
    marks.update(_bold(entries, marks))
    marks.update(_bulleted(lines, entries, marks))
    marks.update(_unmarked(lines, entries, marks))
    marks.update(_tabled(lines, start, end))
    return _sections(entries, marks)


def sub_marks(lines: Sequence[Line], start: int, end: int, title: str) -> Marks:
    """The questions that interrupt the answer to `title`: bold, numbered and asking, or `Q:`."""
    marks: Marks = {}
    for entry in _entries(lines, start, end):
        marker = entry.marker
        numbered = marker.bold and marker.number is not None and not marker.bullet
        explicit = marker.family in ("ask", "summary")
        asks = marker.ends_asking and len(normalise(marker.title)) >= 8
        if explicit or (numbered and asks and not restates(marker.title, title)):
            marks[entry.at] = Mark(Role.SUB, marker.title, marker.rest)
        elif numbered and marks:
            marks[entry.at] = Mark(Role.RESUME)
    return marks


def restates(title: str, parent: str) -> bool:
    """Whether a clause of `title` has just the words of one of `parent`, in any order."""

    def clauses(text: str) -> set[str]:
        parts = (normalise(part) for part in re.split(r"[，,。.？?；;！!：:]", text))
        return {"".join(sorted(part)) for part in parts if len(part) >= 4}

    return bool(clauses(title) & clauses(parent))


def _entries(lines: Sequence[Line], start: int, end: int) -> list[Entry]:
    entries: list[Entry] = []
    following: int | None = None
    for at in range(end - 1, start - 1, -1):
        line = lines[at]
        if line.kind in (Kind.TEXT, Kind.SUMMARY):
            if line.kind is Kind.SUMMARY:
                inner = read_marker(line.text)
                marker = Marker("summary", 0, inner.title, inner.rest)
            else:
                marker = read_marker(line.text)
            after_blank = at == start or lines[at - 1].kind is not Kind.TEXT
            answered = following is not None and answers(lines[following].text, bare=True) and following - at <= 2
            entries.append(Entry(at, marker, after_blank, following, answered and not answers(line.text)))
        if line.kind is not Kind.BLANK:
            following = at
    entries.reverse()
    return entries


def _may_title(entry: Entry) -> bool:
    title = entry.marker.title
    return bool(normalise(title)) and (entry.strength > 0 or (len(title) <= 80 and not title.endswith(("。", "；", ";"))))


def _question(entry: Entry, *, listed: bool = False) -> Mark:
    explicit = entry.marker.family in ("ask", "summary") or entry.answered
    return Mark(Role.QUESTION, entry.marker.title, entry.marker.rest, listed, explicit)


def _numbered(entries: list[Entry]) -> Marks:
    marks: Marks = {}
    plain = [e for e in entries if e.marker.number is not None and not e.marker.bullet and e.marker.indent <= 3]
    starts = {e.at for e in plain if e.marker.family not in ("cn", "cnround") and e.marker.number == 1}
    resets = [e.at for e in plain if e.marker.family in ("cn", "cnround") and e.following in starts]
    for bold in (True, False):
        for family in _NUMBERS:
            own = [e for e in plain if (e.marker.family, e.marker.bold) == (family, bold)]
            if not own:
                continue
            if family != "space":
                own = [e for e in plain if e.marker.bold == bold and e.marker.family in (family, "space")]
            chain = _chain(own, [] if family.startswith("cn") else resets, family)
            if _asks_as_a_whole(chain):
                marks.update({e.at: _question(e, listed=True) for e in chain})
    return marks


def _chain(entries: list[Entry], resets: list[int], family: str) -> list[Entry]:
    """Those numbers that count questions, without the ones that count inside an answer."""
    chain: list[Entry] = []
    expected = nested = 0
    reset = 0
    for k, entry in enumerate(entries):
        number = entry.marker.number or 0
        while reset < len(resets) and resets[reset] < entry.at:
            expected = nested = 0
            reset += 1
        if family != "space" and entry.marker.family == "space":
            taken = expected > 1 and number == expected
        elif not expected:
            taken = number <= 1 or entry.strength > 0
        elif number == expected:
            taken = nested != number or entry.marker.ends_asking or not _comes_again(entries, k)
        elif entry.marker.ends_asking or entry.answered:
            taken = True
        elif number == 1:
            nested, taken = 2, False
        elif number == nested:
            nested, taken = nested + 1, False
        else:  # a number misprinted or left out
            taken = not nested and entry.strength > 0 and abs(number - expected) <= 1
        if taken:
            chain.append(entry)
            expected, nested = number + 1, 0
        elif number == nested == expected:
            nested += 1
    return chain


def _comes_again(entries: list[Entry], k: int) -> bool:
    """Whether the number of `entries[k]` comes again before a count restarts."""
    for later in entries[k + 1 : k + 1 + _LOOKAHEAD]:
        if later.marker.number == entries[k].marker.number:
            return True
        if later.marker.number == 1:
            return False
    return False


def _asks_as_a_whole(chain: list[Entry]) -> bool:
    if not chain:
        return False
    ats = {entry.at for entry in chain}
    size = len(chain)
    if sum(entry.answered for entry in chain) * 2 >= size:
        return True
    bodied = sum((e.following is not None and e.following not in ats) or bool(e.marker.rest) for e in chain) / size
    asks = sum(e.strength == 2 for e in chain) / size
    topics = sum(e.strength > 0 for e in chain) / size
    if size == 1:
        return chain[0].marker.ends_asking and bodied > 0
    return asks >= 0.6 or (asks >= 0.4 and bodied >= 0.3) or (asks >= 0.2 and topics >= 0.5 and bodied >= 0.6)


def _bold(entries: list[Entry], marks: Marks) -> Marks:
    bold = [e for e in entries if e.marker.family == "bold" and e.marker.indent <= 1 and e.at not in marks]
    asking_ones = [e for e in bold if e.strength == 2]
    if marks:
        asking_ones = [e for e in asking_ones if e.marker.ends_asking and len(normalise(e.marker.title)) >= 8]
    elif not asking_ones or len(asking_ones) * 2 < len(bold):
        return {}
    return {e.at: _question(e) for e in asking_ones}


def _bulleted(lines: Sequence[Line], entries: list[Entry], marks: Marks) -> Marks:
    found: Marks = {}
    groups = _groups(lines, [e for e in entries if e.marker.bullet and not is_link(lines[e.at].text)])
    heads = {e.at for group in groups for e in group}
    bodied = [e for g in groups for e in g if e.marker.rest or (e.following is not None and e.following not in heads)]
    asking_ones = sum(e.strength == 2 or e.at in marks for e in bodied)
    # A bullet that `答：` follows tells of the bullets; any other mark makes them answers.
    first = min((at for at in marks if at not in heads), default=None)
    style = (
        first is None
        and asking_ones >= 1
        and asking_ones * 2 >= len(bodied)
        and (asking_ones >= 2 or (bodied[0].strength == 2 and bodied[0].after_blank))
    )
    bodied_ats = {e.at for e in bodied}
    for group in groups:
        if _led_by_question(lines, group[0].at):
            continue
        size, asks = len(group), sum(e.strength == 2 for e in group)
        topics = sum(e.strength > 0 for e in group)
        listed = size >= 2 and (asks >= 0.6 * size or (size >= 3 and asks >= 0.35 * size and topics >= 0.7 * size))
        if first is not None and group[0].at > first:
            title = _section_title(lines, group)
            if title is not None and listed:
                found[title] = Mark(Role.SECTION)
                found.update({e.at: _question(e, listed=True) for e in group})
            continue
        for e in group:
            titled = e.strength > 0 or e.marker.number is not None or (e.after_blank and _short_title(e.marker.title))
            if listed or (style and (e.strength == 2 or (e.at in bodied_ats and titled))):
                found[e.at] = _question(e, listed=True)
    return found


def _led_by_question(lines: Sequence[Line], at: int) -> bool:
    """Whether the paragraph before is a question without a mark: then what follows answers it."""
    at -= 1
    while at >= 0 and lines[at].kind is Kind.BLANK:
        at -= 1
    marker = read_marker(lines[at].text) if at >= 0 and lines[at].kind is Kind.TEXT else None
    return marker is not None and not marker.family and marker.indent <= 1 and marker.ends_asking


def _short_title(title: str) -> bool:
    return len(title) <= 40 and not re.search(r"[。；;：:，,]", title)


def _groups(lines: Sequence[Line], bullets: list[Entry]) -> list[list[Entry]]:
    """Runs of sibling bullets; what is indented deeper belongs to the bullet above it."""
    groups: list[list[Entry]] = []
    last = -1
    for entry in bullets:
        group = groups[-1] if groups else None
        indent = group[0].marker.indent if group else 0
        broken = group is None or any(
            lines[at].kind is not Kind.BLANK and lines[at].kind is not Kind.CODE and _indent(lines[at]) <= indent
            for at in range(last + 1, entry.at)
        )
        if not broken and entry.marker.indent > indent:
            continue  # nested; `last` stays, so the lines between are looked at once more at most
        if group is None or broken or entry.marker.indent < indent:
            groups.append([entry])
        else:
            group.append(entry)
        last = entry.at
    return groups


def _indent(line: Line) -> int:
    return len(line.text.expandtabs(4)) - len(line.text.expandtabs(4).lstrip())


def _section_title(lines: Sequence[Line], group: list[Entry]) -> int | None:
    """The line of a title that opens a section of listed questions amid answers."""
    seen, at = 0, group[0].at - 1
    while at > 0 and seen < 2 and group[0].at - at < 12:
        line = lines[at]
        if line.kind not in (Kind.TEXT, Kind.BLANK):
            return None
        text = line.text.strip()
        if text:
            seen += 1
            short = len(normalise(text)) <= 12 and not text.endswith(("。", "；", "，", "：", ":", ";", ","))
            alone = lines[at - 1].kind is Kind.BLANK and lines[at + 1].kind is Kind.BLANK
            if short and alone and asking(text) < 2 and not read_marker(text).bullet:
                asks = sum(e.strength == 2 for e in group)
                long = sum(len(normalise(e.marker.title)) for e in group) >= 10 * len(group)
                if _SECTION_TITLE.search(text) and len(group) >= 3:
                    return at
                return at if len(group) >= 4 and asks >= 0.8 * len(group) and long else None
        at -= 1
    return None


def _unmarked(lines: Sequence[Line], entries: list[Entry], marks: Marks) -> Marks:
    """Paragraphs that open with a question of their own, marked by nothing else."""
    found: Marks = {}
    for entry in entries:
        marker = entry.marker
        if marker.family or marker.indent > 1 or not entry.after_blank or entry.at in marks:
            continue
        size = len(normalise(marker.title))
        if not 4 <= size <= 200 or _CONNECTIVE.match(marker.title) or answers(lines[entry.at].text, bare=True):
            continue
        if entry.following is None and not marker.rest and marks:
            continue
        adjoining = entry.following == entry.at + 1 or bool(marker.rest)
        if marker.ends_asking:
            if (size >= 8 and (adjoining or not marks)) or not marks:
                found[entry.at] = _question(entry)
        elif not marks and entry.strength == 2 and size <= 40 and not re.search(r"[。；;：:]|\.\s", marker.title):
            found[entry.at] = _question(entry)
    return found


def _sections(entries: list[Entry], marks: Marks) -> Marks:
    """The marks, with titles that have nothing under them but questions turned into sections."""
    markers = {entry.at: entry.marker for entry in entries}
    titles = [e for e in entries if e.marker.family in ("cn", "cnround")]
    over = []
    for e in titles:
        below = markers.get(e.following) if e.following in marks else None
        if below and below.family != e.marker.family and (below.number or 1) == 1 and not e.marker.ends_asking:
            over.append(e)
    if len(over) * 2 >= len(titles):
        marks = marks | {e.at: Mark(Role.SECTION) for e in over}
    return dict(sorted(marks.items()))


def _tabled(lines: Sequence[Line], start: int, end: int) -> Marks:
    """The rows of tables whose header says that they hold questions and answers."""
    marks: Marks = {}
    columns: tuple[int, int] | None = None
    for at in range(start, end):
        if lines[at].kind is not Kind.TABLE:
            columns = None
            continue
        cells = [cell.strip() for cell in lines[at].text.strip().strip("|").split("|")]
        if at == start or lines[at - 1].kind is not Kind.TABLE:
            asks = [k for k, cell in enumerate(cells) if _QUESTION_COLUMN.match(cell)]
            tells = [k for k, cell in enumerate(cells) if _ANSWER_COLUMN.match(cell)]
            columns = (asks[0], tells[0]) if asks and tells else None
        elif columns and max(columns) < len(cells) and normalise(cells[columns[0]]):
            marks[at] = Mark(
                Role.QUESTION, read_marker(cells[columns[0]], heading=True).title, cells[columns[1]], explicit=True
            )
    return marks
