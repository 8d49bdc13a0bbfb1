"""Doubles behind the two protocols, and a corpus small enough to compute by hand."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from tutor import lexicon
from tutor.chat import Message
from tutor.grading import VERDICTS, Calibration, Reading
from tutor.grading.features import NAMES

DIMENSIONS = 256
UNMOVED = Calibration(
    weights=np.eye(len(VERDICTS), len(NAMES)), bias=np.zeros(len(VERDICTS)),
    mean=np.zeros(len(NAMES)), scale=np.ones(len(NAMES)), unsure=0.6,
)
"""Gives back the probabilities of the judge as they are."""


class FakeEmbedder:
    """A bag of tokens hashed into a unit vector: texts with the same tokens agree."""

    name = "fake bag of tokens"

    def __init__(self) -> None:
        self.embedded = 0

    def embed_query(self, text: str) -> np.ndarray:
        vector = np.zeros(DIMENSIONS, np.float32)
        for token in lexicon.tokens(text):
            vector[int(hashlib.md5(token.encode()).hexdigest(), 16) % DIMENSIONS] += 1
        norm = np.linalg.norm(vector)
        return vector / norm if norm else np.ones(DIMENSIONS, np.float32) / DIMENSIONS**0.5

    def embed_documents(self, texts: list[str]) -> np.ndarray:
        self.embedded += len(texts)
        return np.stack([self.embed_query(text) for text in texts])


class FakeChat:
    """Says the given pieces, or raises the given error; remembers what it was asked."""

    name = "fake"

    def __init__(self, replies: Sequence[str] | Exception, *, ready: bool = True) -> None:
        self._replies = replies
        self._ready = ready
        self.asked: list[list[Message]] = []
        self.closed_early = 0
        self._lock = threading.Lock()

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        with self._lock:
            self.asked.append(list(messages))
        if isinstance(self._replies, Exception):
            raise self._replies
        done = False
        try:
            yield from self._replies
            done = True
        finally:
            self.closed_early += not done

    def ready(self) -> bool:
        return self._ready

    def close(self) -> None:
        pass


class FakeJudge:
    """A point is hit when at least half of its words stand in the clauses, else missed.

    `sure` is the probability of that verdict; below .6 it is an unsure one.
    """

    name = "fake bag of tokens"

    def __init__(self, sure: float = 0.9) -> None:
        self._sure = sure

    def read(self, clauses: Sequence[str], question: str, points: Sequence[str]) -> Reading:
        said = [set(lexicon.words(clause)) for clause in clauses]
        verdicts = np.full((len(points), len(VERDICTS)), (1 - self._sure) / (len(VERDICTS) - 1))
        marks = np.zeros((len(points), len(clauses)))
        for number, point in enumerate(points):
            wanted = set(lexicon.words(point))
            marks[number] = [lexicon.overlap(wanted, tokens) for tokens in said]
            hit = lexicon.overlap(wanted, set().union(*said)) >= 0.5
            verdicts[number, VERDICTS.index("hit" if hit else "missed")] = self._sure
        return Reading(verdicts, marks)

    def worth(self, said: str, question: str, references: Sequence[str]) -> float | None:
        return None


def curated(
    item_id: str, topic: str, zh: str, en: str, answer_zh: str, answer_en: str,
    claim: tuple[str, str, str, str] = ("甲", "a claim", "乙", "a correction"),
) -> str:
    """A curated file with the given texts."""
    return f"""---
id: {item_id}
topic: {topic}
level: junior
question:
  zh: {zh}
  en: {en}
aliases:
  zh: [{zh}一, {zh}二, {zh}三]
  en: [{en} one, {en} two, {en} three]
points:
  - weight: 3
    zh: {answer_zh.splitlines()[0]}
    en: "{answer_en.splitlines()[0]}"
  - weight: 1
    zh: {answer_zh.splitlines()[-1]}
    en: "{answer_en.splitlines()[-1]}"
misconceptions:
  - claim: {{zh: "{claim[0]}", en: "{claim[1]}"}}
    correction: {{zh: "{claim[2]}", en: "{claim[3]}"}}
follow_ups:
  - {{zh: 追问一, en: follow-up one}}
  - {{zh: 追问二, en: follow-up two}}
prerequisites: []
seeds: []
since: "1.25"
until: null
reference: concepts/x
---

## zh

{answer_zh}

## en

{answer_en}
"""


CORPUS = {
    "pod-lifecycle/pod-pending.md": curated(
        "pod-pending", "pod-lifecycle",
        "Pod 一直 Pending 怎么排查", "Why is a Pod stuck in Pending",
        "先用 `kubectl describe pod` 看调度失败的事件。\n常见原因是资源不足、污点没有容忍、PVC 没有绑定。",
        "Read the scheduling events with `kubectl describe pod` first.\nUsual causes are insufficient resources, taints without tolerations and unbound PVCs.",
        ("Pending 说明容器在反复崩溃", "Pending means that the container keeps crashing",
         "反复崩溃的 Pod 已被调度，阶段通常是 Running。",
         "A Pod that keeps crashing is scheduled already and its phase is usually Running."),
    ),
    "pod-lifecycle/probes.md": curated(
        "probes", "pod-lifecycle",
        "存活探针和就绪探针有什么区别", "How do liveness and readiness probes differ",
        "存活探针失败时 kubelet 会重启容器。\n就绪探针失败时 Pod 会从 Service 的端点里移除，容器不会重启。",
        "When a liveness probe fails, the kubelet restarts the container.\nWhen a readiness probe fails, the Pod is removed from the endpoints of the Service and the container is not restarted.",
    ),
    "scheduling/drain.md": curated(
        "drain", "scheduling",
        "如何安全地维护节点", "How do you take a node down for maintenance",
        "先执行 `kubectl cordon` 再执行 `kubectl drain --ignore-daemonsets` 驱逐 Pod。\n维护后用 `kubectl uncordon` 恢复调度，宽限期默认 30 秒。",
        "Run `kubectl cordon`, then `kubectl drain --ignore-daemonsets` to evict the Pods.\nAfterwards `kubectl uncordon` allows scheduling again; the grace period defaults to 30 seconds.",
    ),
    "storage/pvc.md": curated(
        "pvc", "storage",
        "PV 和 PVC 是什么关系", "What is the relation of PV and PVC",
        "PVC 是用户对存储的申请，PV 是集群里的一块存储。\n两者按容量和访问模式一对一绑定。",
        "A PVC is a user's request for storage and a PV is a piece of storage in the cluster.\nThey are bound one to one by capacity and access mode.",
    ),
}


class Clock:
    """So many seconds later at each look; a test may set `now`."""

    def __init__(self, start: datetime, seconds: float) -> None:
        self.now = start
        self._step = timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        self.now += self._step
        return self.now
