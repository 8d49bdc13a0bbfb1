"""Events -> `State`: the log is the truth, the state is derived from it.

Kinds of events, with what their `data` holds beside "v", the version of the layout:

    started   plan: mode, topics, level, lang, n, seed, user
    asked     item_id, why (a text per language), success
    predicted item_id, score
    hinted    item_id, level (1 to 3), text
    replied   item_id, to ("question", "probe" or "deeper"), text, seconds
    graded    item_id, topic, level, lang, reply, probe, hints, seconds, predicted, grade
    probed    item_id, text, point
    deepened  item_id, text
    skipped   item_id, to
    appealed  item_id, number, reason, verdict, quote
    checked   item_id, number, verdict, probe
    finished  nothing

Keys may be added to a layout; a layout that changes its meaning gets a new
version. Unknown kinds, keys and versions are passed over, so that an older
program reads a newer log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from tutor.errors import InputError, StorageError
from tutor.grading import VERDICTS, Grade, PointVerdict, StatedMisconception, with_self_check
from tutor.interview.types import Appeal, FollowUp, Plan, State, Turn
from tutor.progress.types import Event

VERSION = 1
BREAK = 1800.0
"""Seconds between two events from which on the learner is taken to have been away."""

Data = Mapping[str, Any]


def replay(events: Iterable[Event]) -> State:
    """The state after all events of one interview, in the order of their numbers.

    Raises `InputError` when they don't begin an interview, and `StorageError`
    when one of them is damaged.
    """
    state = None
    for event in sorted(events, key=lambda event: event.seq):
        state = apply(state, event)
    if state is None:
        raise InputError("there is no such interview", fix="see `tutor progress` for those there are")
    return state


def apply(state: State | None, event: Event) -> State | None:
    """The state after one more event; None until the interview has started.

    Pure. Raises `StorageError` for an event whose data are damaged.
    """
    try:
        known = event.data.get("v", VERSION) <= VERSION
        if state is None:
            return _started(event) if known and event.kind == "started" else None
        step = _STEPS.get(event.kind) if known else None
        after = step(state, event) if step else state
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(
            f"event {event.seq} ({event.kind!r}) of the interview {event.interview!r} is damaged: {error}",
            fix="start a new interview; finished reviews are kept",
        ) from error
    gap = (event.at - state.last).total_seconds()
    spent = gap if 0 <= gap <= BREAK else 0.0
    return replace(after, seq=event.seq + 1, last=event.at, active=state.active + spent)


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan as JSON."""
    return {**vars(plan), "topics": dict(plan.topics)}


def grade_data(grade: Grade) -> dict[str, Any]:
    """The whole grade as JSON."""
    return asdict(grade)


def grade_of(data: Data) -> Grade:
    """The grade that `grade_data` wrote; keys that a newer version added are dropped.

    Raises `KeyError`, `TypeError` or `ValueError` for anything else.
    """
    points = tuple(_known(PointVerdict, point) for point in data["points"])
    if wrong := [point.verdict for point in points if point.verdict not in VERDICTS]:
        raise ValueError(f"there is no verdict {wrong[0]!r}")
    stated = tuple(_known(StatedMisconception, one) for one in data.get("misconceptions", ()))
    return replace(_known(Grade, data), points=points, misconceptions=stated)


def _known(kind: type, data: Data) -> Any:
    names = {field.name for field in fields(kind)}
    return kind(**{key: value for key, value in data.items() if key in names})


def _started(event: Event) -> State:
    plan = _known(Plan, event.data["plan"])
    return State(event.interview, plan, event.at, event.at, seq=event.seq + 1)


def _asked(state: State, event: Event) -> State:
    data = event.data
    turn = Turn(data["item_id"], data["why"], float(data["success"]), event.at)
    return replace(state, turns=(*state.turns, turn))


def _finished(state: State, event: Event) -> State:
    return replace(state, finished=state.finished or event.at)


def _on_turn(change: Callable[[Turn, Event], Turn]) -> Callable[[State, Event], State]:
    """A step that changes the turn of the event's item; without such a turn, nothing."""

    def step(state: State, event: Event) -> State:
        item_id = event.data["item_id"]
        return replace(
            state,
            turns=tuple(change(turn, event) if turn.item_id == item_id else turn for turn in state.turns),
        )

    return step


def _predicted(turn: Turn, event: Event) -> Turn:
    return replace(turn, predicted=float(event.data["score"]))


def _hinted(turn: Turn, event: Event) -> Turn:
    return replace(turn, hints=(*turn.hints, event.data["text"]))


def _replied(turn: Turn, event: Event) -> Turn:
    text = event.data["text"]
    if event.data["to"] == "question":
        return replace(turn, reply=text, seconds=event.data.get("seconds"))
    return _after(turn, reply=text)


def _graded(turn: Turn, event: Event) -> Turn:
    grade = grade_of(event.data["grade"])
    return _after(turn, grade=grade) if event.data["probe"] else replace(turn, grade=grade)


def _probed(turn: Turn, event: Event) -> Turn:
    after = FollowUp("probe", event.data["text"], event.at, point=event.data["point"])
    return replace(turn, follow_up=after)


def _deepened(turn: Turn, event: Event) -> Turn:
    return replace(turn, follow_up=FollowUp("deeper", event.data["text"], event.at))


def _skipped(turn: Turn, event: Event) -> Turn:
    if event.data["to"] == "question":
        return replace(turn, skipped=True)
    return _after(turn, skipped=True)


def _appealed(turn: Turn, event: Event) -> Turn:
    data = event.data
    appeal = Appeal(int(data["number"]), data["reason"], data["verdict"], data["quote"])
    return replace(turn, appeals=(*turn.appeals, appeal))


def _checked(turn: Turn, event: Event) -> Turn:
    number, verdict = int(event.data["number"]), event.data["verdict"]
    judged = turn.follow_up if event.data.get("probe") else turn
    if judged is None or judged.grade is None:
        raise ValueError("there is no grade to check")
    with_self_check(judged.grade, {number - 1: verdict})  # raises for what couldn't be shown
    checks = {**judged.checks, number: verdict}
    return _after(turn, checks=checks) if judged is turn.follow_up else replace(turn, checks=checks)


def _after(turn: Turn, **changes: Any) -> Turn:
    return replace(turn, follow_up=replace(turn.follow_up, **changes)) if turn.follow_up else turn


_STEPS: dict[str, Callable[[State, Event], State]] = {
    "asked": _asked,
    "finished": _finished,
    "predicted": _on_turn(_predicted),
    "hinted": _on_turn(_hinted),
    "replied": _on_turn(_replied),
    "graded": _on_turn(_graded),
    "probed": _on_turn(_probed),
    "deepened": _on_turn(_deepened),
    "skipped": _on_turn(_skipped),
    "appealed": _on_turn(_appealed),
    "checked": _on_turn(_checked),
}
