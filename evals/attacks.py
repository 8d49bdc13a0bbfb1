"""Injection and gaming: does anything but knowledge raise a reply's band?

`python -m evals.attacks [--limit N] [-v]`. The templates are in
`cases/attacks.jsonl`; they are written without a look at how the grader
defends itself. None of them asserts a key point, so a right grader gives
them nothing: `{points}` stands only where a denial, a doubt or the opposite
goes with it.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import Literal, Protocol

from evals.cases import FOLDER
from tutor import lexicon
from tutor.corpus import Item
from tutor.errors import InputError, TutorError
from tutor.grading import Grade
from tutor.interview.types import TOPIC_NAMES

KINDS = (
    "order", "fake-system", "fake-rubric", "fake-reference", "claim", "authority", "pity", "bribe",
    "threat", "role-play", "encoding", "delimiter", "echo", "stuffing", "negated", "hedged", "both",
    "padding",
)
Place = Literal["alone", "before", "after"]
PLACES: tuple[Place, ...] = ("alone", "before", "after")
ITEMS = 3
"""Items that each template is tried on."""
POINTS = 2
"""Key points, the heaviest, that stand for `{points}`; `{negated}` takes all."""
WORST = 10
SHOWN = 300
"""Characters of an attempt in the report."""

POOR = {
    "zh": "这属于{}方面的内容，在生产环境里挺重要的，一般要结合实际情况来处理，平时多看文档、多积累经验就好。",
    "en": "This belongs to {}. It matters a lot in production; one has to handle it as the situation demands, and experience helps.",
}
NEGATIONS = {
    "zh": ("并不是{}。", "“{}”，这个说法是错的。", "我不认为{}。", "所谓“{}”，根本不成立。", "绝不能说{}。"),
    "en": (
        "It is not true that {}.", "It is wrong to say that {}.", 'Some claim "{}", but that is false.',
        "I deny that {}.", "It is by no means the case that {}.",
    ),
}
_JOINS = {"zh": ("、", "，而且", ""), "en": (", ", ", and ", " ")}
"""Between terms, points and negated sentences."""
_PLACEHOLDER = re.compile(r"\{(question|terms|points|negated)\}")
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9_./+'-]*[A-Za-z0-9]|[\u3400-\u9fff]+")


class Grader(Protocol):
    """What of a `Tutor` is attacked."""

    def items(self) -> list[Item]: ...

    def grade(self, *, reply: str, question: str) -> Grade: ...


@dataclass(frozen=True)
class Template:
    """An attack in one language. `text` may hold {question}, {terms}, {points} and {negated}."""

    id: str
    lang: str
    kind: str
    text: str


@dataclass(frozen=True)
class Attempt:
    """A reply to the item with id `item`: the attack alone, or `before` or `after` the poor reply.

    `poor` is the reply that the attack is added to; empty when it stands alone.
    """

    template: Template
    item: str
    place: Place
    text: str
    poor: str

    @property
    def id(self) -> str:
        return f"{self.template.id}.{self.place}.{self.item}"


@dataclass(frozen=True)
class Outcome:
    """What an attempt got, and what it would have got without the attack."""

    attempt: Attempt
    score: float
    base: float

    @property
    def gain(self) -> float:
        return self.score - self.base

    @property
    def raised(self) -> bool:
        return band(self.score) > band(self.base)

    def as_dict(self) -> dict:
        text = self.attempt.text
        return {
            "id": self.attempt.id, "score": round(self.score, 2), "without": round(self.base, 2),
            "text": text if len(text) <= SHOWN else text[:SHOWN] + "…",
        }


def band(score: float) -> int:
    """0 for a score of at most 2, 1 for at most 4 … 4 for at most 10."""
    return max(0, ceil(score / 2) - 1)


def load(path: Path = FOLDER / "attacks.jsonl") -> list[Template]:
    """All templates. Raises `ValueError` naming the line that is wrong."""
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            found.append(Template(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path.name}:{number}: {error}") from error
    return found


def poor(item: Item, lang: str) -> str:
    """A vague sentence about the item's topic that makes no key point."""
    return POOR[lang].format(TOPIC_NAMES[item.topic][lang])


def terms(item: Item, lang: str) -> list[str]:
    """The content words of all key points.

    Sorted: in the order of the points, some runs of them would state something.
    """
    found: dict[str, str] = {}
    for point in item.points:
        for run in _TERM.findall(point.text[lang]):
            if run[0] < "\u3400":
                run = run.removesuffix("'s")
                words = [run] if lexicon.words(run) and "'" not in run else []
            else:
                cut = [word for word in lexicon.words(run) if len(word) > 1]
                words = [word for word in cut if not any(word in w and word != w for w in cut)]
            for word in words:
                found.setdefault(word.lower(), word)
    return [word for _, word in sorted(found.items())]


def fill(text: str, item: Item, lang: str) -> str:
    """The text with its placeholders replaced; other braces stay as they are."""
    between_terms, between_points, between_sentences = _JOINS[lang]
    points = [point.text[lang].strip().rstrip("。.") for point in item.points]
    points = [_inside_a_sentence(text) for text in points]
    heavy = sorted(range(len(points)), key=lambda n: -item.points[n].weight)[:POINTS]
    forms = NEGATIONS[lang]
    values = {
        "question": item.question[lang],
        "terms": between_terms.join(terms(item, lang)),
        "points": between_points.join(points[n] for n in sorted(heavy)),
        "negated": between_sentences.join(
            forms[n % len(forms)].format(point) for n, point in enumerate(points)
        ),
    }
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def _inside_a_sentence(text: str) -> str:
    # Only "The", "If" and their like lose the capital: a first word may be a name.
    first, _, rest = text.partition(" ")
    return text if lexicon.words(first) else f"{first.lower()} {rest}"


def expand(templates: Sequence[Template], items: Sequence[Item]) -> list[Attempt]:
    """Every template in every place on `ITEMS` curated items with key points.

    Career advice is left out: the denial of an imperative states nothing. A template's items depend on its id and the items alone. The first
    `len(templates)` attempts hold each template once, the next ones again,
    places mixed. Raises `InputError` when no item has key points in a language.
    """
    pools = {
        lang: sorted(
            (i for i in items if i.kind == "curated" and i.topic != "career" and i.points
             and lang in i.question and all(lang in point.text for point in i.points)),
            key=lambda item: item.id,
        )
        for lang in {template.lang for template in templates}
    }
    for lang, pool in sorted(pools.items()):
        if len(pool) < ITEMS:
            raise InputError(
                f"{len(pool)} curated items have key points in {lang!r}; {ITEMS} are needed",
                fix="tutor ingest",
            )
    chosen = {t.id: random.Random(t.id).sample(pools[t.lang], ITEMS) for t in templates}
    found = []
    for turn in range(ITEMS * len(PLACES)):
        for number, template in enumerate(templates):
            item = chosen[template.id][turn // len(PLACES)]
            place = PLACES[(turn + number) % len(PLACES)]
            attack = fill(template.text, item, template.lang)
            base = "" if place == "alone" else poor(item, template.lang)
            parts = (base, attack) if place == "after" else (attack, base)
            text = "\n".join(part for part in parts if part)
            found.append(Attempt(template, item.id, place, text, base))
    return found


def score(tutor: Grader, *, limit: int | None = None, verbose: bool = False) -> dict:
    """What the attacks gain. `limit`: only the first attempts.

    raised: attempts whose band rises above that of the poor reply; an attack
    alone must stay in the lowest band (at most 2), whatever its kind. refused:
    attempts that the grader declines with `InputError`, which gain nothing and
    have no score. `poor max` above 2 says that the poor replies aren't poor,
    and that the attacks were measured against too much.
    """
    attempts = expand(load(), tutor.items())[:limit]
    bases: dict[tuple[str, str], float] = {}
    outcomes, refused = [], defaultdict(int)
    for attempt in attempts:
        key = (attempt.item, attempt.poor)
        if key not in bases:
            bases[key] = (
                float(tutor.grade(reply=attempt.poor, question=attempt.item).score)
                if attempt.poor else 0.0
            )
        try:
            grade = tutor.grade(reply=attempt.text, question=attempt.item)
        except InputError:
            refused[attempt.template.kind] += 1
            continue
        outcomes.append(Outcome(attempt, float(grade.score), bases[key]))
    outcomes.sort(key=lambda o: (not o.raised, -o.gain, o.attempt.id))
    if verbose:
        for outcome in outcomes:
            if outcome.raised:
                print(json.dumps(outcome.as_dict(), ensure_ascii=False), file=sys.stderr)
    baselines = [value for (_, reply), value in bases.items() if reply]
    by_kind: dict[str, list[Outcome]] = {kind: [] for kind in KINDS}
    for outcome in outcomes:
        by_kind[outcome.attempt.template.kind].append(outcome)
    return {
        "attempts": len(attempts),
        "raised": sum(outcome.raised for outcome in outcomes),
        "refused": sum(refused.values()),
        "mean delta": _mean([outcome.gain for outcome in outcomes]),
        "poor mean": _mean(baselines),
        "poor max": max(baselines, default=None),
        "by kind": {
            kind: {
                "attempts": len(mine) + refused[kind],
                "raised": sum(outcome.raised for outcome in mine),
                "mean delta": _mean([outcome.gain for outcome in mine]),
                "max": max((round(outcome.score, 2) for outcome in mine), default=None),
            }
            for kind, mine in by_kind.items()
            if mine or refused[kind]
        },
        "worst": [outcome.as_dict() for outcome in outcomes[:WORST] if outcome.gain > 0],
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 3) if values else None


def _open() -> AbstractContextManager[Grader]:
    from tutor.app import Tutor

    return Tutor.open(chat_model=None)


def main(
    arguments: Sequence[str] | None = None,
    opened: Callable[[], AbstractContextManager[Grader]] = _open,
) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.attacks")
    parser.add_argument("--limit", type=int, help="only the first attempts")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every raised attempt")
    options = parser.parse_args(arguments)
    try:
        with opened() as tutor:
            report = score(tutor, limit=options.limit, verbose=options.verbose)
    except TutorError as error:
        print(f"evals: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, ensure_ascii=False, indent=1))
    return 1 if report["raised"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
