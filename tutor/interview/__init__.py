"""Interviews: pure steps over an event log, and the shell that drives them.

plan -> choose -> question -> hint, reply -> grade -> probe or deeper question -> report
"""

from tutor.interview.choose import BAND, Choice, choose, predicted, rng_of
from tutor.interview.hints import HINTS, hint
from tutor.interview.jd import topics_of
from tutor.interview.leaks import Known, blank, leaks
from tutor.interview.probe import Draft, follow_up
from tutor.interview.replay import Change, VerdictChange, regrade
from tutor.interview.report import Advice, Answered, Report, TopicScore, report, to_markdown
from tutor.interview.session import Interview, Log, Question
from tutor.interview.state import apply, grade_data, grade_of, replay
from tutor.interview.types import (
    MODES,
    TOPIC_NAMES,
    Appeal,
    FollowUp,
    Mode,
    Plan,
    State,
    Turn,
)

__all__ = [
    "BAND",
    "HINTS",
    "MODES",
    "TOPIC_NAMES",
    "Advice",
    "Answered",
    "Appeal",
    "Change",
    "Choice",
    "Draft",
    "FollowUp",
    "Interview",
    "Known",
    "Log",
    "Mode",
    "Plan",
    "Question",
    "Report",
    "State",
    "TopicScore",
    "Turn",
    "VerdictChange",
    "apply",
    "blank",
    "choose",
    "follow_up",
    "grade_data",
    "grade_of",
    "hint",
    "leaks",
    "predicted",
    "regrade",
    "replay",
    "report",
    "rng_of",
    "to_markdown",
    "topics_of",
]
