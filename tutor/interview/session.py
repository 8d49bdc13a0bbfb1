"""`Interview`: the shell around the pure steps. It reads the clock and writes the log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from tutor import lexicon
from tutor.corpus.items import Item
from tutor.errors import InputError, TutorError
from tutor.grading import Grade, PointVerdict, Verdict, with_self_check
from tutor.interview.choose import WHY, askable, choose, predicted, rng_of
from tutor.interview.hints import HINTS, hint
from tutor.interview.probe import follow_up, point_of
from tutor.interview.report import Report, report
from tutor.interview.state import BREAK, VERSION, apply, grade_data, plan_data, replay
from tutor.interview.types import Kind, Plan, State, Turn
from tutor.progress.types import Event, Learner

MOST_CHARACTERS = 20_000
"""Of one reply; longer ones are refused before anything is logged."""
MOST_REASON = 2_000
"""Characters of the reason for an appeal."""


class Log(Protocol):
    """Where events are kept: `progress.Store`, or anything like it.

    `append` raises a `TutorError` when `seq` isn't the next number.
    """

    def append(
        self, user: str, interview: str, kind: str, data: Mapping[str, Any], at: datetime,
        *, seq: int | None = None,
    ) -> Event: ...

    def events(self, user: str, interview: str | None = None) -> list[Event]: ...


@dataclass(frozen=True)
class Question:
    """What the learner is asked; `str` of it is the text.

    Nothing of it gives away a key point. `number` of `of` counts the questions
    without probes and deeper ones. `item_id` is for programs: an id can name
    what the answer is about.
    """

    text: str
    number: int
    of: int
    kind: Kind
    item_id: str = field(repr=False)
    topic: str
    level: str
    why: str
    hints_left: int

    def __str__(self) -> str:
        return self.text


class Interview:
    """One interview of one user. All that it knows is in the log.

    Built with a `Plan` it begins; with the id of an interview of `user` it goes
    on where the log ends, on any machine. Each step is logged before it takes
    effect, so a kill at any moment loses at most the reply being typed: a reply
    that was logged and not graded is graded at the next call. What a reply says
    never moves the interview; only these methods do.

    `items` are the corpus by id; `grade(item, reply)` judges; `learner()` says
    what the log knows of the user now; `clock` gives aware datetimes. Every
    method may raise what these raise. Not to be shared between threads; of two
    objects that write to one interview at once, one gets a `TutorError` and can
    go on from the log.
    """

    def __init__(
        self,
        plan: Plan | str,
        items: Mapping[str, Item] | Iterable[Item],
        grade: Callable[[Item, str], Grade],
        log: Log,
        learner: Callable[[], Learner],
        *,
        user: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._items = items if isinstance(items, Mapping) else {item.id: item for item in items}
        self._grade, self._log, self._learner, self._clock = grade, log, learner, clock
        if isinstance(plan, Plan):
            self.id, self._user = uuid.uuid4().hex[:12], plan.user
            data = {"v": VERSION, "plan": plan_data(plan)}
            started = log.append(plan.user, self.id, "started", data, clock(), seq=0)
            self.state: State = replay([started])
        else:
            if user is None:
                raise InputError(f"whose interview is {plan!r}?", fix="name the user")
            self.id, self._user = plan, user
            self._reload()

    # asking ----------------------------------------------------------------------------------

    def next(self) -> Question | None:
        """The question that waits for a reply, or else the next one; None at the end.

        Calling it again before the reply gives the same question.
        """
        while self.state.finished is None:
            self._settle()
            turn = self.state.turn
            if turn and turn.item_id not in self._items and turn.open:
                self._append("skipped", {"item_id": turn.item_id, "to": turn.open})  # the corpus lost it
            elif turn and turn.open:
                return self._question(turn)
            elif not (turn and self._follow_up(turn)):
                self._ask()
        return None

    def ask(self, item_id: str) -> None:
        """Makes that item the next question, whatever the plan would choose.

        Raises `InputError` while a question is open, when the interview is
        over, and for an item that can't be asked in its language.
        """
        state, item = self.state, self._items.get(item_id)
        if state.finished or state.open or len(state.turns) >= state.plan.n:
            raise InputError("this interview can't take another question", fix="begin another one")
        if item is None or not askable(item, state.plan.lang):
            raise InputError(f"{item_id!r} can't be asked: it has no key points in {state.plan.lang!r}")
        likely = predicted(item, self._learner())
        self._append("asked", {"item_id": item_id, "why": dict(WHY["chosen"]), "success": likely})

    def _ask(self) -> None:
        """Asks about another item, or finishes."""
        state = self.state
        choice = None
        if len(state.turns) < state.plan.n:
            choice = choose(state, self._items, self._learner(), rng_of(state))
        if choice is None:
            self._append("finished", {})
            return
        why = dict(choice.why)
        self._append("asked", {"item_id": choice.item_id, "why": why, "success": choice.success})

    def _follow_up(self, turn: Turn) -> bool:
        """Asks what follows from the grade of the turn, once; False if nothing does.

        The learner's checks count here: nobody is probed for what they say they said.
        """
        item, plan = self._items.get(turn.item_id), self.state.plan
        if plan.mode == "exam" or turn.skipped or turn.follow_up or not (item and turn.judged):
            return False
        draft = follow_up(item, turn.judged, plan.lang, rng_of(self.state))
        if draft is None:
            return False
        data = {"item_id": turn.item_id, "text": draft.text}
        if draft.kind == "probe":
            self._append("probed", {**data, "point": draft.point})
        else:
            self._append("deepened", data)
        return True

    def _question(self, turn: Turn) -> Question:
        item, plan = self._items[turn.item_id], self.state.plan
        kind = turn.open or "question"
        after = turn.follow_up
        asked = kind == "question"
        return Question(
            text=item.question[plan.lang] if asked or not after else after.text,
            number=len(self.state.turns),
            of=plan.n,
            kind=kind,
            item_id=item.id,
            topic=item.topic,
            level=item.level,
            why=turn.why[plan.lang],
            hints_left=HINTS - len(turn.hints) if asked and plan.mode != "exam" else 0,
        )

    # replying --------------------------------------------------------------------------------

    def predict(self, score: float) -> None:
        """Notes the score (0 to 10) that the learner expects. Only before the reply."""
        turn = self._open("predict", only="question")
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 10:
            raise InputError(f"a predicted score is 0 to 10, not {score!r}")
        self._append("predicted", {"item_id": turn.item_id, "score": float(score)})

    def hint(self) -> str:
        """The next hint: a nudge, then a key point with blanks, then half a passage.

        Each lowers the rating of the review. Raises `InputError` in an exam, for
        a probe, and when all were given.
        """
        if self.state.plan.mode == "exam":
            raise InputError("an exam has no hints", fix="answer as far as you can, or skip")
        turn = self._open("hint", only="question")
        level = len(turn.hints) + 1
        if level > HINTS:
            raise InputError(f"all {HINTS} hints are given", fix="answer as far as you can, or skip")
        text = hint(self._items[turn.item_id], self.state.plan.lang, level)
        self._append("hinted", {"item_id": turn.item_id, "level": level, "text": text})
        return text

    def reply(self, text: str, predicted: float | None = None) -> Grade | None:
        """Logs the reply, then grades it. An empty one is graded as such.

        None in an exam, whose verdicts come with the report after its end, and
        for a deeper question, which has no key points. Raises `InputError` when
        no question is open or the reply can't be used; nothing is logged then.
        Should grading fail, the reply is kept and graded at the next call.
        """
        if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
            raise InputError(f"a reply is text of at most {MOST_CHARACTERS} characters")
        clean = lexicon.printable(text)
        if self._pending() == clean:  # sent again, because grading failed the first time
            return self._shown(self._settle())
        if predicted is not None:
            self.predict(predicted)
        turn = self._open("reply")
        at = self._clock()
        asked = turn if turn.open == "question" or not turn.follow_up else turn.follow_up
        waited = (at - asked.asked_at).total_seconds()
        data = {"item_id": turn.item_id, "to": turn.open, "text": clean}
        data["seconds"] = waited if 0 <= waited <= BREAK else None
        self._append("replied", data, at)
        return self._shown(self._settle())

    def skip(self) -> None:
        """Passes over the open question, or over a reply that can't be graded; no card changes."""
        turn = self.state.turn
        what = turn and (turn.open or turn.ungraded)
        if not turn or not what or self.state.finished:
            raise InputError("no question is open", fix="call next() for one")
        self._append("skipped", {"item_id": turn.item_id, "to": what})

    def _shown(self, grade: Grade | None) -> Grade | None:
        return None if self.state.plan.mode == "exam" else grade

    def _pending(self) -> str | None:
        """The reply that is logged and not graded yet."""
        turn = self.state.turn
        if turn is None or not turn.ungraded:
            return None
        return turn.follow_up.reply if turn.follow_up else turn.reply

    def _settle(self) -> Grade | None:
        """Grades the reply that is logged and not graded yet, if there is one."""
        turn, reply = self.state.turn, self._pending()
        if turn is None or reply is None:
            return None
        what = turn.ungraded
        item, plan, after = self._items.get(turn.item_id), self.state.plan, turn.follow_up
        probe = what == "probe" and after is not None
        if probe and item is not None:
            point = point_of(item, after.point)
            item = replace(item, points=(point,)) if point else None
        if item is None:  # the corpus has lost it since
            self._append("skipped", {"item_id": turn.item_id, "to": what})
            return None
        grade = self._grade(item, reply)
        self._append("graded", {
            "item_id": item.id, "topic": item.topic, "level": item.level, "lang": plan.lang,
            "reply": reply, "probe": probe, "hints": len(turn.hints),
            "seconds": None if probe else turn.seconds,
            "predicted": None if probe else turn.predicted, "grade": grade_data(grade),
        })
        return grade

    # afterwards ------------------------------------------------------------------------------

    def appeal(self, point: int, reason: str, *, item_id: str | None = None) -> None:
        """Disputes the verdict on a key point, counted from 1, of the latest graded reply.

        `item_id` names an earlier one. Kept in the log with the grader's verdict
        and its quote, for whoever maintains the installation (`tutor appeals`);
        the grade stays. Raises `InputError`.
        """
        self._revealed()
        turn = self._graded(item_id)
        assert turn.grade is not None
        verdict = _point(turn.grade, point)
        reason = lexicon.printable(reason).strip()[:MOST_REASON] if isinstance(reason, str) else ""
        if not reason:
            raise InputError("an appeal needs a reason", fix="say in a sentence what is wrong")
        self._append("appealed", {
            "item_id": turn.item_id, "number": point, "reason": reason,
            "verdict": verdict.verdict, "quote": verdict.quote, "point": verdict.text,
        })

    def check(self, point: int, verdict: Verdict, item_id: str | None = None, *, probe: bool = False) -> None:
        """The learner's own verdict on an unsure key point, counted from 1, of the latest graded reply.

        `item_id` names an earlier one, `probe` means the reply to its follow-up;
        the last check of a point counts. What is shown from here on is `judged`
        of the turn, in the report too. Appeals, cards, ability and `tutor replay`
        keep the grader's own verdict: whoever may talk up the schedule learns
        less. Raises `InputError` for a point that isn't unsure, and for credit
        where the reply has no words to quote.
        """
        self._revealed()
        turn = self._graded(item_id)
        judged = turn.follow_up if probe else turn
        if judged is None or judged.grade is None:
            raise InputError("there is no grade to judge", fix="reply first")
        if not _point(judged.grade, point).unsure:
            raise InputError(f"point {point} isn't one to check", fix="see Grade.points[n].unsure")
        with_self_check(judged.grade, {point - 1: verdict})
        self._append("checked", {"item_id": turn.item_id, "number": point, "verdict": verdict, "probe": probe})

    def _graded(self, item_id: str | None) -> Turn:
        """The latest graded turn, or that one. Raises `InputError`."""
        for turn in reversed(self.state.turns):
            if turn.grade and item_id in (None, turn.item_id):
                return turn
        raise InputError("there is no grade to judge", fix="reply first")

    def finish(self) -> None:
        """Ends the interview; what was answered counts. Once ended it stays so."""
        if self.state.finished is None:
            self._settle()
            self._append("finished", {})

    def report(self) -> Report:
        """What came of it so far. Raises `InputError` while an exam goes on."""
        self._revealed()
        if self.state.finished is None:
            self._settle()
        return report(self.state, self._items)

    def _revealed(self) -> None:
        if self.state.plan.mode == "exam" and self.state.finished is None:
            raise InputError("the verdicts of an exam come at its end", fix="finish the exam first")

    # the log ---------------------------------------------------------------------------------

    def _open(self, what: str, only: Kind | None = None) -> Turn:
        """The turn that waits for a reply. Raises `InputError`."""
        self._settle()
        turn = self.state.turn
        if self.state.open is None or turn is None or turn.item_id not in self._items:
            done = self.state.finished is not None
            raise InputError(
                f"can't {what}: " + ("the interview is finished" if done else "no question is open"),
                fix="begin another interview" if done else "call next() for one",
            )
        if only and turn.open != only:
            raise InputError(f"can't {what} for a follow-up", fix="reply, or skip it")
        return turn

    def _append(self, kind: str, data: Mapping[str, Any], at: datetime | None = None) -> None:
        data = {"v": VERSION, **data}
        try:
            event = self._log.append(
                self._user, self.id, kind, data, at or self._clock(), seq=self.state.seq
            )
        except TutorError:
            self._reload()  # another window may have gone on
            raise
        self.state = apply(self.state, event) or self.state

    def _reload(self) -> None:
        self.state = replay(self._log.events(self._user, self.id))


def _point(grade: Grade, number: int) -> PointVerdict:
    """The point of that number, from 1. Raises `InputError`."""
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(grade.points):
        raise InputError(f"the grade has points 1 to {len(grade.points)}, not {number!r}")
    return grade.points[number - 1]
