"""Follow-ups are made whole from the conversation, and other questions are left alone."""

from __future__ import annotations

import pytest

from tutor.chat import Message
from tutor.retrieval.followup import OWN, leans, speaks_of_other, standalone, wants_brief

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


@pytest.mark.parametrize(("question", "kind"), [("怎么做红烧肉", 0), ("tell me a joke", 0), ("那今晚吃什么", 1), ("它喜欢吃鱼吗", 2)])
def test_matter_that_the_corpus_does_not_know_is_no_follow_up(question: str, kind: int) -> None:
    assert speaks_of_other(question, OWN[kind] / 2, {})
    assert not speaks_of_other(question, OWN[kind] * 2, {})


def test_a_name_from_next_door_is_no_follow_up_unless_the_question_leans() -> None:
    assert speaks_of_other("HAProxy stick tables?", 0.9, {"stranger": 1.0})
    assert not speaks_of_other("does it work with HAProxy?", 0.9, {"stranger": 1.0})


@pytest.mark.parametrize("question", ["为什么？", "why?", "举个例子", "and?"])
def test_what_says_nothing_by_itself_is_always_a_follow_up(question: str) -> None:
    assert not speaks_of_other(question, 0.0, {})


@pytest.mark.parametrize(
    "question", ["那能说得简单点吗", "can you explain that more simply?", "太长了，总结一下", "tl;dr please", "没看懂", "I don't get it"]
)
def test_a_wish_for_it_shorter_or_simpler(question: str) -> None:
    assert wants_brief(question)


@pytest.mark.parametrize("question", ["简单说说 etcd 怎么备份", "那怎么排查？", "is there a simple way to back up etcd?", "why?"])
def test_a_question_with_a_topic_is_no_such_wish(question: str) -> None:
    assert not wants_brief(question)


@pytest.mark.parametrize(
    "message", ["日志太多了怎么办", "镜像太多了", "restart takes too long, why?", "what about short-lived ones?", "should it be short?", "太长了会怎样"]
)
def test_a_question_of_its_own_is_no_wish_for_it_shorter(message: str) -> None:
    assert not wants_brief(message)


@pytest.mark.parametrize("message", ["能举个生活中的例子吗", "downsides?", "any drawbacks?"])
def test_what_only_leans_brings_nothing_of_its_own(message: str) -> None:
    assert leans(message)
