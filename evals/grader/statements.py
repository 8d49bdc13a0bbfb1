"""Statements about key points, right, half right and wrong, and replies made up of them.

Two collections, each with some texts for every key point of an item, in each language.
`statements/`: two right ways to say the point, one half right, and two wrong ones, the
first of which is the first right one with one thing turned false. `exchanged/`: a right
sentence about two terms of the item, the same with the two exchanged, a right note and a
wrong note. Written and labelled by reading; what is known of each statement is known
of any reply that they make up.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.grader.data import CORPUS, by_line
from evals.grader.pairs import Pair, joined, one_hot
from tutor.corpus import Item, read

FOLDER = Path(__file__).parent / "statements"
EXCHANGED_FOLDER = Path(__file__).parent / "exchanged"
SECOND = Path(__file__).parent / "second_statements.jsonl"
EXCHANGED_SECOND = Path(__file__).parent / "second_exchanged.jsonl"
HALVES = 0.1
"""Share of the points of a reply that are said half."""
BETWEEN = {"zh": ("。", "。", "，", "；", "\n"), "en": (". ", ". ", "; ", ".\n")}
"""What stands between the statements of a reply."""


@dataclass(frozen=True)
class Kinds:
    """What each of a point's texts says of it, and for each wrong one the right one that it resembles."""

    verdicts: tuple[str, ...]
    twins: Mapping[int, int]

    @property
    def right(self) -> list[int]:
        return list(self.twins.values())


TOLD = Kinds(("hit", "hit", "partial", "contradicted", "contradicted"), {3: 0, 4: 1})
HALF = TOLD.verdicts.index("partial")
EXCHANGED = Kinds(("hit", "contradicted", "hit", "contradicted"), {1: 0, 3: 2})
SAID, SWAPPED, NOTED, NOTED_WRONG = range(4)
"""The texts of `EXCHANGED`. Where the exchange makes nothing false, SWAPPED is empty."""


@dataclass(frozen=True)
class Statements:
    """`points` has for each key point of the item a text of every kind."""

    item: str
    lang: str
    points: tuple[tuple[str, ...], ...]
    kinds: Kinds = TOLD


def load(folder: Path = FOLDER) -> list[Statements]:
    """All statements, by file and line. Raises `ValueError` naming the line that is wrong."""
    return by_line(folder, _statements)


def load_exchanged(folder: Path = EXCHANGED_FOLDER) -> list[Statements]:
    """As `load`, of the other collection."""
    return by_line(folder, lambda row: _statements(row, EXCHANGED))


def _statements(row: dict, kinds: Kinds = TOLD) -> Statements:
    one = Statements(row["item"], row["lang"], tuple(tuple(texts) for texts in row["points"]), kinds)
    count = len(kinds.verdicts)
    if any(len(texts) != count or len(set(texts)) != count for texts in one.points):
        raise ValueError(f"{count} different texts are wanted for each point")
    if any(not text for texts in one.points for n, text in enumerate(texts) if kinds is TOLD or n != SWAPPED):
        raise ValueError("a text is empty")
    return one


def problems(banks: Sequence[Statements], items: Mapping[str, Item]) -> list[str]:
    """What is wrong with the statements, one line each."""
    found = []
    for bank in banks:
        item = items.get(bank.item)
        if item is None:
            found.append(f"statements: no item {bank.item!r}")
        elif len(bank.points) != len(item.points):
            found.append(f"statements: {bank.item} ({bank.lang}): {len(bank.points)} points, {len(item.points)} in the item")
    return found


def alone(banks: Sequence[Statements], items: Mapping[str, Item], draw: random.Random) -> list[Pair]:
    """Each statement by itself, beside its point; a wrong one is the twin of the right one that it resembles."""
    found = []
    for bank in banks:
        item = items[bank.item]
        for number, texts in enumerate(bank.points):
            for kind, text in _told(texts):
                name = f"{bank.item} {bank.lang} {len(bank.kinds.verdicts)} alone"
                twin = (f"{name} {bank.kinds.twins[kind]}", number) if kind in bank.kinds.twins else None
                asked = item.question[bank.lang] if draw.random() < 0.7 else ""
                found.append(Pair(
                    text, asked, item.points[number].text[bank.lang], one_hot(bank.kinds.verdicts[kind]), bank.item,
                    ((0, len(text)),), (f"{name} {kind}", number), twin,
                ))
    return found


def abroad(banks: Sequence[Statements], items: Mapping[str, Item], share: float, draw: random.Random) -> list[Pair]:
    """Some statements beside another point of their item, of which they say nothing, or their own in the other language."""
    found = []
    for bank in banks:
        item, other = items[bank.item], "en" if bank.lang == "zh" else "zh"
        for number, texts in enumerate(bank.points):
            for kind, text in _told(texts):
                if draw.random() >= share:
                    continue
                if draw.random() < 0.35 or len(item.points) < 2:
                    found.append(Pair(
                        text, item.question[other], item.points[number].text[other], one_hot(bank.kinds.verdicts[kind]),
                        bank.item, ((0, len(text)),), weight=0.5,
                    ))
                else:
                    point = item.points[draw.choice([n for n in range(len(item.points)) if n != number])]
                    found.append(Pair(
                        text, item.question[bank.lang], point.text[bank.lang], one_hot("missed"), bank.item, (), weight=0.5,
                    ))
    return found


def replies(banks: Sequence[Statements], items: Mapping[str, Item], each: int, draw: random.Random) -> list[Pair]:
    """Replies of several statements, `each` of every item and language, beside its points."""
    return [pair for bank in banks for n in range(each) for pair in _reply(bank, items[bank.item], n, draw)]


def _told(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    return ((kind, text) for kind, text in enumerate(texts) if text)


def _reply(bank: Statements, item: Item, number: int, draw: random.Random) -> Iterator[Pair]:
    count = len(bank.points)
    told = draw.sample(range(count), draw.randint(min(2, count), count))
    if draw.random() < 0.5:
        told.sort()
    kinds, falsified = (_mixed if bank.kinds is TOLD else _throughout)(bank, told, draw)
    name = f"{bank.item} {bank.lang} {len(bank.kinds.verdicts)} reply {number}"
    between = draw.choice(BETWEEN[bank.lang])
    text, spans = _joined([bank.points[n][kinds[n]] for n in told], bank.lang, between)
    twin = None
    if falsified is not None:
        whole = bank.kinds is EXCHANGED and kinds[falsified] == SWAPPED
        mended = told if whole else [falsified]
        better = {n: bank.kinds.twins.get(kind, kind) if n in mended else kind for n, kind in kinds.items()}
        other, places = _joined([bank.points[n][better[n]] for n in told], bank.lang, between)
        twin = f"{name} mended", falsified
        yield _pair(bank, item, other, places[told.index(falsified)], falsified, "hit", twin, None)
    for point in range(count):
        if point in kinds:
            span = spans[told.index(point)]
            yield _pair(
                bank, item, text, span, point, bank.kinds.verdicts[kinds[point]], (name, point),
                twin if point == falsified else None,
            )
        else:
            yield _pair(bank, item, text, None, point, "missed", (name, point), None)


def _mixed(bank: Statements, told: Sequence[int], draw: random.Random) -> tuple[dict[int, int], int | None]:
    """The kind of text for each point that is told, and the point whose wrong text gets a mended twin."""
    wrong = draw.choice((0.0, 0.0, 0.5, 1.0)) if draw.random() < 0.65 else None
    falsified = draw.choice(told) if wrong is None else None
    kinds = {
        n: HALF if draw.random() < HALVES
        else draw.choice(list(TOLD.twins) if n == falsified or draw.random() < (wrong or 0.0) else TOLD.right)
        for n in told
    }
    return kinds, falsified if falsified is not None and kinds[falsified] in TOLD.twins else None


def _throughout(bank: Statements, told: Sequence[int], draw: random.Random) -> tuple[dict[int, int], int | None]:
    """The same for a reply whose two terms are exchanged all through, that is right, or that is in notes."""
    style = draw.choice(("swapped", "swapped", "said", "noted", "noted", "one wrong"))
    if style == "swapped":
        kinds = {n: SWAPPED if bank.points[n][SWAPPED] else SAID for n in told}
        changed = [n for n, kind in kinds.items() if kind == SWAPPED]
        return kinds, draw.choice(changed) if changed else None
    if style == "said":
        return dict.fromkeys(told, SAID), None
    kinds = {n: draw.choice((NOTED, NOTED, NOTED, SAID)) for n in told}
    if style == "noted":
        return kinds, None
    falsified = draw.choice(told)
    return kinds | {falsified: NOTED_WRONG}, falsified


def _pair(
    bank: Statements, item: Item, text: str, span: tuple[int, int] | None, point: int, verdict: str,
    key: tuple[str, int], twin: tuple[str, int] | None,
) -> Pair:
    return Pair(
        text, item.question[bank.lang], item.points[point].text[bank.lang], one_hot(verdict), bank.item,
        (span,) if span else (), key, twin,
    )


def _joined(parts: Sequence[str], lang: str, between: str) -> tuple[str, list[tuple[int, int]]]:
    text, spans = joined([part.rstrip("。.；;，,") for part in parts], between)
    return text + ("。" if lang == "zh" else "."), spans


def second_reading(banks: Sequence[Statements], path: Path) -> dict:
    """How far a second reader, who saw no labels, agrees on the statements of the file (300 of them)."""
    known = {(bank.item, bank.lang): bank for bank in banks}
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    same = 0
    for row in rows:
        item, lang, number, kind = row["statement"].split()
        bank = known[item, lang]
        assert int(number) < len(bank.points)
        same += bank.kinds.verdicts[int(kind)] == row["verdict"]
    return {"statements": len(rows), "same": round(same / len(rows), 3)}


def main() -> int:
    items = {item.id: item for item in read(CORPUS).items}
    found = []
    for banks, second in ((load(), SECOND), (load_exchanged(), EXCHANGED_SECOND)):
        found += problems(banks, items)
        count = sum(bool(text) for bank in banks for texts in bank.points for text in texts)
        print(f"{count} statements on {len({bank.item for bank in banks})} items", file=sys.stderr)
        print(f"second reading: {second_reading(banks, second)}", file=sys.stderr)
    print("\n".join(found))
    print(f"{len(found)} problems", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
