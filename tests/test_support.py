"""What counts as supported by a passage. Each pair differs in one thing only."""

from __future__ import annotations

import itertools

import pytest

from tutor.answers import spans, support

ZH = (
    "存活探针（liveness probe）失败时，kubelet 会重启容器。就绪探针（readiness probe）失败时，"
    "Pod 会从 Service 的端点里移除，容器不会被重启。`terminationGracePeriodSeconds` 默认 30 秒。"
)
EN = (
    "Run `kubectl drain node-1 --ignore-daemonsets` to evict the Pods. "
    "Since v1.29 sidecars are supported. The scheduler doesn't move running Pods."
)


@pytest.mark.parametrize(
    ("sentence", "ok"),
    [
        ("存活探针失败后，kubelet 会重启容器。", True),
        ("存活探针失败后，kubelet 不会重启容器。", False),
        ("就绪探针失败时，Pod 会从 Service 的端点移除，容器不会重启。", True),
        ("存活探针由调度器执行，失败后节点会被驱逐。", False),
        ("terminationGracePeriodSeconds 默认 30 秒。", True),
        ("terminationGracePeriodSeconds 默认 60 秒。", False),
    ],
)
def test_chinese(sentence: str, ok: bool) -> None:
    assert support(sentence, [ZH]).ok is ok


@pytest.mark.parametrize(
    ("sentence", "ok"),
    [
        ("Use `kubectl drain` with --ignore-daemonsets to evict Pods.", True),
        ("Use `kubectl drain` with --force to evict Pods.", False),
        ("Sidecars are supported since v1.29.", True),
        ("Sidecars are supported since v1.28.", False),
        ("The scheduler moves running Pods.", False),
        ("The scheduler doesn't move running Pods.", True),
        ("Run `kubectl cordon node-1` to evict the Pods.", False),
    ],
)
def test_english(sentence: str, ok: bool) -> None:
    assert support(sentence, [EN]).ok is ok


def test_the_quote_is_verbatim_and_the_passage_is_named() -> None:
    found = support("存活探针失败后，kubelet 会重启容器。", [EN, ZH])
    assert found.passage == 1
    assert found.quote in ZH
    assert "重启容器" in found.quote


def test_swapped_roles_are_not_supported() -> None:
    text = "The kubelet watches the API server, and the scheduler binds the Pod to a node."
    assert support("The kubelet watches the API server and the scheduler binds the Pod to a node.", [text]).ok
    assert not support("A node binds the scheduler and the API server watches the Pod of the kubelet.", [text]).ok


@pytest.mark.parametrize(
    ("sentence", "ok"),
    [
        ("控制面升级不影响工作节点上的业务 Pod。", True),
        ("控制面升级会影响工作节点上的业务 Pod，升级 kubelet 小版本前要先 drain。", False),
        ("升级节点上的 kubelet 小版本前要先 drain。", True),
        ("升级节点上的 kubelet 小版本前不要 drain。", False),
    ],
)
def test_each_clause_is_negated_as_in_the_passage(sentence: str, ok: bool) -> None:
    text = "控制面升级不影响工作节点上的业务 Pod；升级节点上的 kubelet 小版本前要先 drain。"
    assert support(sentence, [text]).ok is ok


def test_the_reason_names_what_is_missing() -> None:
    assert "--force" in support("Use `kubectl drain` with --force to evict Pods.", [EN]).reason


def test_an_empty_sentence_supports_nothing() -> None:
    assert not support("好的。", [ZH]).ok


@pytest.mark.parametrize("text", [ZH, EN, "- one entry\n- another one\n\n```bash\nkubectl get po # x\n```\nafter it.", "", "。。。", "```\nunclosed"])
def test_spans_lie_in_the_text_in_order(text: str) -> None:
    places = spans(text)
    assert all(text[a:b].strip() == text[a:b] for a, b in places)
    assert places == sorted(places)
    assert all(b <= c for (_, b), (c, _) in itertools.pairwise(places))


def test_a_code_block_is_one_span() -> None:
    text = "Before it.\n\n```bash\nkubectl get po. x\n\nmore\n```\n\nAfter it."
    assert text[slice(*spans(text)[1])].startswith("```bash")
