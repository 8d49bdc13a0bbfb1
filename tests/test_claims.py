"""What a question states, and which known misconception that is."""

from __future__ import annotations

import pytest

from tutor.corpus import Item
from tutor.corpus.items import Misconception, Source
from tutor.retrieval.claims import MOST, NEAR, assertion, nearest, stated


@pytest.mark.parametrize(
    "question",
    [
        "就绪探针失败会重启容器，对吗", "我觉得 Secret 是加密的", "听说 IPVS 是默认模式",
        "Secrets are encrypted, right?", "I think that a Service is a process",
        "PVCs go away with the StatefulSet, don't they?",
    ],
)
def test_a_claim_is_an_assertion(question: str) -> None:
    assert assertion(question) == 1.0


@pytest.mark.parametrize(
    "question",
    ["就绪探针和存活探针有什么区别", "简述滚动更新的流程", "pod pending", "What is a Pod?",
     "how do I drain a node", "explain rolling updates to me please"],
)
def test_a_question_states_nothing(question: str) -> None:
    assert assertion(question) == 0.0


@pytest.mark.parametrize("told", ["容器反复重启", "pod 一直起不来 老是重启", "my pods keep crashing in production"])
def test_trouble_told_states_nothing(told: str) -> None:
    assert assertion(told) == 0.0


def test_trouble_as_a_rule_is_a_statement() -> None:
    assert assertion("Pod 超了配额就会一直 Pending 排队") == 0.5
    assert assertion("a Pod without requests always gets stuck in Pending") == 0.5


def test_a_plain_sentence_may_be_either() -> None:
    assert assertion("kubectl drain has been hanging for half an hour") == 0.5


def item(*claims: str) -> Item:
    wrong = tuple(Misconception({"zh": c}, {"zh": f"{c}是错的"}) for c in claims)
    return Item(
        id="i", question={"zh": "q"}, answer={"zh": "a"}, source=Source("p", 1), misconceptions=wrong
    )


def test_the_nearest_claims_are_stated_best_first_and_few() -> None:
    claims = [f"误解{n}号探针重启容器" for n in range(6)]
    cosines = {claim: 0.88 + n / 100 for n, claim in enumerate(claims)}
    found = stated([(cosines, item(*claims))], "zh", "我觉得探针会重启容器")
    assert [pair[0] for pair in found["i"]] == claims[: -MOST - 1 : -1]


def test_a_question_is_not_told_that_it_is_wrong() -> None:
    claim = "就绪探针失败会重启容器"
    wrong = item(claim)
    assert stated([({claim: 0.95}, wrong)], "zh", "就绪探针失败会怎么样？") == {}
    assert stated([({claim: NEAR - 0.01}, wrong)], "zh", "我觉得就绪探针失败会重启容器") == {}
    assert nearest({claim: 0.9}, wrong, "zh") == ((claim, f"{claim}是错的"),)
    assert nearest({claim: NEAR - 0.01}, wrong, "zh") == ()
    assert nearest({claim: 0.9}, wrong, "en") == ()
