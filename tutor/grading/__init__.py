"""item + reply -> `Grade`: a verdict per key point, quoted, scored in code."""

from tutor.grading.grader import MAX_REPLY, grade_item, grade_reference, with_self_check
from tutor.grading.judging import Calibration, Judge, Reading, shipped_calibration, uncalibrated
from tutor.grading.types import VERDICTS, Grade, PointVerdict, StatedMisconception, Verdict
from tutor.grading.voting import with_votes

__all__ = [
    "MAX_REPLY",
    "VERDICTS",
    "Calibration",
    "Grade",
    "Judge",
    "PointVerdict",
    "Reading",
    "StatedMisconception",
    "Verdict",
    "grade_item",
    "grade_reference",
    "shipped_calibration",
    "uncalibrated",
    "with_self_check",
    "with_votes",
]
