"""Thanks and greetings are told from questions, and answered by code."""

from __future__ import annotations

import pytest

from tests.doubles import FakeChat, FakeEmbedder
from tutor.app import Tutor
from tutor.retrieval.courtesy import courtesy, without_courtesy
from tutor.settings import Settings


@pytest.mark.parametrize(
    ("message", "kind"),
    [("谢谢", "thanks"), ("thanks!", "thanks"), ("Thank you so much", "thanks"), ("ok", "assent"), ("好的，明白了", "assent"),
     ("I see, that makes sense", "assent"), ("hello", "greeting"), ("你好呀", "greeting"), ("谢谢，再见", "farewell"), ("嗯嗯", "assent")],
)
def test_courtesies(message: str, kind: str) -> None:
    assert courtesy(message) == kind


@pytest.mark.parametrize(
    "message",
    ["为什么", "好用吗", "那怎么办", "why?", "is that all?", "hidden", "thanks, and how do I undo that?", "运行", "good practices",
     "天气不错", "right?"],
)
def test_what_asks_or_says_more_is_none(message: str) -> None:
    assert courtesy(message) is None


def test_courtesies_before_a_question_are_taken_off() -> None:
    assert without_courtesy("好的，那怎么排查？") == "那怎么排查？"
    assert without_courtesy("hi, what is a pod") == "what is a pod"
    for question in ("好处是什么", "good practices for probes", "clear the cache", "谢谢"):
        assert without_courtesy(question) == question


def test_a_courtesy_gets_a_line_and_what_to_ask_next_without_the_model(chatty) -> None:
    tutor: Tutor = chatty(["anything"])
    first = next(item for item in tutor.items() if tutor.ask(item.title("zh")).status == "grounded")
    assert isinstance(tutor.chat, FakeChat)
    before = len(tutor.chat.asked)
    answer = tutor.ask("谢谢", history=[("user", first.title("zh")), ("assistant", "……"), ("user", "ok"), ("assistant", "……")])
    assert (answer.status, answer.courtesy, answer.citations, answer.passages) == ("refused", True, (), ())
    assert answer.text.startswith("不客气")
    assert answer.suggestions == ("追问一", "追问二")
    assert tutor.ask("hello").text.startswith("Hello")
    assert len(tutor.chat.asked) == before


def test_a_courtesy_at_the_beginning_names_what_most_items_build_on(settings: Settings, embedder: FakeEmbedder) -> None:
    for path, wanted in (("storage/pvc.md", "[pod-pending, probes]"), ("scheduling/drain.md", "[probes, nowhere]")):
        file = settings.corpus_dir / path
        file.write_text(file.read_text("utf-8").replace("prerequisites: []", f"prerequisites: {wanted}"), "utf-8")
    with Tutor.open(settings, chat_model=None, embedder=embedder) as tutor:
        answer = tutor.ask("你好")
        assert answer.suggestions == ("存活探针和就绪探针有什么区别", "Pod 一直 Pending 怎么排查")
        assert all(title in answer.text for title in answer.suggestions)
        assert tutor.ask("你好", history=[("user", ""), ("user", "…")]).suggestions == answer.suggestions


@pytest.mark.parametrize("message", ["is it good?", "可以？", "你了解？", "that's it?", "hello world deployment", "我" * 4000, "ok " * 200])
def test_what_asks_or_is_long_is_no_courtesy(message: str) -> None:
    assert courtesy(message) is None
    assert without_courtesy(message) == message


def test_a_greeting_may_ask() -> None:
    assert courtesy("在吗？") == "greeting"
