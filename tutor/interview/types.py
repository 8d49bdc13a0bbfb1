"""What an interview is made of: its plan, and its state as the log tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from tutor.corpus.items import LANGS, LEVELS, TOPICS, Lang, Text
from tutor.errors import InputError
from tutor.grading import Grade, Verdict, with_self_check

Mode = Literal["mock", "drill", "exam", "review", "jd"]
MODES: tuple[Mode, ...] = ("mock", "drill", "exam", "review", "jd")
MOST_QUESTIONS = 50

Checks = Mapping[int, Verdict]
"""The learner's own verdicts on unsure points, by their number from 1."""
FollowUpKind = Literal["probe", "deeper"]
Kind = Literal["question", "probe", "deeper"]

TOPIC_NAMES: Mapping[str, Text] = MappingProxyType({
    "architecture": {"zh": "架构与组件", "en": "architecture and components"},
    "pod-lifecycle": {"zh": "Pod 与生命周期", "en": "Pods and their lifecycle"},
    "workloads": {"zh": "工作负载", "en": "workloads"},
    "scheduling": {"zh": "调度", "en": "scheduling"},
    "autoscaling-resources": {"zh": "资源与自动扩缩", "en": "resources and autoscaling"},
    "services-networking": {"zh": "服务与网络", "en": "services and networking"},
    "cni": {"zh": "CNI 网络插件", "en": "CNI network plugins"},
    "storage": {"zh": "存储", "en": "storage"},
    "config-security": {"zh": "配置与安全", "en": "configuration and security"},
    "etcd": {"zh": "etcd", "en": "etcd"},
    "observability": {"zh": "可观测性", "en": "observability"},
    "operations-troubleshooting": {"zh": "运维与排障", "en": "operations and troubleshooting"},
    "scale-ha": {"zh": "规模与高可用", "en": "scale and high availability"},
    "delivery": {"zh": "持续交付", "en": "delivery"},
    "service-mesh-devops": {"zh": "服务网格与 DevOps", "en": "service mesh and DevOps"},
    "extensibility": {"zh": "扩展机制", "en": "extensibility"},
    "career": {"zh": "面试与职业", "en": "career"},
})


@dataclass(frozen=True)
class Plan:
    """What an interview is to be. Raises `InputError` for anything that can't be meant.

    `topics` maps topics to weights above 0; empty means all but "career".
    `level` None means whatever suits the learner. `n` counts the questions
    without probes and deeper ones, 1 to 50. The same `seed` with the same log,
    learner and items gives the same questions.
    """

    mode: Mode = "mock"
    topics: Mapping[str, float] = field(default_factory=dict)
    level: str | None = None
    lang: Lang = "zh"
    n: int = 5
    seed: int = 0
    user: str = "me"

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("mode", self.mode, MODES),
            ("level", self.level, (None, *LEVELS)),
            ("lang", self.lang, LANGS),
            *(("topic", topic, TOPICS) for topic in self.topics),
        ):
            if value not in allowed:
                known = ", ".join(str(one) for one in allowed if one)
                raise InputError(f"there is no {name} {value!r}", fix=f"choose one of: {known}")
        if isinstance(self.n, bool) or not isinstance(self.n, int) or not 1 <= self.n <= MOST_QUESTIONS:
            raise InputError(f"an interview has 1 to {MOST_QUESTIONS} questions, not {self.n!r}")
        if not all(isinstance(w, int | float) and 0 < w < float("inf") for w in self.topics.values()):
            raise InputError(f"the weight of a topic is a number above 0: {dict(self.topics)!r}")
        if self.mode == "jd" and not self.topics:
            raise InputError(
                "an interview for a job description needs its topics",
                fix="paste the description, or use the mode 'mock'",
            )
        if not isinstance(self.user, str) or not self.user.strip():
            raise InputError(f"a user has a name, not {self.user!r}")


@dataclass(frozen=True)
class FollowUp:
    """What came after a grade: a probe of the key point `point`, or a deeper question.

    A deeper question has no key points of its own, so it is never graded.
    `checks` are the learner's, as in `Turn`.
    """

    kind: FollowUpKind
    text: str
    asked_at: datetime
    point: str = ""
    reply: str | None = None
    grade: Grade | None = None
    skipped: bool = False
    checks: Checks = field(default_factory=dict)

    @property
    def judged(self) -> Grade | None:
        """The grade with the learner's checks applied: the one to show."""
        return _judged(self.grade, self.checks)


@dataclass(frozen=True)
class Appeal:
    """The learner disputes the grader's verdict on the point `number`, counted from 1."""

    number: int
    reason: str
    verdict: Verdict
    quote: str


@dataclass(frozen=True)
class Turn:
    """One question with all that followed it.

    `success` is the predicted share of its key points (0.0 to 1.0) when it was
    chosen, `seconds` the time from the question to the reply, None if unknown.
    `grade` is the grader's own, whatever the learner's `checks` say.
    """

    item_id: str
    why: Text
    success: float
    asked_at: datetime
    predicted: float | None = None
    hints: tuple[str, ...] = ()
    reply: str | None = None
    seconds: float | None = None
    grade: Grade | None = None
    skipped: bool = False
    follow_up: FollowUp | None = None
    appeals: tuple[Appeal, ...] = ()
    checks: Checks = field(default_factory=dict)

    @property
    def judged(self) -> Grade | None:
        """The grade with the learner's checks applied: the one to show."""
        return _judged(self.grade, self.checks)

    @property
    def open(self) -> Kind | None:
        """What waits for a reply of the learner."""
        if self.reply is None:
            return None if self.skipped else "question"
        after = self.follow_up
        return after.kind if after and after.reply is None and not after.skipped else None

    @property
    def ungraded(self) -> Literal["question", "probe"] | None:
        """Which reply is in the log and not graded yet."""
        if self.skipped or self.reply is None:
            return None
        if self.grade is None:
            return "question"
        after = self.follow_up
        if after and after.kind == "probe" and not after.skipped:
            return "probe" if after.reply is not None and after.grade is None else None
        return None


@dataclass(frozen=True)
class State:
    """An interview at a moment, derived from its events and from nothing else.

    `seq` is the number of the next event. `active` is the time spent in
    seconds: the gaps between events, long breaks left out.
    """

    id: str
    plan: Plan
    started: datetime
    last: datetime
    seq: int = 1
    turns: tuple[Turn, ...] = ()
    finished: datetime | None = None
    active: float = 0.0

    @property
    def turn(self) -> Turn | None:
        """The latest question."""
        return self.turns[-1] if self.turns else None

    @property
    def open(self) -> Kind | None:
        """What waits for a reply of the learner, None after the end."""
        return self.turn.open if self.turn and self.finished is None else None


def _judged(grade: Grade | None, checks: Checks) -> Grade | None:
    if grade is None or not checks:
        return grade
    return with_self_check(grade, {number - 1: verdict for number, verdict in checks.items()})
