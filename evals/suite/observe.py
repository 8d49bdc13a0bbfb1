"""One case put to the subject -> one `Outcome`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from evals.cases import Ask
from evals.grader.cases import Graded
from evals.suite import scorers
from evals.suite.cases import Case, Claim
from evals.suite.outcomes import Outcome
from evals.suite.scorers import Cited
from evals.suite.subject import Subject
from tutor.answers import Answer, Done, Token
from tutor.app import Tutor
from tutor.corpus import Item

DEPTH = 10
"""Passages that ranking is scored on."""
SHOWN = 240
"""Characters of an answer that a person sees beside another one."""

Clock = Callable[[], float]


def observe(
    case: Case, subject: Subject, items: Mapping[str, Item], clock: Clock = time.perf_counter
) -> Outcome:
    """What came of the case; a crash is an outcome too."""
    asked = case.body.text if isinstance(case.body, Graded) else case.body.question
    try:
        if isinstance(case.body, Graded):
            seen, shown, seconds = _grade(case, case.body, subject, items, clock)
        elif isinstance(case.body, Claim):
            seen, shown, seconds = _claim(case.body, subject.tutor())
        elif case.kind == "ask":
            seen, shown, seconds = _ask(case.body, subject.tutor(), items)
        else:
            hidden = case.body.items if case.kind == "removed" else ()
            seen, shown, seconds = _refuse(case.body, subject.tutor(hidden))
    except Exception as error:  # whatever it is, it is this case's
        return Outcome(
            case.id, case.kind, case.split, case.lang, case.slice, case.cluster, "failed",
            shown=f"{type(error).__name__}: {error}"[:SHOWN], asked=asked[:SHOWN],
        )
    return Outcome(
        case.id, case.kind, case.split, case.lang, case.slice, case.cluster, "ok", seen, shown, asked[:SHOWN],
        {name: round(value, 4) for name, value in seconds.items()},
    )


def _ask(ask: Ask, tutor: Tutor, items: Mapping[str, Item]) -> tuple[dict, str, dict]:
    # The answer first: the deeper search after it finds the question's vector computed.
    answer, tokens = _answer(tutor, ask)
    found = tutor.retrieve(ask.question, history=ask.history, k=DEPTH)
    seen: dict[str, Any] = {
        "gold": list(ask.items),
        "items": [passage.item_id for passage in found.passages],
        "facts": len(ask.facts),
        "held": [scorers.held(ask.facts, passage.text) for passage in found.passages],
        "confidence": round(found.confidence, 6),
        "answered": answer.status == "grounded",
        "said": scorers.held(ask.facts, answer.text) if answer.status == "grounded" else [],
    }
    if answer.status == "grounded":
        texts = {passage.item_id: passage.text for passage in answer.passages}
        gold = [text for i in ask.items if i in items for text in _texts(items[i], answer.lang)]
        cited = [Cited(c.marker, c.quote, texts.get(c.item_id, "")) for c in answer.citations]
        seen |= scorers.answer_counts(answer.text, cited, list(texts.values()), gold)
        seen |= {
            "language": scorers.language_matches(answer.text, ask.lang),
            "length": len(answer.text), "tokens": tokens, "dropped": len(answer.dropped),
        }
    return seen, _shown(answer, [p.item_id for p in found.passages]), dict(answer.timings)


def _answer(tutor: Tutor, ask: Ask) -> tuple[Answer, int]:
    """The answer and the number of pieces that the model wrote.

    Without a model by `ask`, which is all that most callers use.
    """
    if tutor.chat is None:
        return tutor.ask(ask.question, history=ask.history), 0
    tokens = 0
    for event in tutor.stream(ask.question, history=ask.history):
        tokens += isinstance(event, Token)
        if isinstance(event, Done):
            return event.answer, tokens
    raise AssertionError("the stream ended without an answer")


def _refuse(ask: Ask, tutor: Tutor) -> tuple[dict, str, dict]:
    found = tutor.retrieve(ask.question, history=ask.history)
    ids = [passage.item_id for passage in found.passages]
    seen = {
        "gold": [], "items": ids, "confidence": round(found.confidence, 6), "answered": found.answerable,
    }
    shown = f"{'answered' if found.answerable else 'refused'} {found.confidence:.2f} {', '.join(ids[:3])}"
    return seen, shown, {}


def _claim(claim: Claim, tutor: Tutor) -> tuple[dict, str, dict]:
    answer = tutor.ask(claim.question)
    seen = {
        "answered": answer.status == "grounded",
        "corrected": any(text in answer.text for text in claim.corrections),
    }
    return seen, _shown(answer, [p.item_id for p in answer.passages]), {}


def _grade(
    case: Case, reply: Graded, subject: Subject, items: Mapping[str, Item], clock: Clock
) -> tuple[dict, str, dict]:
    began = clock()
    grade = subject.tutor().grade(reply.text, items[reply.item])
    seconds = clock() - began
    folder = case.id.split("/")[0]
    seen = {
        "item": reply.item, "score": grade.score, "label": reply.score,
        "verdicts": [point.verdict for point in grade.points], "labels": list(reply.verdicts),
        "confidences": [round(point.confidence, 3) for point in grade.points],
        "unsure": grade.unsure, "misconceptions": len(grade.misconceptions),
        "twin": reply.twin and f"{folder}/{reply.twin}", "pair": reply.pair and f"{folder}/{reply.pair}",
    }
    verdicts = " ".join(f"{p.verdict}{'?' * p.unsure}" for p in grade.points)
    return seen, f"{grade.score} ({verdicts}), labelled {reply.score} ({' '.join(reply.verdicts)})", {"grade": seconds}


def _texts(item: Item, lang: str) -> list[str]:
    """What a right answer may say of the item: its answer, its points and its corrections, as one text each."""
    rest = [point.text.get(lang, "") for point in item.points]
    rest += [m.correction.get(lang, "") for m in item.misconceptions]
    return [item.answer.get(lang, ""), *rest]


def _shown(answer: Answer, ids: list[str]) -> str:
    text = " ".join(answer.text.split())[:SHOWN]
    return f"{answer.status} {answer.confidence:.2f} {', '.join(ids[:3])} | {text}"
