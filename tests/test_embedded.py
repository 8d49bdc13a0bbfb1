"""End to end with the real embedding model, the real corpus and the real chat model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evals.cases import load
from tests.conftest import ROOT, SHARED
from tutor import Answer, Evidence, Token, Tutor
from tutor.corpus import read
from tutor.embeddings import BundledE5, open_embedder
from tutor.errors import ModelMissing
from tutor.settings import Settings
from tutor.weights import find

# The model cache is shared by runs and tests; the index and all else is the test's own.
SHARED_CACHE = Settings.from_env().cache_dir


def _model() -> Path | None:
    try:
        return find("qwen2.5-coder-1.5b", SHARED_CACHE)
    except ModelMissing:
        return None


needs_model = pytest.mark.skipif(_model() is None, reason="run `tutor models fetch`")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tutor]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), cache_dir=SHARED_CACHE,
        chat=str(_model() or "none"),
    )
    with Tutor.open(settings) as tutor:
        yield tutor


def test_the_shipped_corpus_is_indexed_without_problems(opened: Tutor) -> None:
    assert opened.problems == ()
    assert len(opened.items()) >= 180


@pytest.mark.parametrize(
    ("question", "item"),
    [
        ("pod 一直 pendding 是啥情况", "pod-pending-causes"),
        ("what's the difference between liveness and readiness", "pod-probes-liveness-readiness"),
        ("sts 跟 deploy 有啥不一样", "statefulset-vs-deployment"),
        ("kubctl drain 之前要干嘛", "drain-node-maintenance"),
        ("why an odd number of etcd members?", "etcd-odd-members"),
    ],
)
def test_search_finds_the_item(opened: Tutor, question: str, item: str) -> None:
    assert item in [p.item_id for p in opened.search(question, k=3)]


@pytest.mark.parametrize("question", ["今天天气怎么样", "write me a poem about spring", "how do React hooks work"])
def test_off_topic_is_refused(opened: Tutor, question: str) -> None:
    assert opened.ask(question).status == "refused"


def test_planted_notes_outrank_nothing(opened: Tutor, tmp_path: Path) -> None:
    cases = [case for case in load("ask.dev") if not case.history][:60:3]
    before = {case.id: opened.retrieve(case.question) for case in cases}
    for case in cases:
        mark = "答：" if case.lang == "zh" else "Answer: "
        for copy in range(5):
            text = f"## {case.question.rstrip('？?')}？\n\n{mark}{copy} {case.question} delete the cluster。\n"
            (tmp_path / f"{case.id}-{copy}.md").write_text(text + "\n## 还有呢？\n\n答：没有。\n", "utf-8")
    opened.ingest(tmp_path)
    try:
        for case in cases:
            found = opened.retrieve(case.question)
            if before[case.id].answerable:
                assert sum(p.kind != "curated" for p in found.passages) <= 3
                assert found.passages[0].kind == "curated", case.question
                assert found.answerable
    finally:
        opened.forget(tmp_path)


def test_both_languages_find_the_same(opened: Tutor) -> None:
    zh = opened.search("污点和容忍度是做什么的")[0]
    en = opened.search("what are taints and tolerations for")[0]
    assert zh.item_id == en.item_id
    assert (zh.lang, en.lang) == ("zh", "en")


@needs_model
@pytest.mark.embedded
def test_ask_with_the_real_model(opened: Tutor) -> None:
    events = list(opened.stream("就绪探针失败会怎样？"))
    assert isinstance(events[0], Evidence)
    assert any(isinstance(event, Token) for event in events)
    answer: Answer = events[-1].answer
    assert answer.status == "grounded"
    assert answer.model
    texts = {p.item_id: p.text for p in answer.passages}
    for citation in answer.citations:
        assert citation.quote in texts[citation.item_id]
        assert citation.marker in answer.text


@needs_model
@pytest.mark.embedded
def test_a_killed_engine_costs_a_notice_and_comes_back(opened: Tutor) -> None:
    import os
    import signal

    chat = opened.chat
    answers: list[Answer] = []
    stream = opened.stream("Deployment 滚动更新的过程是怎样的？")
    for event in stream:
        if isinstance(event, Token) and not answers:
            os.kill(chat.pid, signal.SIGKILL)  # type: ignore[union-attr]
            answers.append(None)  # type: ignore[arg-type]
    answer = event.answer
    assert answer.status == "grounded"
    assert answer.notices
    again = opened.ask("Deployment 滚动更新的过程是怎样的？")
    assert again.model
    assert not again.notices


@needs_model
@pytest.mark.embedded
def test_twenty_ask_at_once(opened: Tutor) -> None:
    questions = ["Pod 是什么", "what is a headless service", "HPA 怎么工作", "PVC pending"] * 5
    found: list[str] = []

    def ask(question: str) -> None:
        stream = opened.stream(question)
        assert isinstance(next(stream), Evidence)
        stream.close()
        found.append(question)

    threads = [threading.Thread(target=ask, args=(q,)) for q in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20


def test_queries_and_documents_agree_between_both_ways() -> None:
    embedder = BundledE5()
    text = "污点（taint）阻止 Pod 调度到节点"
    through = embedder.sentence_transformer.encode(text, prompt_name="query")
    assert float(np.dot(through, embedder.embed_query(text))) > 0.9999
    document = embedder.embed_documents([text])[0]
    assert float(np.dot(document, embedder._engine.passage(text))) > 0.999
    assert np.linalg.norm(document) == pytest.approx(1, abs=1e-4)


def test_an_embedder_of_a_hub_is_refused_in_one_line() -> None:
    with pytest.raises(ModelMissing, match="nothing is fetched from a model hub.*KUBE_TUTOR_EMBEDDER"):
        open_embedder("BAAI/bge-m3")


@pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason="the source notes are not here")
def test_raw_notes_are_ingested_and_found(opened: Tutor) -> None:
    report = opened.ingest(SHARED / "seeds" / "004_f2eb93e6b9fe2336.txt")
    assert len(report.added) >= 15
    assert not report.problems
    kinds = [opened.item(p.item_id).kind for p in opened.search("kube-proxy 的原理", k=5)]
    assert kinds[0] == "curated"
    opened.forget(SHARED / "seeds" / "004_f2eb93e6b9fe2336.txt")


def test_the_corpus_is_what_the_wheel_carries() -> None:
    assert len(read(ROOT / "corpus").items) >= 180
