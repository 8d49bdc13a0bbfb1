"""The written replies that train the grader: consistent, and checked for what breaks them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from evals.grader.data import Reply, load, problems
from evals.grader.docs import pages, told
from evals.grader.exchange import exchange, exchanged, holds
from evals.grader.pairs import PUBLIC, ads, aside_public, semeval, written
from tutor.corpus import read

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.fixture(scope="module")
def items() -> dict:
    return {item.id: item for item in read(CORPUS).items}


def test_the_written_replies_are_consistent(items: dict) -> None:
    assert problems(load(), items) == []


def reply(items: dict, **changes: object) -> Reply:
    item = items["pod-probes-liveness-readiness"]
    verdicts = ("hit", *["missed"] * (len(item.points) - 1))
    good = Reply("r1", item.id, "zh", "half", "存活探针失败会重启", verdicts, {0: "失败会重启"}, score=3)
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"item": "nowhere"}, "no item"),
        ({"verdicts": ("hit",)}, "1 verdicts"),
        ({"quotes": {0: "not its words"}}, "not in the reply"),
        ({"quotes": {}}, "quotes for"),
        ({"style": "odd"}, "style"),
        ({"score": 11}, "score"),
        ({"style": "twin"}, "names its twin"),
        ({"style": "twin", "twin": "r9"}, "no such reply"),
    ],
)
def test_each_rule_finds_what_breaks_it(items: dict, changes: dict, said: str | None) -> None:
    found = problems([reply(items, **changes)], items)
    assert (found == []) if said is None else said in "\n".join(found)


def test_a_twin_differs_in_a_verdict(items: dict) -> None:
    first = reply(items)
    twin = replace(first, id="r2", style="twin", twin="r1")
    assert "same verdicts as its twin" in "\n".join(problems([first, twin], items))


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(ValueError, match=r"a\.jsonl:1"):
        load(tmp_path)


def test_exchanging_terms_goes_both_ways() -> None:
    text = "A Deployment makes a ReplicaSet, and the replicaset makes Pods."
    other = exchange(text, "Deployment", "ReplicaSet")
    assert other == "A ReplicaSet makes a Deployment, and the Deployment makes Pods."
    assert exchange("Pods run; DaemonSets too", "DaemonSet", "Pod") == "DaemonSets run; Pods too"


@pytest.mark.parametrize(
    ("text", "matters"),
    [
        ("ConfigMaps and Secrets are mounted", False),
        ("`ConfigMap`、`Secret` 都能挂载", False),
        ("A Secret is like a ConfigMap, but for tokens", True),
        ("Secrets are for tokens", True),
        ("neither is named", False),
    ],
)
def test_the_order_of_terms_side_by_side_says_nothing(text: str, matters: bool) -> None:
    assert holds(text, ("ConfigMap", "Secret")) is matters


def test_what_is_exchanged_is_labelled_by_the_words_that_decide(items: dict) -> None:
    pairs = written(load(), items)
    by_key = {pair.key: pair for pair in pairs}
    found = exchanged(pairs, items, 1.0, random.Random(3))
    assert sum(pair.verdict == "contradicted" and pair.twin is not None for pair in found) > 2000
    for pair in found:
        original = by_key[pair.key[0].rsplit(" ", 1)[0].split(" ")[0], pair.key[1]]
        if pair.twin:
            assert original.verdict == "hit" and pair.verdict == "contradicted"
        else:
            assert pair.verdict == original.verdict
        for (a, b), (x, y) in zip(pair.evidence, original.evidence, strict=True):
            assert (pair.reply[a:b] != original.reply[x:y]) >= bool(pair.twin)


PAGE = """---
title: 存活与就绪
---
<!--
title: Liveness and readiness
-->

<!--
## Probes {#probes}
-->
## 探针   {#probes}

<!--
When a liveness probe fails, the [kubelet](/docs/kubelet/) restarts the container.
While a readiness probe fails, the {{< glossary_tooltip text="Service" term_id="service" >}}
sends no traffic to the Pod.
-->
存活探针失败时，[kubelet](/zh-cn/docs/kubelet/) 会重启容器。
就绪探针失败期间，{{< glossary_tooltip text="Service" term_id="service" >}} 不会把流量发给该 Pod。

<!--
- A startup probe holds back the other probes until it succeeds.
- Probes run for as long as the container lives, on its node.
- `failureThreshold` sets how many failures in a row count as one.
-->
- 启动探针成功之前，其他探针都不会执行。
- 只要容器还在运行，探针就会一直在其节点上执行。
- `failureThreshold` 设置连续失败多少次才算一次失败。
"""


def test_the_documentation_is_read_in_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(PAGE, "utf-8")
    (page,) = pages(tmp_path)
    assert page.title == {"zh": "存活与就绪", "en": "Liveness and readiness"}
    assert len(page.statements) == 5
    assert page.statements[0]["en"] == "When a liveness probe fails, the kubelet restarts the container."
    assert page.statements[1]["zh"].startswith("就绪探针失败期间，Service 不会")


def test_statements_told_are_hit_and_turned_ones_contradicted(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(PAGE, "utf-8")
    (page,) = pages(tmp_path)
    seen = set()
    for seed in range(60):
        for pair in told(page, random.Random(seed)):
            seen.add(pair.verdict)
            same = next(s for s in page.statements if pair.point in s.values())
            whole = any(text.rstrip("。.") in pair.reply for text in same.values())
            assert whole is (pair.verdict == "hit")
            assert bool(pair.evidence) is (pair.verdict != "missed")
    assert seen == {"hit", "missed", "contradicted"}


@pytest.mark.skipif(not PUBLIC.exists(), reason="answers scored by people are not here")
def test_what_is_kept_aside_of_the_public_sets_is_not_trained_on() -> None:
    aside = aside_public()
    trained = {pair.reply for pair in semeval(random.Random(1), 10**6, aside)}
    everything = semeval(random.Random(1), 10**6)
    left_out = [pair for pair in everything if pair.group in aside]
    assert len(left_out) > 300
    assert len(trained) < len({pair.reply for pair in everything})
    rows = ads(random.Random(1), aside)
    assert 900 < len(rows) < len(ads(random.Random(1)))
    assert all(0 <= row.share <= 1 and row.pairs for row in rows)
