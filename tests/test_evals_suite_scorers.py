"""Numbers of single cases, by hand."""

from __future__ import annotations

import math

import pytest

from evals.suite import scorers
from evals.suite.scorers import Cited

ZH = """**先纠正一个误解**：有人认为“Pending 说明容器在反复崩溃”。实际上：反复崩溃的 Pod 已被调度。它的阶段是 Running。 [1]

存活探针失败时 kubelet 会重启容器。 [2]就绪探针失败时 Pod 会从端点移除。 [3]

**参考答案** [4]

先看 `kubectl describe pod` 的调度事件。
- 常见原因是资源不足。

```yaml
kind: Pod  # 不是句子。
```"""


def test_ranking_by_hand() -> None:
    ranked, gold = ["a", "b", "c", "d"], ["c", "x"]
    assert scorers.hit(ranked, gold, 2) == 0.0 and scorers.hit(ranked, gold, 3) == 1.0
    assert scorers.recall(ranked, gold, 4) == 0.5
    assert scorers.mrr(ranked, gold, 4) == pytest.approx(1 / 3) and scorers.mrr(ranked, gold, 2) == 0.0
    assert scorers.ndcg(ranked, gold, 4) == pytest.approx((1 / 2) / (1 + 1 / math.log2(3)))
    assert scorers.ndcg(["c", "x"], gold, 2) == 1.0


@pytest.mark.parametrize("scorer", [scorers.hit, scorers.recall, scorers.mrr, scorers.ndcg])
def test_without_gold_a_ranking_is_not_eligible(scorer) -> None:
    assert scorer(["a"], [], 1) is None


def test_facts_of_the_first_passages_together() -> None:
    facts = (("资源不足", "insufficient"), ("污点",), (r"PVC",))
    held = [scorers.held(facts, "insufficient CPU"), scorers.held(facts, "pvc 未绑定"), []]
    assert held == [[0], [2], []]
    assert [scorers.coverage(held, 3, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert scorers.coverage(held, 0, 1) is None


def test_an_answer_states_its_sentences_and_neither_code_nor_the_quoted_misconception() -> None:
    found = scorers.statements(ZH)
    assert [s.text for s in found] == [
        "反复崩溃的 Pod 已被调度。", "它的阶段是 Running。", "存活探针失败时 kubelet 会重启容器。",
        "就绪探针失败时 Pod 会从端点移除。", "先看 `kubectl describe pod` 的调度事件。", "常见原因是资源不足。",
    ]
    assert [s.markers for s in found] == [("1",), ("1",), ("2",), ("3",), ("4",), ("4",)]
    assert [s.own for s in found] == [True] * 4 + [False] * 2


def test_english_sentences_keep_the_marker_after_their_full_stop() -> None:
    found = scorers.statements("A Pod runs containers. [1] The kubelet of v1.30 starts them. [2]")
    assert [(s.text, s.markers) for s in found] == [
        ("A Pod runs containers.", ("1",)), ("The kubelet of v1.30 starts them.", ("2",)),
    ]


def test_support_needs_the_words_and_every_number() -> None:
    text = "宽限期默认 30 秒，超时后 kubelet 发送 SIGKILL。"
    assert scorers.supports(text, "默认宽限期 30 秒。")
    assert not scorers.supports(text, "默认宽限期 60 秒。")
    assert not scorers.supports(text, "Service 通过选择器找到端点。")


def cited(quote2: str = "存活探针失败时 kubelet 会重启容器。") -> list[Cited]:
    corpus = "先看 `kubectl describe pod` 的调度事件。\n- 常见原因是资源不足。\n反复崩溃的 Pod 已被调度。它的阶段是 Running。"
    probes = "存活探针失败时 kubelet 会重启容器。就绪探针失败时 Pod 会从端点移除。"
    return [
        Cited("[1]", "反复崩溃的 Pod 已被调度。它的阶段是 Running。", corpus), Cited("[2]", quote2, probes),
        Cited("[3]", "就绪探针失败时 Pod 会从端点移除。", probes),
        Cited("[4]", "先看 `kubectl describe pod` 的调度事件。", corpus),
    ]


def test_a_sound_answer_is_valid_precise_and_supported() -> None:
    citations = cited()
    passages = sorted({c.passage for c in citations})
    assert scorers.answer_counts(ZH, citations, passages, passages) == {
        "statements": 6, "unsupported": 0, "off_reference": 0, "uncited": 0, "citations": 4, "valid": 4, "precise": 4,
    }


def test_a_verbatim_quote_that_supports_something_else_is_valid_and_not_precise() -> None:
    citations = cited("就绪探针失败时 Pod 会从端点移除。")
    counts = scorers.answer_counts(ZH, citations, [c.passage for c in citations], [])
    assert (counts["valid"], counts["precise"]) == (4, 3)


def test_an_invented_quote_and_an_invented_sentence_are_counted() -> None:
    citations = cited("这句话哪里都没有。")
    counts = scorers.answer_counts(ZH + "\n\netcd 用 Raft 选主。 [9]", citations, [c.passage for c in citations], [])
    assert (counts["valid"], counts["precise"], counts["unsupported"], counts["uncited"]) == (3, 3, 1, 1)


@pytest.mark.parametrize(
    ("text", "lang", "right"),
    [
        ("先看 events，再看 `kubectl logs`。", "zh", True), ("Read the events first.", "zh", False),
        ("Read the events first.", "en", True), ("Read the 事件 first, 然后看日志。", "en", False),
        ("Read the events first.", "mixed", None), ("先看 events。", "mixed", None),
    ],
)
def test_the_language_of_an_answer(text: str, lang: str, right: bool | None) -> None:
    assert scorers.language_matches(text, lang) is right


def test_grades_by_hand() -> None:
    assert [scorers.band(s) for s in (0, 2, 2.1, 4, 10)] == [0, 0, 1, 1, 4]
    said, labels = ["hit", "partial", "missed", "contradicted"], ["hit", "missed", "hit", "contradicted"]
    assert scorers.point_counts(said, labels) == (1, 1, 1)
    assert scorers.changed_as_it_should("added", 6, 5) == 1.0
    assert scorers.changed_as_it_should("added", 5, 5) == 0.0
    assert scorers.changed_as_it_should("falsehood", 8, 9) == scorers.changed_as_it_should("swapped", 1, 9) == 1.0
    assert scorers.changed_as_it_should("full", 8, 9) is None
    assert scorers.invariance({"zh": 7.0, "en": 8.5}) == 1.5 and scorers.invariance({"zh": 7.0}) is None
