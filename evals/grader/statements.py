"""Statements about key points, right, half right and wrong, and replies made up of them.

For every key point of an item, in each language: two right ways to say it, one
half right, and two wrong ones, the first of which is the first right one with one
thing turned false. Written and labelled by reading; what is known of each
statement is known of any reply that they make up.
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
SECOND = Path(__file__).parent / "second_statements.jsonl"
VERDICT = ("hit", "hit", "partial", "contradicted", "contradicted")
"""What each of a point's statements says of it."""
RIGHT, HALF, WRONG = (0, 1), 2, (3, 4)
HALVES = 0.1
"""Share of the points of a reply that are said half."""
BETWEEN = {"zh": ("。", "。", "，", "；", "\n"), "en": (". ", ". ", "; ", ".\n")}
"""What stands between the statements of a reply."""


@dataclass(frozen=True)
class Statements:
    """`points` has five texts for each key point of the item, in the order of `VERDICT`."""

    item: str
    lang: str
    points: tuple[tuple[str, ...], ...]


def load(folder: Path = FOLDER) -> list[Statements]:
    """All statements, by file and line. Raises `ValueError` naming the line that is wrong."""
    return by_line(folder, _statements)


def _statements(row: dict) -> Statements:
    one = Statements(row["item"], row["lang"], tuple(tuple(texts) for texts in row["points"]))
    if any(len(set(texts)) != len(VERDICT) or not all(texts) for texts in one.points):
        raise ValueError(f"{len(VERDICT)} different texts are wanted for each point")
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
            for kind, text in enumerate(texts):
                name = f"{bank.item} {bank.lang} alone"
                twin = (f"{name} {kind - 3}", number) if kind in WRONG else None
                asked = item.question[bank.lang] if draw.random() < 0.7 else ""
                found.append(Pair(
                    text, asked, item.points[number].text[bank.lang], one_hot(VERDICT[kind]), bank.item,
                    ((0, len(text)),), (f"{name} {kind}", number), twin,
                ))
    return found


def abroad(banks: Sequence[Statements], items: Mapping[str, Item], share: float, draw: random.Random) -> list[Pair]:
    """Some statements beside another point of their item, of which they say nothing, or their own in the other language."""
    found = []
    for bank in banks:
        item, other = items[bank.item], "en" if bank.lang == "zh" else "zh"
        for number, texts in enumerate(bank.points):
            for kind, text in enumerate(texts):
                if draw.random() >= share:
                    continue
                if draw.random() < 0.35 or len(item.points) < 2:
                    found.append(Pair(
                        text, item.question[other], item.points[number].text[other], one_hot(VERDICT[kind]),
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


def _reply(bank: Statements, item: Item, number: int, draw: random.Random) -> Iterator[Pair]:
    count = len(bank.points)
    told = draw.sample(range(count), draw.randint(min(2, count), count))
    if draw.random() < 0.5:
        told.sort()
    wrong = draw.choice((0.0, 0.0, 0.5, 1.0)) if draw.random() < 0.65 else None
    falsified = draw.choice(told) if wrong is None else -1
    kinds = {
        n: HALF if draw.random() < HALVES
        else draw.choice(WRONG if n == falsified or draw.random() < (wrong or 0.0) else RIGHT)
        for n in told
    }
    name = f"{bank.item} {bank.lang} reply {number}"
    between = draw.choice(BETWEEN[bank.lang])
    text, spans = _joined([bank.points[n][kinds[n]] for n in told], bank.lang, between)
    twin = None
    if falsified >= 0 and kinds[falsified] in WRONG:
        better = {**kinds, falsified: kinds[falsified] - 3}
        other, places = _joined([bank.points[n][better[n]] for n in told], bank.lang, between)
        twin = f"{name} mended", falsified
        yield _pair(bank, item, other, places[told.index(falsified)], falsified, "hit", twin, None)
    for point in range(count):
        if point in kinds:
            span = spans[told.index(point)]
            yield _pair(bank, item, text, span, point, VERDICT[kinds[point]], (name, point), twin if point == falsified else None)
        else:
            yield _pair(bank, item, text, None, point, "missed", (name, point), None)


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


def second_reading(banks: Sequence[Statements]) -> dict:
    """How far a second reader, who saw no labels, agrees on the statements of `second_statements.jsonl`."""
    known = {(bank.item, bank.lang): bank for bank in banks}
    rows = [json.loads(line) for line in SECOND.read_text("utf-8").splitlines()]
    same = 0
    for row in rows:
        item, lang, number, kind = row["statement"].split()
        assert int(number) < len(known[item, lang].points)
        same += VERDICT[int(kind)] == row["verdict"]
    return {"statements": len(rows), "same": round(same / len(rows), 3)}


def main() -> int:
    banks = load()
    found = problems(banks, {item.id: item for item in read(CORPUS).items})
    print("\n".join(found))
    count = sum(len(texts) for bank in banks for texts in bank.points)
    print(f"{count} statements on {len({bank.item for bank in banks})} items, {len(found)} problems", file=sys.stderr)
    print(f"second reading: {second_reading(banks)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
