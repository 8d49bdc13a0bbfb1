"""Conversations are replayed from the log: nothing of one user reaches another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.doubles import Clock
from tutor.answers import Answer, Citation
from tutor.app import Tutor
from tutor.conversations import Conversations, feedback, replay, to_markdown
from tutor.errors import InputError
from tutor.progress import Event, Store
from tutor.retrieval import Passage

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
PASSAGE = Passage("先看事件。", "Pod Pending", "pending", "pod/pending.md", 1.0, "zh",
                  misconceptions=(("甲", "乙"),))  # fmt: skip
ANSWER = Answer(
    "为什么 Pending？", "先看事件。 [1]", (Citation("[1]", "pending", "Pod Pending", "pod/pending.md", "先看事件。"),),
    (PASSAGE,), "grounded", 0.9, "zh", {"evidence": 0.1}, dropped=(("x", "y"),), suggestions=("那污点呢？",),
)  # fmt: skip


class MemoryLog:
    """The log, in a list; what is appended passes through JSON as in a database."""

    def __init__(self) -> None:
        self.kept: list[Event] = []

    def append(
        self, user: str, interview: str, kind: str, data: Mapping[str, Any], at: datetime
    ) -> Event:
        seq = sum(e.user == user and e.interview == interview for e in self.kept)
        event = Event(user, interview, seq, at, kind, json.loads(json.dumps(data)))
        self.kept.append(event)
        return event

    def events(self, user: str, interview: str | None = None) -> list[Event]:
        return [e for e in self.kept if e.user == user and interview in (None, e.interview)]

    def users(self) -> list[str]:
        return sorted({event.user for event in self.kept})


@pytest.fixture
def store() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def chats(store: MemoryLog) -> Conversations:
    return Conversations(store, "li", Clock(START, 1))


def answered(chats: Conversations, question: str = "为什么 Pending？", id: str = "") -> str:
    before, number = chats.ask(question, id)
    chats.answer(before.id, number, "grounded", answer=replace(ANSWER, question=question))
    return before.id


def test_an_answer_comes_back_as_it_was(chats: Conversations) -> None:
    id = answered(chats)
    found = chats.get(id)
    assert found.title == "为什么 Pending？"
    assert found.turns[0].answer == ANSWER
    assert found.turns[0].state == "grounded"
    assert [(m.role, m.content) for m in found.history()] == [
        ("user", "为什么 Pending？"), ("assistant", "先看事件。 [1]"),
    ]  # fmt: skip


def test_asking_returns_the_conversation_before_the_question(chats: Conversations) -> None:
    id = answered(chats)
    before, number = chats.ask("那怎么办？", id)
    assert (before.id, len(before.turns)) == (id, 1)
    assert chats.get(id).turn(number).question == "那怎么办？"


def test_a_question_without_an_answer_counts_as_stopped(chats: Conversations) -> None:
    before, number = chats.ask("有人吗？")
    turn = chats.get(before.id).turn(number)
    assert (turn.state, turn.said, turn.answer) == ("stopped", "", None)


def test_what_a_stopped_answer_had_said_is_kept_with_its_evidence(chats: Conversations) -> None:
    before, number = chats.ask("为什么？")
    chats.answer(before.id, number, "stopped", kept=["甲。 [1]", "乙。"], passages=[PASSAGE])
    turn = chats.get(before.id).turn(number)
    assert (turn.said, turn.passages) == ("甲。 [1] 乙。", (PASSAGE,))


def test_only_the_last_messages_go_with_a_question(chats: Conversations) -> None:
    id = answered(chats)
    for n in range(9):
        answered(chats, f"问题 {n}", id)
    history = chats.get(id).history()
    assert (len(history), history[-2].content) == (12, "问题 8")


def test_the_latest_comes_first(chats: Conversations) -> None:
    first, second = answered(chats, "一"), answered(chats, "二")
    assert [c.id for c in chats.all()] == [second, first]
    answered(chats, "三", first)
    assert [c.id for c in chats.all()] == [first, second]


@pytest.mark.parametrize(
    ("query", "found"),
    [("pending", ["为什么 Pending？"]), ("ＰＥＮＤＩＮＧ 事件", ["为什么 Pending？"]), ("红烧肉", []),
     ("事件 service", ["Service 呢"]), ("  ", ["Service 呢", "为什么 Pending？"])],
)  # fmt: skip
def test_search_finds_every_word_in_questions_and_answers(
    chats: Conversations, query: str, found: list[str]
) -> None:
    answered(chats)
    answered(chats, "Service 呢")
    assert [c.title for c in chats.all(query)] == found


def test_a_new_title_stays_until_the_next(chats: Conversations) -> None:
    id = answered(chats)
    chats.rename(id, "  我的\n标题 ")
    assert chats.get(id).title == "我的 标题"
    with pytest.raises(InputError, match="title"):
        chats.rename(id, " \n")


def test_a_deleted_conversation_is_gone(chats: Conversations) -> None:
    id = answered(chats)
    chats.delete(id)
    assert chats.all() == []
    for action in (chats.get, chats.delete, lambda id: chats.ask("再问", id)):
        with pytest.raises(InputError, match="no conversation"):
            action(id)


@pytest.mark.parametrize("id", ["", "iv-1", "chat-", "chat-0123456789abcdef", "../x", "chat-" + "0" * 99])
def test_only_a_conversation_of_ones_own_can_be_named(
    chats: Conversations, store: MemoryLog, id: str
) -> None:
    store.append("li", "iv-1", "begun", {}, START)
    with pytest.raises(InputError, match="no conversation"):
        chats.rename(id, "x")
    assert len(store.kept) == 1


def test_users_share_nothing(chats: Conversations, store: MemoryLog) -> None:
    id = answered(chats)
    other = Conversations(store, "wang")
    assert other.all() == other.all("pending") == []
    for action in (other.get, other.delete, lambda id: other.ask("偷看", id),
                   lambda id: other.rename(id, "x"), lambda id: other.rate(id, 0, "up")):  # fmt: skip
        with pytest.raises(InputError):
            action(id)
    assert len(store.kept) == 2


def test_the_last_rating_counts(chats: Conversations, store: MemoryLog) -> None:
    id = answered(chats)
    chats.rate(id, 0, "up")
    chats.rate(id, 0, "down", "  引用错了 ")
    assert (chats.get(id).turns[0].rating, chats.get(id).turns[0].reason) == ("down", "引用错了")
    Conversations(store, "wang").ask("别的")
    [event] = feedback(store)
    assert event.data == {
        "asked": 0, "rating": "down", "reason": "引用错了", "question": "为什么 Pending？",
        "answer": "先看事件。 [1]", "items": ["pending"],
    }  # fmt: skip
    assert feedback(store, "wang") == []
    chats.rate(id, 0, "")
    assert feedback(store) == []


@pytest.mark.parametrize(("number", "rating"), [(1, "up"), (0, "great")])
def test_only_answers_are_rated_and_only_up_or_down(
    chats: Conversations, number: int, rating: Any
) -> None:
    id = answered(chats)
    with pytest.raises(InputError):
        chats.rate(id, number, rating)


def test_an_event_that_cannot_be_read_costs_no_other(
    chats: Conversations, store: MemoryLog, caplog: pytest.LogCaptureFixture
) -> None:
    id = answered(chats)
    store.append("li", id, "answered", {"asked": 77, "answer": None}, START)
    store.append("li", id, "answered", {"asked": 0, "state": "grounded", "answer": {"text": 3}}, START)
    store.append("li", id, "someday", {}, START)
    assert chats.get(id).turns[0].answer == ANSWER
    assert caplog.text.count("left out") == 2


def test_other_events_of_the_log_are_passed_over() -> None:
    assert replay([Event("li", "iv-1", 0, START, "asked", {"question": "x"})]) == []


def test_markdown_holds_questions_answers_and_sources(chats: Conversations) -> None:
    id = answered(chats)
    chats.ask("两行\n的问题", id)
    chats.rename(id, "排查")
    assert to_markdown(chats.get(id), "zh") == (
        "# 排查\n\n## 为什么 Pending？\n\n先看事件。 [1]\n\n**来源**\n\n"
        "- [1] Pod Pending (pod/pending.md): “先看事件。”\n\n"
        "## 两行 的问题\n\n> 两行\n> 的问题\n\n*（没有回答）*\n"
    )


def test_the_tutor_keeps_conversations_in_its_log(tutor: Tutor) -> None:
    id = answered(tutor.conversations("li"))
    tutor.conversations("li").rate(id, 0, "up")
    assert tutor.conversations("li").get(id).turns[0].answer == ANSWER
    assert tutor.conversations("wang").all() == []
    assert [event.data["rating"] for event in tutor.feedback()] == ["up"]
    assert tutor.feedback("wang") == []
    assert tutor.delete_user("li") == 3
    assert tutor.conversations("li").all() == []
    assert isinstance(tutor.study.store, Store)
