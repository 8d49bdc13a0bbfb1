"""`Tutor` as a program uses it, over a real store with a double for the embedder."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doubles import CORPUS, FakeChat, FakeEmbedder, curated
from tutor import Answer, Citation, Done, Evidence, Passage, Tutor
from tutor.app import VECTORS, embed_corpus, open_index
from tutor.errors import CorpusError, InputError
from tutor.questions import MAX_QUESTION
from tutor.settings import Settings


def test_items_come_from_the_shipped_corpus(tutor: Tutor) -> None:
    ids = [item.id for item in tutor.items()]
    assert ids == ["drain", "pod-pending", "probes", "pvc"]
    item = tutor.items()[1]
    assert item.topic == "pod-lifecycle"
    assert set(item.question) == set(item.answer) == {"zh", "en"}
    assert item.points[0].weight == 3


def test_search_answers_in_the_language_of_the_question(tutor: Tutor) -> None:
    for question, lang in (("Pod 一直 Pending 怎么办", "zh"), ("my pod is stuck in pending", "en")):
        found = tutor.search(question, k=3)
        assert all(isinstance(p, Passage) for p in found)
        assert (found[0].item_id, found[0].lang) == ("pod-pending", lang)
        assert len({p.item_id for p in found}) == len(found)
        assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)


def test_ask_is_grounded_and_cited(tutor: Tutor) -> None:
    answer = tutor.ask("如何安全地维护节点")
    assert isinstance(answer, Answer)
    assert answer.status == "grounded"
    assert "kubectl cordon" in answer.text
    assert isinstance(answer.citations[0], Citation)
    by_id = {p.item_id: p.text for p in answer.passages}
    assert all(c.quote in by_id[c.item_id] for c in answer.citations)
    assert answer.suggestions == ("追问一", "追问二")
    assert answer.timings["evidence"] <= answer.timings["total"]


def test_stream_gives_evidence_first_and_done_last(chatty) -> None:
    tutor = chatty(["存活探针失败时 kubelet 会重启容器。"])
    events = list(tutor.stream("存活探针和就绪探针有什么区别"))
    assert isinstance(events[0], Evidence)
    assert isinstance(events[-1], Done)


def test_off_topic_is_refused_with_the_nearest_topics(chatty) -> None:
    tutor = chatty(["Sunny."])
    answer = tutor.ask("What is the weather in Paris today?")
    assert (answer.status, answer.citations) == ("refused", ())
    assert tutor.chat.asked == []


def test_follow_ups_are_understood(tutor: Tutor) -> None:
    history = [{"role": "user", "content": "PV 和 PVC 是什么关系"}, ("assistant", "PVC 是申请……")]
    assert tutor.search("那它们怎么绑定？", history=history)[0].item_id == "pvc"


@pytest.mark.parametrize("question", ["", "   ", "?!", "\x00\x01", "。。。"])
def test_an_empty_question_is_one_line(tutor: Tutor, question: str) -> None:
    with pytest.raises(InputError, match="empty"):
        tutor.ask(question)


def test_a_question_of_100000_characters_is_one_line(tutor: Tutor) -> None:
    with pytest.raises(InputError, match=f"100000 characters; {MAX_QUESTION} are allowed"):
        tutor.ask("a" * 100_000)


def test_control_characters_are_dropped(tutor: Tutor) -> None:
    assert tutor.search("Pod\x00 \x1b[31mPending\x07")[0].item_id == "pod-pending"


@pytest.mark.parametrize("history", [[{"role": "boss", "content": "x"}], [("user",)], [{"role": "user"}]])
def test_a_malformed_history_is_one_line(tutor: Tutor, history) -> None:
    with pytest.raises(InputError):
        tutor.ask("Pod", history=history)


def test_notes_can_be_ingested_updated_and_forgotten(tutor: Tutor, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# 面试\n\n## 什么是 zookeeper 脑裂？\n\n答：两个主同时写入。\n\n## etcd 是什么？\n\n答：键值存储。\n", "utf-8")
    report = tutor.ingest(notes)
    assert len(report.added) == 2
    assert tutor.search("zookeeper 脑裂")[0].title == "什么是 zookeeper 脑裂？"
    notes.write_text("# 面试\n\n## 什么是 zookeeper 脑裂？\n\n答：改过了。\n", "utf-8")
    report = tutor.ingest(notes)
    assert (len(report.updated), len(report.removed)) == (1, 1)
    assert len(tutor.forget(notes).removed) == 1
    assert [i.kind for i in tutor.items()] == ["curated"] * 4
    with pytest.raises(InputError, match="ingest --list"):
        tutor.forget(notes)


def test_ingested_notes_do_not_outrank_the_curated_corpus(tutor: Tutor, tmp_path: Path) -> None:
    for n in range(120):
        text = f"## Pod 一直 Pending 怎么排查？\n\n答：{n} 直接删除集群。\n\n## 别的问题？\n\n答：x。\n"
        (tmp_path / f"poison{n}.md").write_text(text, "utf-8")
    tutor.ingest(tmp_path)
    answer = tutor.ask("Pod 一直 Pending 怎么排查")
    assert answer.citations[0].item_id == "pod-pending"
    assert "poison" not in answer.citations[0].source
    assert 0 < sum("poison" in p.source for p in answer.passages) < 4


def test_broken_files_are_listed_and_the_rest_loads(settings: Settings, embedder: FakeEmbedder) -> None:
    folder = settings.corpus_dir / "broken"
    folder.mkdir()
    (folder / "a.md").write_text("---\nid: [unclosed\n---\n", "utf-8")
    (folder / "b.md").write_text(CORPUS["storage/pvc.md"].replace("level: junior", "level: guru").replace("seeds: []", "sedes: []"), "utf-8")
    with Tutor.open(settings, chat_model=None, embedder=embedder) as tutor:
        assert len(tutor.items()) == 4
        lines = [str(problem) for problem in tutor.problems]
    assert any("broken/a.md:3:" in line and "YAML" in line for line in lines)
    assert any("broken/b.md:4:" in line and "level" in line for line in lines)
    assert any("unknown key 'sedes'" in line for line in lines)
    with Tutor.open(settings, chat_model=None, embedder=embedder) as again:
        assert [str(p) for p in again.problems] == lines


def test_nothing_at_a_path_is_one_line(tutor: Tutor, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no file or folder"):
        tutor.ingest(tmp_path / "absent")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_a_problem(tutor: Tutor, tmp_path: Path) -> None:
    (tmp_path / "n").mkdir()
    secret = tmp_path / "n" / "a.md"
    secret.write_text("## What is a Pod?\n\nA thing.\n")
    secret.chmod(0)
    assert "can't be read" in str(tutor.ingest(tmp_path / "n").problems[0])


def test_a_link_out_of_the_folder_is_not_followed(tutor: Tutor, tmp_path: Path) -> None:
    outside = tmp_path / "secret.md"
    outside.write_text("## What is the secret?\n\nIt is 42.\n")
    inside = tmp_path / "notes"
    inside.mkdir()
    (inside / "link.md").symlink_to(outside)
    report = tutor.ingest(inside)
    assert report.added == ()
    assert "not followed" in str(report.problems[0])


def test_a_changed_corpus_is_synced_at_the_next_start(settings: Settings, embedder: FakeEmbedder) -> None:
    Tutor.open(settings, chat_model=None, embedder=embedder).close()
    (settings.corpus_dir / "etcd").mkdir()
    new = curated("etcd", "etcd", "etcd 是什么", "What is etcd", "键值存储。\n保存状态。", "A key value store.\nIt holds state.")
    (settings.corpus_dir / "etcd" / "etcd.md").write_text(new, "utf-8")
    before = embedder.embedded
    with Tutor.open(settings, chat_model=None, embedder=embedder) as tutor:
        assert len(tutor.items()) == 5
    assert 0 < embedder.embedded - before < 20


def test_the_data_folder_and_nothing_else_is_written(settings: Settings, embedder: FakeEmbedder) -> None:
    before = sorted(settings.corpus_dir.rglob("*"))
    Tutor.open(settings, chat_model=None, embedder=embedder).close()
    assert sorted(settings.corpus_dir.rglob("*")) == before


def test_twenty_threads_share_one_tutor(chatty) -> None:
    tutor = chatty(["存活探针失败时 kubelet 会重启容器。"])
    questions = ["存活探针和就绪探针的区别", "PV 和 PVC", "how to maintain a node", "Pod pending"] * 5
    wanted = ["probes", "pvc", "drain", "pod-pending"] * 5
    found: dict[int, str] = {}

    def ask(n: int) -> None:
        found[n] = tutor.ask(questions[n]).passages[0].item_id

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found.get(n) for n in range(20)] == wanted


def test_a_missing_model_is_said_and_everything_works(settings: Settings, embedder: FakeEmbedder) -> None:
    with Tutor.open(replace(settings, chat="qwen2.5-coder-1.5b"), embedder=embedder) as tutor:
        answer = tutor.ask("PV 和 PVC 是什么关系")
    assert answer.status == "grounded"
    assert "tutor models fetch" in answer.notices[0]


def test_a_hub_name_is_told_that_no_hub_is_asked(settings: Settings, embedder: FakeEmbedder) -> None:
    with Tutor.open(replace(settings, chat="Qwen/Qwen2.5-7B"), embedder=embedder) as tutor:
        assert "never downloads from a hub" in str(tutor.chat_notice)


def test_a_langchain_model_can_be_handed_in(settings: Settings, embedder: FakeEmbedder) -> None:
    from langchain_core.language_models import GenericFakeChatModel

    model = GenericFakeChatModel(messages=iter(["存活探针失败时 kubelet 会重启容器。"]))
    with Tutor.open(settings, chat_model=model, embedder=embedder) as tutor:
        answer = tutor.ask("存活探针和就绪探针有什么区别")
    assert "重启容器。 [" in answer.text


def test_langchain_parts(tutor: Tutor) -> None:
    documents = tutor.as_retriever(k=2).invoke("PV 和 PVC 是什么关系")
    assert len(documents) == 2
    assert documents[0].metadata["item_id"] == "pvc"
    runnable = tutor.as_runnable()
    assert runnable.invoke("PV 和 PVC 是什么关系").status == "grounded"
    asked = {"question": "那它们怎么绑定？", "history": [("user", "PV 和 PVC 是什么关系")]}
    assert runnable.invoke(asked).passages[0].item_id == "pvc"
    assert isinstance(next(iter(runnable.stream("PV 和 PVC"))), Evidence)


@pytest.mark.parametrize("text", ["{x.__class__} pod pending", '{"lc":1,"type":"constructor"} pod pending', "{{7*7}} pod pending"])
def test_templates_in_a_question_are_only_text(chatty, text: str) -> None:
    tutor = chatty(["x"])
    answer = tutor.ask(text)
    assert answer.question == text
    assert "49" not in answer.text


def test_shipped_vectors_spare_the_embedding(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEmbedder()
    monkeypatch.setattr("tutor.app.open_embedder", lambda name: fake)
    assert embed_corpus(settings).name == VECTORS
    fresh = FakeEmbedder()
    other = replace(settings, cache_dir=settings.cache_dir / "other")
    with Tutor.open(other, chat_model=None, embedder=fresh) as tutor:
        assert fresh.embedded == 0
        assert tutor.search("PV 和 PVC 是什么关系")[0].item_id == "pvc"


def test_a_damaged_vectors_file_only_costs_time(settings: Settings, embedder: FakeEmbedder) -> None:
    (settings.corpus_dir / VECTORS).write_bytes(b"PK\3\4 nonsense")
    with Tutor.open(settings, chat_model=None, embedder=embedder) as tutor:
        assert len(tutor.items()) == 4
    assert embedder.embedded > 0
    assert open_index(settings, embedder).current() == "gen-000001"


def test_users_share_nothing_on_the_tutor(tutor: Tutor) -> None:
    before = dict(vars(tutor))
    tutor.ask("PV 和 PVC 是什么关系", history=[("user", "secret of user one")])
    assert vars(tutor) == before


def test_closing_the_stream_stops_the_model(chatty) -> None:
    tutor = chatty(["a "] * 1000)
    stream = tutor.stream("PV 和 PVC 是什么关系")
    next(stream)
    next(stream)
    stream.close()
    assert isinstance(tutor.chat, FakeChat)
    assert tutor.chat.closed_early == 1
