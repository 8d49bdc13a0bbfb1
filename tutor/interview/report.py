"""What came of an interview."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from tutor.corpus.items import Item, Text
from tutor.grading import Grade, PointVerdict
from tutor.interview.types import TOPIC_NAMES, Appeal, FollowUp, Mode, Plan, State, Turn
from tutor.progress.mastery import calibration
from tutor.progress.types import Calibration, Review

LEARN = 3
"""Things to learn next that a report names."""
WEAK = 4.0
"""A score below it says that the basis is missing: learn the prerequisite first."""

_LOSS = {"contradicted": 1.5, "missed": 1.0, "partial": 0.5}


@dataclass(frozen=True)
class Answered:
    """One question of the report. `score` and the points are absent without a grade.

    They and `grade` are as the learner judged the unsure points (`Turn.judged`);
    `unchecked` is the grader's own score where that changed it. `text` and `topic` are empty when the corpus no longer has the item.
    """

    number: int
    item_id: str
    topic: str
    level: str
    text: str
    why: str
    reply: str | None
    score: float | None
    points: tuple[PointVerdict, ...]
    grade: Grade | None
    hints: int
    predicted: float | None
    seconds: float | None
    skipped: bool
    follow_up: FollowUp | None
    appeals: tuple[Appeal, ...]
    unchecked: float | None = None


@dataclass(frozen=True)
class TopicScore:
    """Mean score of the graded replies in a topic, and how many they are."""

    topic: str
    mean: float
    n: int


@dataclass(frozen=True)
class Advice:
    """An item to learn next, its question, and why, in both languages."""

    item_id: str
    title: Text
    why: Text


@dataclass(frozen=True)
class Report:
    """An interview with its verdicts. Scores are 0.0 to 10.0, `seconds` the time spent on it.

    `score` is the mean over the graded replies, None without any; probes and
    skipped questions don't count. What the learner's own checks changed is
    changed here too, but not in cards, ability and progress.
    """

    interview: str
    user: str
    mode: Mode
    lang: str
    started: datetime
    finished: datetime | None
    seconds: float
    score: float | None
    topics: tuple[TopicScore, ...]
    questions: tuple[Answered, ...]
    learn_next: tuple[Advice, ...]
    calibration: Calibration


def report(state: State, items: Mapping[str, Item]) -> Report:
    """The report of an interview at any moment. Pure."""
    plan = state.plan
    questions = tuple(
        _answered(number, turn, items.get(turn.item_id), plan)
        for number, turn in enumerate(state.turns, 1)
    )
    by_topic: dict[str, list[float]] = {}
    for question in questions:
        if question.score is not None:
            by_topic.setdefault(question.topic, []).append(question.score)
    scores = [score for found in by_topic.values() for score in found]
    return Report(
        interview=state.id,
        user=plan.user,
        mode=plan.mode,
        lang=plan.lang,
        started=state.started,
        finished=state.finished,
        seconds=state.active,
        score=fmean(scores) if scores else None,
        topics=tuple(TopicScore(t, fmean(found), len(found)) for t, found in by_topic.items()),
        questions=questions,
        learn_next=_advice(questions, items),
        calibration=calibration(
            Review(plan.user, q.item_id, q.topic, q.level, state.last, q.score, (), predicted=q.predicted)
            for q in questions
            if q.score is not None
        ),
    )


def _answered(number: int, turn: Turn, item: Item | None, plan: Plan) -> Answered:
    grade = turn.judged
    return Answered(
        number=number,
        item_id=turn.item_id,
        topic=item.topic if item else "",
        level=item.level if item else "",
        text=item.title(plan.lang) if item else "",
        why=turn.why[plan.lang],
        reply=turn.reply,
        score=grade.score if grade else None,
        points=grade.points if grade else (),
        grade=grade,
        hints=len(turn.hints),
        predicted=turn.predicted,
        seconds=turn.seconds,
        skipped=turn.skipped,
        follow_up=turn.follow_up,
        appeals=turn.appeals,
        unchecked=turn.grade.score if turn.grade and turn.checks else None,
    )


def _advice(questions: tuple[Answered, ...], items: Mapping[str, Item]) -> tuple[Advice, ...]:
    """The items that cost most by weight; before a weak one, a prerequisite that wasn't asked."""
    asked = {question.item_id for question in questions}
    found: dict[str, Advice] = {}
    for question in sorted(questions, key=lambda q: (-_loss(q), q.number)):
        item = items.get(question.item_id)
        if item is None or not _loss(question):
            continue
        before = [i for i in item.prerequisites if i in items and i not in asked]
        if before and (question.score or 0.0) < WEAK:
            basis = items[before[0]]
            found.setdefault(basis.id, Advice(basis.id, basis.question, {
                "zh": f"它是“{item.title('zh')}”的前置知识",
                "en": f"“{item.title('en')}” builds on it",
            }))
        found.setdefault(item.id, Advice(item.id, item.question, _why(question)))
    return tuple(found.values())[:LEARN]


def _loss(question: Answered) -> float:
    if question.skipped:
        return 10.0
    wrong = 1.5 * 5 * len(question.grade.misconceptions) if question.grade else 0.0
    return wrong + sum(_LOSS.get(p.verdict, 0.0) * p.weight for p in question.points)


def _why(question: Answered) -> Text:
    if question.skipped:
        return {"zh": "你跳过了这道题", "en": "you skipped it"}
    counts = {kind: sum(p.verdict == kind for p in question.points) for kind in _LOSS}
    wrong = counts["contradicted"] + (len(question.grade.misconceptions) if question.grade else 0)
    less = counts["missed"] + counts["partial"]
    zh = [f"{wrong} 处说反或误解" if wrong else "", f"{less} 个要点没有说全" if less else ""]
    en = [f"{wrong} stated wrongly" if wrong else "", f"{less} key point{'s' * (less > 1)} missed or incomplete" if less else ""]
    return {"zh": "，".join(filter(None, zh)), "en": ", ".join(filter(None, en))}


_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "title": "面试报告", "score": "总分", "none": "还没有评分的回答", "time": "用时", "minutes": "分钟",
        "topics": "各主题", "question": "第 {n} 题", "skipped": "已跳过", "ungraded": "未评分",
        "open": "还没有回答", "reply": "你的回答", "empty": "（空）", "hints": "用了 {n} 次提示",
        "predicted": "你预估 {score} 分", "unsure": "把握不大", "said": "你说", "source": "出处",
        "misconception": "误解", "right": "正确的是", "probe": "追问", "deeper": "深入追问（不计分）",
        "appeal": "已申诉第 {n} 个要点", "unchecked": "按你的自评，评分器给的是 {score}", "next": "接下来学什么", "calibration": "自我预估",
        "bias": "{n} 次预估，平均偏差 {bias} 分，平均误差 {error} 分",
        "hit": "说到", "partial": "部分说到", "missed": "没有说到", "contradicted": "说反了",
    },
    "en": {
        "title": "Interview report", "score": "Score", "none": "no graded reply yet", "time": "Time", "minutes": "min",
        "topics": "By topic", "question": "Question {n}", "skipped": "skipped", "ungraded": "not graded",
        "open": "not answered yet", "reply": "Your reply", "empty": "(empty)", "hints": "hints taken: {n}",
        "predicted": "you expected {score}", "unsure": "not sure", "said": "you said", "source": "source",
        "misconception": "Misconception", "right": "what holds", "probe": "Probe", "deeper": "Deeper question (not graded)",
        "appeal": "appealed against point {n}", "unchecked": "with your own checks; the grader gave {score}", "next": "What to learn next", "calibration": "Your predictions",
        "bias": "predictions: {n}, off by {bias} on average, by {error} regardless of direction",
        "hit": "made", "partial": "partly made", "missed": "missed", "contradicted": "contradicted",
    },
}
_MARKS = {"hit": "✓", "partial": "◐", "missed": "✗", "contradicted": "⚠"}


def to_markdown(report: Report, lang: str) -> str:
    """The report as Markdown with headings in `lang`; what the learner wrote is shown verbatim.

    Nothing that they wrote acts as Markdown or HTML.
    """
    words = _WORDS[lang]
    total = words["none"] if report.score is None else f"{report.score:.1f}/10"
    minutes = f"{report.seconds / 60:.0f} {words['minutes']}"
    lines = [f"# {words['title']}", "", f"**{words['score']}** {total} · **{words['time']}** {minutes}"]
    if report.topics:
        lines += ["", f"## {words['topics']}", ""]
        lines += [f"- {_topic(t.topic, lang)}: {t.mean:.1f}/10 ({t.n})" for t in report.topics]
    for question in report.questions:
        lines += ["", *_question(question, words)]
    if report.learn_next:
        lines += ["", f"## {words['next']}", ""]
        lines += [
            f"{n}. {_title(advice, lang)} — {advice.why[lang]} (`{advice.item_id}`)"
            for n, advice in enumerate(report.learn_next, 1)
        ]
    found = report.calibration
    if found.bias is not None and found.error is not None:
        said = words["bias"].format(n=found.n, bias=f"{found.bias:+.1f}", error=f"{found.error:.1f}")
        lines += ["", f"## {words['calibration']}", "", said]
    return "\n".join(lines) + "\n"


def _question(question: Answered, words: Mapping[str, str]) -> list[str]:
    score = "" if question.score is None else f" · {question.score:.1f}/10"
    lines = [f"## {words['question'].format(n=question.number)}{score}", "", question.text, ""]
    if question.skipped or question.reply is None:
        return [*lines, f"_{words['skipped' if question.skipped else 'open']}_"]
    lines += [f"**{words['reply']}**", "", *_verbatim(question.reply or words["empty"]), ""]
    if question.score is None:
        lines.append(f"_{words['ungraded']}_")
    lines += [_point(point, words) for point in question.points]
    for stated in question.grade.misconceptions if question.grade else ():
        lines.append(f"- ⚠ {words['misconception']}: {stated.claim}; {words['right']}: {stated.correction}")
    if question.grade and question.grade.unsure:
        lines += ["", f"_{words['unsure']}: {question.grade.unsure_reason}_"]
    notes = [words["hints"].format(n=question.hints)] if question.hints else []
    if question.predicted is not None:
        notes.append(words["predicted"].format(score=f"{question.predicted:g}"))
    if question.unchecked is not None:
        notes.append(words["unchecked"].format(score=f"{question.unchecked:.1f}"))
    notes += [words["appeal"].format(n=appeal.number) for appeal in question.appeals]
    if notes:
        lines += ["", f"_{' · '.join(notes)}_"]
    after = question.follow_up
    if after:
        lines += ["", f"**{words[after.kind]}** {_inert(after.text)}", ""]
        lines += _verbatim(after.reply) if after.reply is not None else [f"_{words['skipped']}_"]
        lines += ["", *(_point(p, words) for p in after.judged.points)] if after.judged else []
    return lines


def _point(point: PointVerdict, words: Mapping[str, str]) -> str:
    parts = [f"- {_MARKS[point.verdict]} **{words[point.verdict]}** ({point.weight}) {point.text}"]
    if point.quote:
        parts.append(f"{words['said']}: “{_inert(point.quote)}”")
    if point.unsure:
        parts.append(words["unsure"])
    if point.source:
        parts.append(f"{words['source']}: {point.source}")
    return "; ".join(parts)


def _title(advice: Advice, lang: str) -> str:
    return advice.title.get(lang) or next(iter(advice.title.values()))


def _topic(topic: str, lang: str) -> str:
    return TOPIC_NAMES[topic][lang] if topic in TOPIC_NAMES else topic


def _verbatim(text: str) -> list[str]:
    """A code block whose fence is longer than any run of backticks in the text."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return [f"{fence}text", text, fence]


def _inert(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~&$-])", r"\\\1", " ".join(text.split()))
