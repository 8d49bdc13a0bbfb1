"""item + reply -> `Grade`. Pure but for the judge, which is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tutor import lexicon
from tutor.corpus import Item, Point
from tutor.corpus.items import Contrast, Misconception
from tutor.errors import InputError
from tutor.grading import feedback
from tutor.grading.evidence import observed, quoted, within_reach
from tutor.grading.features import NAMES, Said
from tutor.grading.heard import heard
from tutor.grading.judging import Calibration, Judge
from tutor.grading.reference import points_of
from tutor.grading.score import earned, score
from tutor.grading.stance import doubts, stance
from tutor.grading.structure import commands, manifests, structure_verdict
from tutor.grading.types import VERDICTS, Grade, PointVerdict, StatedMisconception, Verdict
from tutor.grading.whole import EARNS, adding_up, believed, expected, verdict_of

MAX_REPLY = 20_000
"""Characters."""
UNSURE_SHARE = 0.2
"""Share of the weight in unsure points from which on the whole grade is unsure."""
STATED = 0.8
"""Probability from which on the reply states a misconception."""
ACCUSED = 0.75
"""Confidence below which "contradicted" is called unsure: being told wrong when right costs trust.
Above it four in five are right, above the usual .6 seven in ten."""
TALK = {"zh": 150, "en": 400}
"""Letters from which on a reply counts as long."""
LITTLE = 0.3
"""Mean share of a point's words; of the points that replies of that length really make, a twentieth have fewer."""
RULED = 0.8
"""Confidence of a verdict by a rule or by structure."""
_RECALL = NAMES.index("recall")
_SENTENCE_ENDS = "。！？!?\n"


def grade_item(
    item: Item, reply: str, judge: Judge, calibration: Calibration, *, lang: str | None = None,
) -> Grade:
    """Grades a reply to a curated item.

    `lang` is the language of the feedback, by default the reply's. Raises
    `InputError` for an item without key points and for a reply that is too long.
    """
    if not item.points:
        raise InputError(
            f"{item.id!r} has no key points to grade by", fix="pass reference=... with the call"
        )
    _check(reply)
    lang = lang or _language(reply, item)
    points = item.points
    shown = [_in(point.text, lang) for point in points]
    read = [_in(point.text, lexicon.language(reply) if reply.strip() else lang) for point in points]
    source = item.reference or str(item.source)
    answer = item.answer.get(lang) or next(iter(item.answer.values()), "")
    return _grade(
        reply, list(item.question.values()), shown, read, [p.weight for p in points],
        _passages(shown, answer), source, item.misconceptions, item.contrasts, judge, calibration, lang, item.id,
        item.title(lang),
    )


def grade_reference(
    question: str, reply: str, reference: str | Sequence[str], judge: Judge, calibration: Calibration,
    *, lang: str | None = None,
) -> Grade:
    """Grades a reply against a reference answer; of several alternatives, by the points of the one that it meets best.

    Key points are drawn from the reference (`reference.points_of`), and add up to the
    mark that people would give beside all alternatives (`grading.whole`). Raises
    `InputError` for a reference without words and for a reply that is too long.
    """
    _check(reply)
    texts = [reference] if isinstance(reference, str) else list(reference)
    alternatives = [(text, points) for text in texts if (points := points_of(text))]
    if not alternatives:
        raise InputError("the reference answer is empty", fix="pass its text as reference=...")
    parts = heard(reply, [question])
    said = [reply[c.start : c.end] for c in parts if c.kind == "said"]
    meets, chosen = alternatives[0]
    if said and len(alternatives) > 1:
        meets, chosen = max(alternatives, key=lambda one: _met(one[1], said, question, judge))
    texts = [meets, *(text for text, _ in alternatives if text != meets)]
    wanted = [next(iter(point.text.values())) for point in chosen]
    return _grade(
        reply, [question], wanted, wanted, [point.weight for point in chosen], wanted, "reference", (), (),
        judge, calibration, lang or lexicon.language(reply if reply.strip() else wanted[0]), "", question,
        judge.worth(reply if len(said) == len(parts) else " ".join(said), question, texts) if said else None,
    )


def _met(points: Sequence[Point], said: Sequence[str], question: str, judge: Judge) -> float:
    chances = judge.read(said, question, [next(iter(point.text.values())) for point in points]).verdicts
    return expected(chances, [point.weight for point in points])


def with_self_check(grade: Grade, judged: Mapping[int, Verdict]) -> Grade:
    """The grade with unsure points (numbers from 0) as the learner judged them, added up anew.

    A self-check gives credit only where the reply has words to quote. Raises
    `InputError` for a point that isn't unsure, or a verdict that isn't one.
    """
    points = list(grade.points)
    for number, verdict in judged.items():
        if not 0 <= number < len(points) or not points[number].unsure:
            raise InputError(f"point {number!r} isn't one to check", fix="see Grade.points[n].unsure")
        if verdict not in VERDICTS:
            raise InputError(f"a verdict is one of {VERDICTS}, not {verdict!r}")
        quote = points[number].quote or points[number].nearest
        if verdict != "missed" and not quote:
            raise InputError(f"the reply has no words for point {number!r}", fix="judge it missed")
        points[number] = decided(points[number], verdict, quote, "learner", grade.lang)
    return finished(grade, points)


def decided(point: PointVerdict, verdict: Verdict, quote: str, by: str, lang: str) -> PointVerdict:
    """The point as `by` decides it and not the grader; nothing is left to be sure of."""
    return replace(
        point, verdict=verdict, quote="" if verdict == "missed" else quote, unsure=False, self_check="",
        decided_by=by, feedback=feedback.of_point(verdict, point.text, lang), credit=None,
    )


def finished(grade: Grade, points: Sequence[PointVerdict]) -> Grade:
    """The grade with these points, and all that follows from them added up anew."""
    total = sum(point.weight for point in points)
    unsure = sum(point.weight for point in points if point.unsure) > UNSURE_SHARE * total
    return replace(
        grade,
        points=tuple(points),
        score=score(points, len(grade.misconceptions)),
        unsure=unsure,
        unsure_reason=feedback.unsure_reason(points, grade.lang) if unsure else "",
        feedback=feedback.summary(points, grade.misconceptions, grade.lang, any(p.quote for p in points) or bool(grade.reply.strip())),
    )


def _grade(
    reply: str, questions: Sequence[str], shown: Sequence[str], read: Sequence[str],
    weights: Sequence[int], passages: Sequence[str], source: str, wrong: Sequence[Misconception],
    contrasts: Sequence[Contrast],
    judge: Judge, calibration: Calibration, lang: str, item_id: str, title: str, worth: float | None = None,
) -> Grade:
    spans = [(c.start, c.end) for c in heard(reply, questions) if c.kind == "said"]
    said = [reply[start:end] for start, end in spans]
    question = next((q for q in questions if lexicon.language(q) == lexicon.language(reply)), questions[0])
    verdicts: list[PointVerdict] = []
    stated: list[StatedMisconception] = []
    if said:
        counted = Said.of(said)
        claims = [_in(m.claim, lexicon.language(reply)) for m in wrong]
        near = within_reach(claims, counted)
        wrong, claims = [wrong[n] for n in near], [claims[n] for n in near]
        rows, evidence = observed(reply, spans, counted, question, read, claims, contrasts, judge)
        sure = calibration.probabilities(rows)
        if worth is not None:
            sure = adding_up(sure, weights, believed(sure, weights, worth))
        for number, text in enumerate(shown):
            verdicts.append(_verdict(
                sure[number], quoted(reply, spans, evidence[number]), text, weights[number],
                passages[number], source, calibration, lang, whole=worth is not None,
            ))
        stated = _stated(sure[len(shown):], wrong, evidence[len(shown):], spans, reply, lang)
        verdicts = [_by_structure(v, r, reply) for v, r in zip(verdicts, read, strict=True)]
        recalls = [float(row[_RECALL]) for row in rows[: len(shown)]]
        if _hollow(verdicts, recalls, said, question):
            verdicts = [_unsaid(verdict) for verdict in verdicts]
        verdicts = _by_stance(verdicts, read, reply)
    else:
        verdicts = [
            PointVerdict(
                text, "missed", "", source, weight, passage, feedback=feedback.of_point("missed", text, lang),
                decided_by="rule",
            )
            for text, weight, passage in zip(shown, weights, passages, strict=True)
        ]
    blank = Grade(
        0.0, (), False, "", title, reply, lang, tuple(stated), item_id=item_id, grader=judge.name
    )
    grade = finished(blank, verdicts)
    return grade if said else replace(grade, feedback=feedback.summary(verdicts, (), lang, False))


def _hollow(verdicts: Sequence[PointVerdict], recalls: Sequence[float], said: Sequence[str], question: str) -> bool:
    """Long talk that has few words of what it gets credit for: the judge takes length for knowledge."""
    credited = [recall for v, recall in zip(verdicts, recalls, strict=True) if earned(v) > 0]
    letters = sum(char.isalnum() for clause in said for char in clause)
    return bool(credited) and letters > TALK[lexicon.language(question)] and sum(credited) / len(credited) < LITTLE


def _unsaid(point: PointVerdict) -> PointVerdict:
    return _ruled(point, "missed", "", "rule") if earned(point) > 0 else point


def _ruled(point: PointVerdict, verdict: Verdict, quote: str, by: str) -> PointVerdict:
    return replace(decided(point, verdict, quote, by, lexicon.language(point.text)), confidence=RULED)


def _by_stance(points: Sequence[PointVerdict], texts: Sequence[str], reply: str) -> list[PointVerdict]:
    """A point's own wording earns nothing where it is denied or doubted, nor does what follows a doubt in that sentence."""
    found = [stance(reply, text) for text in texts]
    shaky = [(start, end) for kind, start, end in filter(None, found) if kind == "doubted"]
    ruled = []
    for point, own in zip(points, found, strict=True):
        if earned(point) <= 0:
            ruled.append(point)
        elif own is not None:
            kind, start, end = own
            verdict: Verdict = "contradicted" if kind == "denied" else "missed"
            quote = reply[start:end].strip()
            ruled.append(replace(_ruled(point, verdict, quote, "rule"), nearest=quote))
        elif any(start <= (at := reply.find(point.quote)) < end and doubts(reply[start:at]) for start, end in shaky):
            ruled.append(_ruled(point, "missed", "", "rule"))
        else:
            ruled.append(point)
    return ruled


def _check(reply: str) -> None:
    if not isinstance(reply, str):
        raise InputError(f"a reply is text, not {type(reply).__name__}")
    if len(reply) > MAX_REPLY:
        raise InputError(
            f"the reply has {len(reply)} characters; {MAX_REPLY} are allowed", fix="keep to the question"
        )


def _verdict(
    sure: np.ndarray, quote: str, text: str, weight: int, passage: str, source: str,
    calibration: Calibration, lang: str, whole: bool = False,
) -> PointVerdict:
    verdict = VERDICTS[verdict_of(sure) if whole else int(sure.argmax())]
    confidence = float(sure[VERDICTS.index(verdict)])
    if not quote:
        verdict, confidence = "missed", float(sure[VERDICTS.index("missed")])
    unsure = confidence < (max(ACCUSED, calibration.unsure) if verdict == "contradicted" else calibration.unsure)
    return PointVerdict(
        text, verdict, quote if verdict != "missed" else "", source, weight, passage,
        round(confidence, 3), unsure, feedback.of_point(verdict, text, lang),
        feedback.self_check(text, quote, lang) if unsure else "", quote,
        runner_up=max((v for v in VERDICTS if v != verdict), key=lambda v: sure[VERDICTS.index(v)]),
        credit=None if not whole else float(sure @ EARNS) if quote else 0.0,
    )


def _by_structure(point: PointVerdict, text: str, reply: str) -> PointVerdict:
    """YAML, and kubectl with flags, are compared by structure where the point and the reply have them.

    What is said around them is the judge's: a command that a reply warns of is no hit.
    """
    if not (manifests(text) or any(command.flags for command in commands(text))):
        return point
    found = structure_verdict(text, reply)
    if found is None or found[0] == "missed":
        return point
    if found[0] == point.verdict:
        return replace(point, credit=None)
    verdict, (start, end) = found
    overrules = {"hit": ("missed", "partial"), "partial": ("missed",), "contradicted": ("missed", "partial")}
    if point.verdict not in overrules[verdict]:
        return point
    return _ruled(point, verdict, reply[start:end], "structure")


def _stated(
    sure: np.ndarray, wrong: Sequence[Misconception], evidence: Sequence[Sequence[int]],
    spans: Sequence[tuple[int, int]], reply: str, lang: str,
) -> list[StatedMisconception]:
    hit = VERDICTS.index("hit")
    return [
        StatedMisconception(_in(m.claim, lang), _in(m.correction, lang), quoted(reply, spans, numbers))
        for m, row, numbers in zip(wrong, sure, evidence, strict=True)
        if row[hit] >= STATED and numbers
    ]


def _passages(points: Sequence[str], answer: str) -> list[str]:
    """For each point the sentence of the reference answer that holds most of it."""
    sentences = [(s.strip(), set(lexicon.tokens(s))) for s in _sentences(answer) if s.strip()]
    found = []
    for point in points:
        wanted = set(lexicon.tokens(point))
        best = max(sentences, key=lambda one: lexicon.overlap(wanted, one[1]), default=("", set()))
        found.append(best[0])
    return found


def _sentences(text: str) -> list[str]:
    found, start = [], 0
    for at, char in enumerate(text):
        ends = char in _SENTENCE_ENDS or (char == "." and text[at + 1 : at + 2] in ("", " ", "\n"))
        if ends:
            found.append(text[start : at + 1])
            start = at + 1
    return [*found, text[start:]]


def _in(text: Mapping[str, str], lang: str) -> str:
    return text.get(lang) or next(iter(text.values()))


def _language(reply: str, item: Item) -> str:
    lang = lexicon.language(reply) if reply.strip() else next(iter(item.question))
    return lang if lang in item.question else next(iter(item.question))


__all__ = ["MAX_REPLY", "grade_item", "grade_reference", "with_self_check"]
