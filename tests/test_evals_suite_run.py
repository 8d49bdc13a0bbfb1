"""Runs over a small corpus: resumable, crash-proof, and the seams that faults come in through."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from evals import chain
from evals.cases import Ask
from evals.grader.cases import Graded
from evals.suite import baseline, outcomes, run
from evals.suite.cases import QUICK, Case, Claim, all_cases, quick, removed, sample
from evals.suite.observe import observe
from evals.suite.outcomes import BASELINE, Outcome
from evals.suite.peers import Found, _row, llamaindex, sentence_split, systems
from evals.suite.speed import on_reference, probe
from evals.suite.subject import FAULTS, LOWERED, CutsTop, NoLexicon, Remembering, Subject, Without
from tests.doubles import FakeEmbedder
from tutor import lexicon
from tutor.app import Tutor
from tutor.chunks import chunks_of
from tutor.corpus import read
from tutor.errors import InputError
from tutor.grading import Grade, PointVerdict, Reading
from tutor.index import EmbeddingCache, Index
from tutor.settings import Settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[1]


class NoJudge:
    name = "none"

    def read(self, clauses, question, points) -> Reading:
        raise RuntimeError("no weights")


class Graders(Tutor):
    """Grades by what the reply says of itself."""

    def grade(self, reply, question, reference=None, *, lang=None) -> Grade:
        verdict = "hit" if "right" in reply else "missed"
        points = tuple(PointVerdict(p.text["en"], verdict, "", "", confidence=0.7) for p in question.points)
        return Grade(9.0 if verdict == "hit" else 1.0, points, False, "", "", reply, "en")


@pytest.fixture
def subject(tutor: Tutor) -> Subject:
    return Subject(tutor.settings, tutor.index, tutor.embedder, None, NoJudge(), make=Graders)


def case(kind: str, body: object, n: int = 1, cluster: str = "topic:storage") -> Case:
    return Case(f"{kind}.dev/{n}", kind, "dev", "zh", "exam", cluster, body)  # type: ignore[arg-type]


PENDING = Ask("1", "zh", "exam", "Pod 一直 Pending 怎么排查", items=("pod-pending",), facts=(("describe",), ("没有的东西",)))
PVC = Ask("2", "zh", "exam", "PV 和 PVC 是什么关系", items=("pvc",), facts=(("一对一",),))


def cases() -> list[Case]:
    return [
        case("ask", PENDING), case("ask", PVC, 2), case("removed", PVC), case("refuse", Ask("3", "zh", "off-topic", "红烧肉怎么做")),
        case("grade", Graded("g", "probes", "en", "full", "right", ("hit", "missed"), {}, None, 8.0)),
        case("claim", Claim("Pod 一直 Pending 怎么排查？我的理解是：Pending 说明容器在反复崩溃，对吗？", ("反复崩溃的 Pod 已被调度，阶段通常是 Running。",))),
    ]


@pytest.fixture(scope="module")
def shipped() -> dict:
    return {item.id: item for item in read(ROOT / "corpus").items}


def items_of(subject: Subject) -> dict:
    return {item.id: item for item in subject.tutor().items()}


def test_what_is_seen_of_an_answered_question(subject: Subject) -> None:
    found = observe(cases()[0], subject, items_of(subject))
    assert found.status == "ok" and found.seen["items"][0] == "pod-pending"
    assert found.seen["facts"] == 2 and found.seen["held"][0] == [0]
    assert {"evidence", "total"} <= found.seconds.keys()
    if found.seen["answered"]:
        assert found.seen["valid"] == found.seen["citations"] > 0 and found.seen["unsupported"] == 0


def test_a_crash_is_an_outcome_of_its_own(subject: Subject) -> None:
    broken = replace(subject, make=Tutor)
    found = observe(cases()[4], broken, items_of(subject))
    assert found.status == "failed" and found.seen == {} and found.shown
    assert observe(cases()[4], subject, {}).shown == "KeyError: 'probes'"


def test_a_grade_is_seen_with_its_labels(subject: Subject) -> None:
    found = observe(cases()[4], subject, items_of(subject))
    assert found.seen["score"] == 9.0 and found.seen["label"] == 8.0
    assert found.seen["verdicts"] == ["hit", "hit"] and found.seen["labels"] == ["hit", "missed"]


def test_a_run_that_was_cut_short_goes_on_where_it_was(subject: Subject, tmp_path: Path) -> None:
    items, put = items_of(subject), []

    def watched(case: Case, *rest) -> Outcome:
        put.append(case.id)
        if len(put) == 4:
            raise KeyboardInterrupt
        return observe(case, *rest)

    about = {"tier": "fast", "commit": "x"}
    with pytest.raises(KeyboardInterrupt):
        run.execute(tmp_path / "r", about, cases(), subject, items, watched)
    path = tmp_path / "r/outcomes.jsonl"
    path.write_bytes(path.read_bytes()[:-9])  # the last line was only half written
    assert "measured" not in (tmp_path / "r/run.json").read_text("utf-8")
    done = run.execute(tmp_path / "r", about, cases(), subject, items, watched)
    assert len(put) == 4 + 4 and [o.id for o in done.outcomes] == [c.id for c in cases()]
    again = outcomes.open_run(tmp_path / "r")
    assert again.by_id.keys() == done.by_id.keys() and again.about["summary"]["cases"]["ask"] == {"n": 2, "failed": 0}


def test_two_runs_of_one_state_see_the_same(subject: Subject) -> None:
    for one in cases():
        first, second = (observe(one, subject, items_of(subject)) for _ in range(2))
        assert replace(first, seconds={}) == replace(second, seconds={})


def test_a_folder_takes_only_runs_of_its_own_state(subject: Subject, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(outcomes, "RUNS", tmp_path)
    about = run.describe(subject, "fast", cases())
    assert about["index"]["embedder"] == FakeEmbedder.name and about["models"]["chat"] is None
    folder = run.place(about, None, NOW)
    assert folder.parent == tmp_path and folder.name.startswith("20261121-120000-fast-")
    folder.mkdir()
    run._write(folder, about)
    assert run.place(about, None, NOW.replace(hour=13)) == folder
    other = run.describe(subject, "fast", cases()[1:])
    assert other["cases"] != about["cases"] and run.place(other, None, NOW.replace(hour=13)) != folder
    with pytest.raises(InputError, match="another state"):
        run.place(other, folder, NOW)
    run._write(folder, {**about, "measured": {}})
    assert run.place(about, None, NOW.replace(hour=13)) != folder


def test_hidden_items_leave_what_an_index_without_them_has(subject: Subject, settings: Settings, tmp_path: Path) -> None:
    embedder = FakeEmbedder()
    kept = [item for item in read(settings.corpus_dir).items if item.id != "pvc"]
    (tmp_path / "other").mkdir()
    index = Index(tmp_path / "other", embedder, EmbeddingCache(tmp_path / "cache2"))
    index.sync("corpus", kept)
    there, hidden = index.snapshot(), Without(subject.index.snapshot(), {"pvc", "no-such-item"})
    words = {t for item in read(settings.corpus_dir).items for c in chunks_of(item) for t in lexicon.tokens(c.indexed)}
    assert hidden.item_count == there.item_count
    for word in words | {"nowhere"}:
        assert hidden.holds(word) == there.holds(word)
        assert hidden.rarity(word) == pytest.approx(there.rarity(word))
    vector = embedder.embed_query(PVC.question)
    ours, theirs = (
        {hit.chunk.id: hit.cosine for hit in s.search(vector, lexicon.tokens(PVC.question), 5)} for s in (hidden, there)
    )
    assert {i for i, c in ours.items() if c is not None} == {i for i, c in theirs.items() if c is not None}
    assert "pvc" not in {item.id for item in hidden.items()}
    with pytest.raises(KeyError):
        hidden.item("pvc")
    found = observe(cases()[2], subject, items_of(subject))
    assert found.status == "ok" and "pvc" not in found.seen["items"]
    index.close()


def test_each_fault_changes_what_it_should(subject: Subject) -> None:
    sound = subject.tutor()
    cut = FAULTS["cut the top passage"].plant(subject).tutor()
    assert isinstance(cut, CutsTop)
    assert cut.search(PENDING.question) == sound.search(PENDING.question, k=6)[1:]
    lowered = FAULTS["lower the threshold"].plant(subject).tutor().retrieve(PENDING.question)
    assert lowered.threshold == pytest.approx(LOWERED * sound.retrieve(PENDING.question).threshold)
    assert lowered.confidence == sound.retrieve(PENDING.question).confidence
    sure = replace(subject, calibration=replace(sound._calibration, thresholds={"zh": 0.0, "en": 0.0}))
    answer = sure.tutor().ask(PENDING.question)
    moved = FAULTS["shuffle citations"].plant(sure).tutor().ask(PENDING.question)
    assert answer.citations and moved.text == answer.text
    assert [c.marker for c in moved.citations] == [c.marker for c in answer.citations]
    texts = {p.item_id: p.text for p in moved.passages}
    for before, after in zip(answer.citations, moved.citations, strict=True):
        assert after.item_id != before.item_id and after.quote in texts[after.item_id]
    plain = NoLexicon(subject.index.snapshot())
    assert not any(t.startswith("§") for part in plain.parts("pvc") for t in part.tokens)
    assert plain.rarity("§pvc") == 0.0 and plain.rarity("pvc") == subject.index.snapshot().rarity("pvc") > 0
    assert FAULTS["drop the lexicon"].plant(subject).tutor().search("PVC 是什么")


def test_every_reply_gets_eight(subject: Subject) -> None:
    class Eight(FAULTS["grade everything 8"].plant(subject).make, Graders):  # type: ignore[misc]
        pass

    tutor = replace(subject, make=Eight).tutor()
    assert tutor.grade("nothing", items_of(subject)["pvc"]).score == 8.0


# cases ---------------------------------------------------------------------------------------


def test_the_committed_cases_load_and_each_has_its_own_id(shipped: dict) -> None:
    found = all_cases(shipped, ledger=ROOT / "no-ledger")
    assert len({c.id for c in found}) == len(found)
    assert {c.kind for c in found} == {"ask", "refuse", "removed", "grade"}
    assert all(c.cluster.startswith("topic:") for c in found if c.kind in ("ask", "removed", "grade"))
    assert all(c.cluster.startswith("own:") for c in found if c.kind == "refuse")
    gone = [c for c in found if c.kind == "removed"]
    assert len(gone) >= 10
    for one in gone:
        others = [i.answer.get(one.lang, "") for i in shipped.values() if i.id not in one.body.items]
        assert not any(all(run_fact(f, text) for f in one.body.facts) for text in others)


def run_fact(fact: tuple[str, ...], text: str) -> bool:
    return any(re.search(p, text, re.IGNORECASE) for p in fact)


def test_a_question_that_another_item_answers_is_no_case_of_removal(subject: Subject) -> None:
    both = Ask("9", "zh", "exam", "怎么维护节点", items=("drain",), facts=(("Pod",),))
    found = removed([case("ask", both, 9), case("ask", PVC, 2)], items_of(subject))
    assert [c.id for c in found] == ["removed.dev/2"]


def test_a_sample_is_the_same_each_time_and_has_every_slice() -> None:
    many = [
        Case(f"ask.dev/{n}", "ask", "dev", "zh", ("rare" if n == 70 else "common"), "topic:a", PVC) for n in range(100)
    ]
    chosen = sample(many, 10)
    assert chosen == sample(list(reversed(many)), 10)[::-1] and len(chosen) == 10
    assert "rare" in {c.slice for c in chosen}
    assert sample(many, 500) == many


def test_the_fast_tier_leaves_out_only_graded_replies_of_dev_and_no_slice_and_no_twin(shipped: dict) -> None:
    every = all_cases(shipped, ledger=ROOT / "no-ledger")
    found = quick(every)
    assert quick(list(reversed(every)))[::-1] == found
    left_out = {c.id for c in every} - {c.id for c in found}
    assert left_out and all(i.startswith("grade.dev/") for i in left_out)

    def slices(cases: list[Case]) -> set[tuple]:
        return {(c.kind, c.split, c.slice, c.lang) for c in cases}

    assert slices(found) == slices(every)
    graded = {c.body.id: c.body for c in found if c.kind == "grade"}
    for body in graded.values():
        assert {body.twin, body.pair} - {None} <= graded.keys()
    dev = [c for c in found if c.kind == "grade" and c.split == "dev"]
    assert len(dev) >= QUICK * 16 and len(dev) < len([c for c in every if c.kind == "grade" and c.split == "dev"]) / 2


def test_a_run_says_which_cases_its_tier_leaves_out_and_measures_the_machine(subject: Subject, tmp_path: Path) -> None:
    about = run.describe(subject, "fast", cases())
    assert "graded replies of dev" in about["sample"]
    done = run.execute(tmp_path / "r", about, cases(), subject, items_of(subject))
    assert done.about["measured"]["probe p50 ms"] > 0
    assert sum("probe" in o.seconds for o in done.outcomes) == 1


def test_a_slow_machine_is_converted_to_the_one_of_the_budgets() -> None:
    assert probe() > 0
    assert on_reference(3.0, 20.0, 10.0) == 1.5 and on_reference(3.0, 5.0, 10.0) == 6.0
    assert on_reference(3.0, 0.0, 10.0) == 3.0


def test_a_question_is_embedded_once_for_the_answer_and_the_ranking(subject: Subject) -> None:
    asked: list[str] = []

    class Counting(FakeEmbedder):
        def embed_query(self, text: str):
            asked.append(text)
            return super().embed_query(text)

    counting = replace(subject, embedder=Remembering(Counting()))
    assert counting.embedder.name == FakeEmbedder.name
    once = observe(cases()[0], counting, items_of(subject))
    assert len(asked) == 1 and replace(once, seconds={}) == replace(observe(cases()[0], subject, items_of(subject)), seconds={})


# baseline in the repository --------------------------------------------------------------------


def test_the_committed_baseline_is_whole_and_was_moved_with_a_reason() -> None:
    if not BASELINE.exists():
        pytest.skip("no baseline is committed yet")
    now = outcomes.open_run(BASELINE)
    assert baseline.digest(now.outcomes) == now.about["digest"], "edited by hand: python -m evals baseline"
    log = subprocess.run(
        ["git", "log", "-1", "--format=%H", "--", str(BASELINE)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    changed = subprocess.run(
        ["git", "diff", "--quiet", "HEAD", "--", str(BASELINE)], capture_output=True, cwd=ROOT, check=False
    ).returncode
    # What is in the working tree is held against what was committed, else the last commit against the one before.
    against = "HEAD" if changed else f"{log.stdout.strip()}~1"
    before = subprocess.run(
        ["git", "show", f"{against}:evals/baseline.json"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if before.returncode or not before.stdout:
        pytest.skip("there is no baseline before this one")
    assert not baseline.moved_without_reason(json.loads(before.stdout)["about"], now.about)


# peers ---------------------------------------------------------------------------------------


def test_llamaindex_packs_sentences_and_repeats_a_little() -> None:
    page = "".join(f"Sentence number {n} says something about Pods. " for n in range(300))
    parts = sentence_split(page)
    assert len(parts) > 3 and "".join(sentence_split("One. Two. Three.")) == "One. Two. Three."
    for one, following in pairwise(parts):
        assert following[:20] in one


def test_a_row_of_the_table_by_hand() -> None:
    right, wrong, off = Ask("1", "en", "exam", "a", items=("x",), facts=(("Raft",),)), Ask("2", "en", "exam", "b", items=("y",)), Ask("3", "en", "off", "c")
    answers = {"a": Found(("x", "x"), ("Raft elects",), 0.9), "b": Found(("z", "z", "z", "y"), ("", "", ""), 0.5), "c": Found((), (), 0.7)}
    item1, item3, fact1, fact3, characters, area, _ = _row(lambda ask: answers[ask.question], [right, wrong, off])
    # Passages of one item count once, so the second question has its item second.
    assert (item1, item3, fact1, fact3, characters) == ("0.500", "1.000", "1.000", "1.000", "6")
    assert area == "0.500"


def test_every_system_searches_the_same_items(subject: Subject) -> None:
    tutor = subject.tutor()
    tutor.settings.cache_dir.mkdir(parents=True, exist_ok=True)
    found = {name: search(PVC) for name, search in systems(subject, tutor).items()}
    known = items_of(subject).keys()
    assert len(found) == 5 and all(set(f.items) <= known and len(f.items) == len(f.texts) for f in found.values())
    assert found["kube-tutor"].items[0] == "pvc"
    assert found["keywords alone (our tokens, BM25)"].items[0] == "pvc"
    assert len(found["LangChain's defaults (1000/200, Chroma, top 4)"].items) == 4


def test_the_tutorial_chain_keeps_what_it_embedded(subject: Subject) -> None:
    tutor = subject.tutor()
    before = tutor.embedder.embedded
    first = chain._store(tutor).similarity_search(PVC.question, k=2)
    counted = tutor.embedder.embedded
    assert counted > before
    assert [d.page_content for d in chain._store(tutor).similarity_search(PVC.question, k=2)] == [d.page_content for d in first]
    assert tutor.embedder.embedded == counted


def test_the_default_tokenizer_finds_english_and_no_chinese() -> None:
    search = llamaindex([("a", "容器一直处于等待状态"), ("b", "The kubelet restarts containers"), ("c", "etcd stores state")])
    assert search(Ask("1", "en", "exam", "what restarts containers")).items[0] == "b"
    assert search(Ask("2", "zh", "exam", "等待状态")).score == 0.0
    assert np.isfinite(search(Ask("2", "zh", "exam", "等待状态")).score)
