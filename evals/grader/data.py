"""Replies with a verdict per key point, written and labelled by reading.

`python -m evals.grader.data` checks every file in `replies/` against the corpus.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tutor.corpus import Item, read

T = TypeVar("T")
FOLDER = Path(__file__).parent / "replies"
SECOND = Path(__file__).parent / "second.jsonl"
CORPUS = Path(__file__).parents[2] / "corpus"
VERDICTS = ("hit", "partial", "missed", "contradicted")
STYLES = (
    "paraphrase", "spoken", "half", "vague", "swapped", "reversed", "negated", "twin",
    "keywords", "other-question", "nonsense", "mixed",
)


@dataclass(frozen=True)
class Reply:
    """A reply to an item's question.

    `verdicts` has one entry per key point of the item, in its order. `quotes`
    maps the number of a point (from 0) to the words of the reply that decide it;
    every verdict but "missed" has one. `twin` is the id of the reply that this
    one equals but for one statement turned false. `score` is 0 to 10.
    """

    id: str
    item: str
    lang: str
    style: str
    text: str
    verdicts: tuple[str, ...]
    quotes: Mapping[int, str] = field(default_factory=dict)
    twin: str | None = None
    score: float = 0.0


def load(folder: Path = FOLDER) -> list[Reply]:
    """All replies, by file and line. Raises `ValueError` naming the line that is wrong."""
    return by_line(folder, _reply)


def _reply(row: dict) -> Reply:
    row["verdicts"] = tuple(row["verdicts"])
    row["quotes"] = {int(n): quote for n, quote in row.get("quotes", {}).items()}
    return Reply(**row)


def by_line(folder: Path, make: Callable[[dict], T]) -> list[T]:
    """What `make` makes of every line of the .jsonl files in a folder. Raises `ValueError` naming the line that is wrong."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            try:
                found.append(make(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path.name}:{number}: {error!r}") from error
    return found


def problems(replies: list[Reply], items: Mapping[str, Item]) -> list[str]:
    """What is wrong with the replies, one line each."""
    by_id = {reply.id: reply for reply in replies}
    found = [f"{i}: the id is taken" for i, n in Counter(r.id for r in replies).items() if n > 1]
    for reply in replies:
        item = items.get(reply.item)
        if item is None:
            found.append(f"{reply.id}: no item {reply.item!r}")
            continue
        if len(reply.verdicts) != len(item.points):
            found.append(f"{reply.id}: {len(reply.verdicts)} verdicts, {len(item.points)} points")
        if not set(reply.verdicts) <= set(VERDICTS):
            found.append(f"{reply.id}: a verdict is one of {VERDICTS}")
        if reply.style not in STYLES or reply.lang not in ("zh", "en"):
            found.append(f"{reply.id}: style {reply.style!r}, lang {reply.lang!r}")
        if not 0 <= reply.score <= 10:
            found.append(f"{reply.id}: score {reply.score}")
        decided = {n for n, verdict in enumerate(reply.verdicts) if verdict != "missed"}
        if decided != set(reply.quotes):
            found.append(f"{reply.id}: quotes for {sorted(reply.quotes)}, verdicts for {sorted(decided)}")
        found += [
            f"{reply.id}: not in the reply: {quote!r}"
            for quote in reply.quotes.values()
            if not quote.strip() or quote not in reply.text
        ]
        if (reply.style == "twin") != (reply.twin is not None):
            found.append(f"{reply.id}: a twin names its twin")
        if reply.twin is not None:
            other = by_id.get(reply.twin)
            if other is None or other.item != reply.item or other.lang != reply.lang:
                found.append(f"{reply.id}: no such reply of this item and language: {reply.twin!r}")
            elif other.verdicts == reply.verdicts:
                found.append(f"{reply.id}: same verdicts as its twin")
    return found


def second_reading(replies: list[Reply]) -> dict:
    """How far a second reader, who saw no labels, agrees on the pairs of `second.jsonl` (300 of them)."""
    from sklearn.metrics import cohen_kappa_score

    by_id = {reply.id: reply for reply in replies}
    first, second = [], []
    for row in map(json.loads, SECOND.read_text("utf-8").splitlines()):
        reply_id, number = row["pair"].split("#")
        first.append(by_id[reply_id].verdicts[int(number)])
        second.append(row["verdict"])
    same = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    return {"pairs": len(first), "same": round(same, 3), "kappa": round(float(cohen_kappa_score(first, second)), 3)}


def main() -> int:
    replies = load()
    items = {item.id: item for item in read(CORPUS).items}
    found = problems(replies, items)
    print("\n".join(found))
    pairs = Counter(verdict for reply in replies for verdict in reply.verdicts)
    styles = Counter(reply.style for reply in replies)
    print(f"{len(replies)} replies to {len({r.item for r in replies})} items, "
          f"{sum(pairs.values())} pairs {dict(pairs)}, {dict(styles)}, {len(found)} problems",
          file=sys.stderr)
    print(f"second reading: {second_reading(replies)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
