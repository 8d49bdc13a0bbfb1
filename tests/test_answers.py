"""Answers: evidence first, supported sentences only, complete, refused in code."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.doubles import FakeChat
from tutor.answers import SYSTEM, Done, Evidence, Sentence, Token, answer_events
from tutor.answers.stream import prompt
from tutor.chat import Message
from tutor.errors import ModelError
from tutor.retrieval import Passage, Retrieval

TEXT = "存活探针失败时 kubelet 会重启容器。\n\n就绪探针失败时 Pod 会从 Service 的端点里移除，宽限期默认 30 秒。"
PASSAGE = Passage(
    text=TEXT, title="存活探针和就绪探针有什么区别", item_id="probes", source="corpus/probes.md",
    score=1.0, lang="zh", points=("存活探针失败时 kubelet 会重启容器", "就绪探针失败时摘除端点"),
)


def retrieval(passage: Passage = PASSAGE, confidence: float = 0.9, lang: str = "zh") -> Retrieval:
    return Retrieval("探针的区别", lang, (passage,), confidence, 0.5, {})


def events(chat, found: Retrieval | None = None, **options) -> list:
    ticks = itertools.count()
    return list(
        answer_events("探针的区别", found or retrieval(), chat, lambda: next(ticks) * 0.01, 0.0, **options)
    )


def done(chat, found: Retrieval | None = None, **options):
    return events(chat, found, **options)[-1].answer


def test_evidence_comes_before_the_model_is_asked() -> None:
    chat = FakeChat(["存活探针失败时 kubelet 会重启容器。"])
    stream = answer_events("q", retrieval(), chat, lambda: 0.0, 0.0)
    assert isinstance(next(stream), Evidence)
    assert chat.asked == []
    assert isinstance(next(stream), Token)
    stream.close()
    assert chat.closed_early == 1


def test_supported_sentences_stand_with_a_citation_and_others_are_dropped() -> None:
    chat = FakeChat(["存活探针失败时，kubelet 会重启", "容器。存活探针每 60 秒执行。", "宽限期默认 30 秒。"])
    found = events(chat)
    kept = [event.kept for event in found if isinstance(event, Sentence)]
    assert kept == [True, False, True]
    answer = found[-1].answer
    assert "60" not in answer.text
    assert answer.dropped[0][0] == "存活探针每 60 秒执行。"
    assert answer.model == "fake"


def test_every_quote_is_verbatim_and_every_marker_stands_in_the_text() -> None:
    answer = done(FakeChat(["存活探针失败时 kubelet 会重启容器。就绪探针失败时，Pod 会从端点移除。"]))
    assert len(answer.citations) >= 2
    for citation in answer.citations:
        assert citation.quote in PASSAGE.text
        assert citation.marker in answer.text
    assert len({c.marker for c in answer.citations}) == len(answer.citations)


def test_markers_of_the_model_are_dropped_and_counted() -> None:
    answer = done(FakeChat(["存活探针失败时 kubelet 会重启容器 [7]。"]))
    assert answer.unknown_markers == 1
    assert "[7]" not in answer.text


def test_the_text_is_complete_whatever_the_model_leaves_out() -> None:
    for chat in (None, FakeChat(["无关。"]), FakeChat(ModelError("died"))):
        assert TEXT in done(chat).text


def test_a_model_that_breaks_off_costs_a_notice_not_the_answer() -> None:
    answer = done(FakeChat(ModelError("the server died")))
    assert answer.status == "grounded"
    assert "the server died" in answer.notices[0]
    assert answer.model is None


def test_a_model_that_still_loads_is_said() -> None:
    answer = done(FakeChat([], ready=False))
    assert "没准备好" in answer.notices[0]


def test_a_slow_model_is_cut_off_and_what_it_said_stays() -> None:
    clock = itertools.count()
    chat = FakeChat(["存活探针失败时 kubelet 会重启容器。"] + ["又" * 3] * 500)
    answer = list(answer_events("q", retrieval(), chat, lambda: float(next(clock)), 0.0))[-1].answer
    assert chat.closed_early == 1
    assert "重启容器。 [" in answer.text
    assert "太慢" in answer.notices[0]


def test_low_confidence_is_refused_without_asking_the_model() -> None:
    chat = FakeChat(["anything"])
    found = events(chat, retrieval(confidence=0.2))
    assert [type(e) for e in found] == [Evidence, Done]
    answer = found[-1].answer
    assert (answer.status, answer.citations, chat.asked) == ("refused", (), [])
    assert PASSAGE.title in answer.text
    assert "没有可靠的依据" in answer.text
    english = done(chat, retrieval(confidence=0.2, lang="en"))
    assert "no reliable source" in english.text


def test_no_passage_at_all_is_refused() -> None:
    empty = Retrieval("q", "en", (), 0.0, 0.5, {})
    assert done(None, empty).status == "refused"


def test_a_stated_misconception_is_corrected_first() -> None:
    correction = "就绪探针失败不会重启容器，只会把 Pod 移出端点。"
    passage = Passage(
        text=f"{TEXT}\n\n{correction}", title="t", item_id="probes", source="s", score=1.0,
        lang="zh", misconceptions=(("就绪探针失败会重启容器", correction),),
    )
    answer = done(None, retrieval(passage))
    assert answer.text.index(correction) < answer.text.index("参考答案")
    assert answer.text.count(correction) == 1
    assert answer.citations[0].quote == correction


def test_a_misconception_that_is_only_near_comes_last() -> None:
    correction = "就绪探针失败不会重启容器，只会把 Pod 移出端点。"
    passage = Passage(
        text=f"{TEXT}\n\n{correction}", title="t", item_id="probes", source="s", score=1.0,
        lang="zh", pitfalls=(("就绪探针失败会重启容器", correction),),
    )
    answer = done(None, retrieval(passage))
    assert answer.text.index("参考答案") < answer.text.index("常见误解") < answer.text.index(correction)
    assert answer.text.count(correction) == 1


@pytest.mark.parametrize("said", ["是的，存活探针失败时 kubelet 会重启容器。", "没错，kubelet 会重启容器。"])
def test_the_model_gives_no_verdict_on_what_a_learner_says(said: str) -> None:
    found = done(FakeChat([said]), retrieval())
    assert found.dropped == ((said, "a yes or no that no passage can support"),)


def test_the_model_does_not_repeat_a_claim() -> None:
    said = "存活探针失败时 kubelet 会重启容器。"
    asked = replace(retrieval(), question="我觉得存活探针失败时 kubelet 会重启容器，对吗")
    assert done(FakeChat([said]), asked).dropped == ((said, "repeats what the question claims"),)
    assert done(FakeChat([said]), retrieval()).dropped == ()


@pytest.mark.parametrize("text", ["{question}", "{x.__class__}", "{{7*7}}", "{facts}", "%s {0}"])
def test_braces_stay_literal(text: str) -> None:
    found = Retrieval(text, "zh", (PASSAGE,), 0.9, 0.5, {})
    content = prompt(found)[1].content
    assert content.endswith(f"问题：{text}")
    assert PASSAGE.points[0] in content


def test_a_small_model_is_not_asked_to_confirm_a_claim() -> None:
    asked = replace(retrieval(), question="我觉得就绪探针失败会重启容器，对吗")
    assert prompt(asked)[1].content.endswith(f"问题：{PASSAGE.title}")


def test_a_numbered_list_is_cut_at_its_entries() -> None:
    said = "1. 存活探针失败时 kubelet 会重启容器。\n2. **宽限期默认 30 秒**。\n步骤如下："
    kept = [(e.text, e.kept) for e in events(FakeChat([said])) if isinstance(e, Sentence)]
    assert kept[0][0].startswith("存活探针失败时 kubelet 会重启容器。 [")
    assert [flag for _, flag in kept[:2]] == [True, True]
    assert "**" not in kept[1][0]


def test_a_first_sentence_goes_on_from_nothing() -> None:
    answer = done(FakeChat(["然后，存活探针失败时 kubelet 会重启容器。"]))
    assert answer.text.startswith("存活探针失败时 kubelet 会重启容器。 [1]")


def test_the_prompt_is_short_and_begins_with_fixed_text() -> None:
    messages = prompt(retrieval())
    assert messages[0] == Message("system", SYSTEM["zh"])
    long = Passage(text=TEXT * 40, title="t", item_id="i", source="s", score=1.0, lang="zh")
    assert len(prompt(retrieval(long))[1].content) < 400


def test_an_unfinished_sentence_is_not_kept() -> None:
    answer = done(FakeChat(["存活探针失败时 kubelet 会重启"]))
    assert not any(isinstance(e, Sentence) for e in events(FakeChat(["存活探针失败时 kubelet 会重启"])))
    assert "重启 [" not in answer.text


def test_a_brief_answer_is_the_key_points_with_quotes_and_no_model() -> None:
    chat = FakeChat(["anything"])
    points = ("存活探针失败时 kubelet 会重启容器", "就绪探针失败时 Pod 会从端点里移除", "etcd 用 Raft 复制日志")
    answer = done(chat, replace(retrieval(replace(PASSAGE, points=points)), brief=True))
    assert answer.text == f"**要点**\n\n- {points[0]} [1]\n- {points[1]} [2]"
    assert all(citation.quote in PASSAGE.text for citation in answer.citations) and len(answer.citations) == 2
    assert chat.asked == []


def test_without_two_points_that_the_passage_holds_a_brief_answer_is_the_passage() -> None:
    answer = done(None, replace(retrieval(replace(PASSAGE, points=("etcd 用 Raft 复制日志",))), brief=True))
    assert TEXT in answer.text
