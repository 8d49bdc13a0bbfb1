"""Follow-ups are made whole from the conversation, and other questions are left alone."""

from __future__ import annotations

import pytest

from tutor.chat import Message
from tutor.retrieval.followup import standalone

ZH = [Message("user", "Pod 一直 Pending 是什么原因？"), Message("assistant", "资源不足……")]
EN = [Message("user", "What is a PodDisruptionBudget?"), Message("assistant", "It limits …")]


@pytest.mark.parametrize("question", ["那怎么排查？", "为什么？", "它和 Running 有什么区别？", "怎么解决呢？"])
def test_chinese_follow_ups(question: str) -> None:
    whole = standalone(question, ZH)
    assert whole is not None
    assert "Pending" in whole
    assert question in whole


@pytest.mark.parametrize("question", ["And how do I create it?", "why?", "what about its default?"])
def test_english_follow_ups(question: str) -> None:
    assert "PodDisruptionBudget" in (standalone(question, EN) or "")


@pytest.mark.parametrize(
    "question",
    ["Service 有哪几种类型，分别怎么用？", "How do liveness, readiness and startup probes differ?",
     "etcd 集群为什么建议部署奇数个节点？"],
)
def test_new_topics_stand_alone(question: str) -> None:
    assert standalone(question, ZH) is None
    assert standalone(question, EN) is None


def test_without_a_conversation_nothing_is_added() -> None:
    assert standalone("那怎么排查？", []) is None


def test_a_chain_of_follow_ups_keeps_its_topic() -> None:
    history = [*ZH, Message("user", "那怎么排查？"), Message("assistant", "看事件")]
    assert "Pending" in (standalone("还有别的办法吗？", history) or "")
