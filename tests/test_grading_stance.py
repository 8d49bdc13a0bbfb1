"""A key point's own wording, with a frame around it."""

from __future__ import annotations

import pytest

from tutor.grading.heard import heard
from tutor.grading.stance import stance

ZH = "就绪探针失败时 Pod 会从 Service 的端点里移除，容器不重启"
EN = "When readiness fails the Pod leaves the endpoints and nothing restarts"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (f"“{ZH}”，这种讲法是错的。", "denied"),
        (f"我先说一句。这些都是谣言：{ZH}。存活探针重启容器。", "denied"),
        (f"这些都不对：存活探针不重启容器。{ZH}。", "denied"),
        (f"{ZH}。但是也有人说并非{ZH}。", "denied"),
        (f"It's a myth that {EN[0].lower()}{EN[1:]}.", "denied"),
        (f"{EN}? I wonder.", "doubted"),
        (f"也许{ZH}，也许不会。", "doubted"),
        (f"{ZH}吗？", "doubted"),
        (f"{ZH}。", None),
        (f"Some are wrong about this. {EN}.", None),
        (f"有人说会重启，其实不对。{ZH}。", None),
        ("就绪失败会重启容器，这是错的，它只是不再接流量", None),
        ("It's not true that it restarts; the Pod just gets no traffic", None),
        ("", None),
    ],
)
def test_the_sentence_around_a_pasted_point_decides(reply: str, kind: str | None) -> None:
    found = stance(reply, EN if "Pod leaves" in reply else ZH)
    assert (found and found[0]) == kind
    if found:
        assert 0 <= found[1] < found[2] <= len(reply)


def test_a_point_that_denies_something_itself_may_be_repeated() -> None:
    point = "“NodePort 只能在有 Pod 的节点上访问”是错的，任何节点都可以"
    assert stance(f"{point}。", point) is None
    assert stance(f"并不是{point}。", point) == ("denied", 0, len(point) + 4)


@pytest.mark.parametrize("join", ["、", ", ", "，", "; ", "\n"])
def test_a_long_list_of_terms_says_nothing(join: str) -> None:
    terms = "Pod Service kubelet etcd Deployment ReplicaSet endpoints probe traffic container restarts".split()
    reply = f"I know {join.join(terms)} very well."
    assert "".join(reply[c.start : c.end] for c in heard(reply, []) if c.kind == "said").count("etcd") == 0


def test_an_ordinary_enumeration_is_heard() -> None:
    reply = "Service 有 ClusterIP、NodePort、LoadBalancer、ExternalName 四种类型，headless 不分配 IP，Pod 直接解析"
    assert {c.kind for c in heard(reply, [])} == {"said"}
