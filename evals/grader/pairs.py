"""Pairs of a reply and a key point, with a verdict, from every source that trains the grader."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.grader.data import VERDICTS, Reply
from tutor.corpus import Item

PUBLIC = Path(__file__).parents[3] / "shared/data/grading"
TEST_SHARE = 5
"""Every fifth item is kept aside: none of its replies, points or misconceptions is trained on."""


@dataclass(frozen=True)
class Pair:
    """What a reply says of a point: `target` holds the probability of each of `VERDICTS`."""

    reply: str
    point: str
    target: tuple[float, ...]
    group: str
    key: tuple[str, int] | None = None
    """Reply id and number of the point, for written replies."""
    twin: tuple[str, int] | None = None
    """Key of the pair that differs in one statement, and in its verdict."""
    weight: float = 1.0


def held_out(item_id: str) -> bool:
    """True for the items that are kept aside, by a hash of their id."""
    return hashlib.sha256(item_id.encode()).digest()[0] % TEST_SHARE == 0


def one_hot(verdict: str) -> tuple[float, ...]:
    return tuple(float(verdict == name) for name in VERDICTS)


def written(replies: list[Reply], items: Mapping[str, Item]) -> list[Pair]:
    """One pair per reply and key point, in the reply's language."""
    by_id = {reply.id: reply for reply in replies}
    found = []
    for reply in replies:
        twin = by_id.get(reply.twin or "")
        for number, point in enumerate(items[reply.item].points):
            differs = twin is not None and twin.verdicts[number] != reply.verdicts[number]
            found.append(
                Pair(
                    reply.text, point.text[reply.lang], one_hot(reply.verdicts[number]), reply.item,
                    (reply.id, number), (twin.id, number) if twin and differs else None,
                )
            )
    return found


def across(pairs: list[Pair], replies: list[Reply], items: Mapping[str, Item], share: float, draw: random.Random) -> list[Pair]:
    """Some of the pairs with the point in the other language: learners mix them."""
    lang = {reply.id: reply.lang for reply in replies}
    found = []
    for pair in pairs:
        if pair.key and draw.random() < share:
            other = "en" if lang[pair.key[0]] == "zh" else "zh"
            text = items[pair.group].points[pair.key[1]].text[other]
            found.append(Pair(pair.reply, text, pair.target, pair.group, weight=0.5))
    return found


def from_corpus(items: list[Item], draw: random.Random) -> list[Pair]:
    """Claims against their corrections, points against themselves in the other language."""
    found = []
    for item in items:
        for wrong in item.misconceptions:
            for lang in ("zh", "en"):
                found.append(Pair(wrong.claim[lang], wrong.correction[lang], one_hot("contradicted"), item.id, weight=0.5))
        number = draw.randrange(len(item.points))
        point, other = item.points[number].text, item.points[number - 1].text
        found.append(Pair(point["zh"], point["en"], one_hot("hit"), item.id, weight=0.3))
        found.append(Pair(point["en"], other["zh"], one_hot("missed"), item.id, weight=0.3))
    return found


def public(draw: random.Random, most: int) -> list[Pair]:
    """Answers scored by people, against a reference; empty where the data is absent."""
    found = []
    for name in ("ads.zh.train.jsonl", "semeval2013.en.train.jsonl"):
        path = PUBLIC / name
        if not path.exists():
            continue
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        draw.shuffle(rows)
        for row in rows[:most]:
            reference = draw.choice(row["references"])
            if "label_3way" in row:
                verdict = {"correct": "hit", "incorrect": "missed", "contradictory": "contradicted"}
                target = one_hot(verdict[row["label_3way"]])
            else:
                share = row["score"] / float(row["max_score"])
                partial = min(share, 1 - share)
                target = (share - partial / 2, partial, 1 - share - partial / 2, 0.0)
            found.append(Pair(row["student_answer"], reference, target, row["question_id"], weight=0.5))
    return found
