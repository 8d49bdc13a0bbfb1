"""The lexicon and the tokenizer."""

from __future__ import annotations

import pytest

from tutor import lexicon


def test_holds_200_bilingual_concepts() -> None:
    bilingual = {
        concept
        for form, concepts in lexicon.forms().items()
        if lexicon.language(form) == "zh"
        for concept in concepts
    }
    assert len(bilingual) >= 200


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("探针", "probe"), ("污点", "taints"), ("驱逐", "evict"), ("有状态副本集", "sts"),
        ("端点", "ep"), ("服务", "svc"), ("持久卷声明", "pvc"), ("滚动更新", "rolling update"),
        ("就绪探针", "readinessProbe"), ("命名空间", "ns"), ("准入控制", "admission controllers"),
    ],
)
def test_both_languages_name_the_same_concept(zh: str, en: str) -> None:
    assert set(lexicon.concepts(zh)) & set(lexicon.concepts(en))


def test_nested_terms_all_count() -> None:
    assert {"node-affinity", "node", "affinity"} <= set(lexicon.concepts("节点亲和性"))


def test_terms_across_punctuation_are_no_term() -> None:
    assert "network-policy" not in lexicon.concepts("the network. Policy matters")
    assert "networkpolicy" not in lexicon.concepts("the network, policy matters")
    assert "networkpolicy" in lexicon.concepts("a network policy")


def test_chinese_is_cut_into_words() -> None:
    words = lexicon.words("节点一直处于未就绪状态怎么排查")
    assert {"节点", "就绪", "排查"} <= set(words)
    assert "怎么" not in words


def test_identifiers_yield_their_parts() -> None:
    assert {"kube-proxy", "kube", "proxy"} <= set(lexicon.words("kube-proxy"))
    assert {"nodename", "node", "name"} <= set(lexicon.words("spec.nodeName"))


def test_full_width_and_case_do_not_matter() -> None:
    assert lexicon.tokens("ＫＵＢＥＣＴＬ Drain") == lexicon.tokens("kubectl drain")


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("pendding", "pending"), ("kubctl", "kubectl"), ("statfulset", "statefulset"),
     ("deploymnet", "deployment"), ("crashloopbackof", "crashloopbackoff")],
)
def test_typos_are_mended(typo: str, meant: str) -> None:
    assert lexicon.correct(f"my {typo} please") == f"my {meant} please"


@pytest.mark.parametrize("word", ["weather", "whether", "mode", "plots", "Docker", "python", "states"])
def test_ordinary_words_stay(word: str) -> None:
    assert lexicon.correct(word) == word


def test_language() -> None:
    assert lexicon.language("Pod 一直 Pending") == "zh"
    assert lexicon.language("why is it Pending?") == "en"


def test_overlap_counts_distinct_tokens() -> None:
    assert lexicon.overlap(["a", "a", "b"], {"a"}) == 0.5
    assert lexicon.overlap([], {"a"}) == 0.0


def test_technologies_next_door_are_named() -> None:
    assert lexicon.foreign("how do React hooks work, and PostgreSQL?") == {"react", "postgres"}
    assert lexicon.foreign("用 node.js 写 C++ 扩展") == {"node.js", "c++"}
    assert lexicon.foreign("how do nodes react") == {"react"}
    assert lexicon.foreign("kubectl drain 一个 node") == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kubelet 上报什么", True), ("my pods restart", True), ("PDB 怎么写", True),
        ("什么是服务", False), ("restart the service on a node", False), ("React hooks", False),
    ],
)
def test_what_is_of_kubernetes_alone(text: str, found: bool) -> None:
    assert lexicon.ours(text) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Does vMotion work with Kubernetes?", {"vmotion"}),
        ("How does Foobar elect a leader", {"foobar"}),
        ("Foobar elects a leader", set()),
        ("苹果的 carplay 怎么连", {"carplay"}),
        ("kubelet 怎么重启", set()),
        ("what is a DaemonSet", set()),
    ],
)
def test_what_looks_like_a_name(text: str, found: set[str]) -> None:
    assert lexicon.names(text) == found
