"""Notes that are a user's own: found by that user, and by nobody else in any way."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.doubles import CORPUS, FakeEmbedder, curated
from tutor.app import Tutor
from tutor.errors import InputError, StorageError
from tutor.index import EmbeddingCache, Index, SyncReport
from tutor.notebook import MAX_FILES, Notebook, safe_name
from tutor.retrieval import retrieve
from tutor.settings import Settings

LI = """# 我们公司的灰度发布流程是怎样的？

先在 xyzzy 环境放量 5%，再看 plugh 面板。

# How do we page the xyzzy team?

Call extension 4711 and say plugh.
"""
QUESTIONS = ("我们公司的灰度发布流程是怎样的？", "How do we page the xyzzy team?")


def note(tmp_path: Path, name: str = "notes.md", text: str = LI) -> Path:
    path = tmp_path / "sent" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def noted(tutor: Tutor, tmp_path: Path) -> Tutor:
    report = tutor.ingest(note(tmp_path), user="li")
    assert (len(report.added), report.problems) == (2, ())
    return tutor


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_owner_finds_what_they_noted(noted: Tutor, question: str) -> None:
    found = noted.retrieve(question, user="li")
    assert "xyzzy" in found.passages[0].text + found.passages[0].title
    assert found.passages[0].kind != "curated"
    answer = noted.ask(question, user="li")
    assert any(p.item_id == found.passages[0].item_id for p in answer.passages)
    assert noted.item(found.passages[0].item_id, "li").source.path == "notes.md"


@pytest.mark.parametrize("user", ["wang", "me", "l", "li2", None])
@pytest.mark.parametrize("question", [*QUESTIONS, "plugh xyzzy 4711"])
def test_nobody_else_finds_it_in_any_way(noted: Tutor, question: str, user: str | None) -> None:
    def everything(tutor: Tutor) -> list[object]:
        found, answer = tutor.retrieve(question, k=50, user=user), tutor.ask(question, user=user)
        events = list(tutor.stream("那怎么排查？", history=[("user", question)], user=user))
        return [
            found, answer.text, answer.suggestions, answer.passages, answer.confidence,
            [e.passages for e in events if hasattr(e, "passages")], tutor.items(user),
        ]  # fmt: skip

    with_it = everything(noted)
    assert "xyzzy" not in repr(with_it[1:]) or question in repr(with_it[1:])
    assert not any(p.item_id.startswith("own-") for p in noted.search(question, 50, user=user))
    [own] = [i.id for i in noted.items("li") if i.title("en").startswith("How do we page")]
    with pytest.raises(InputError, match="no item"):
        noted.item(own, user)
    # Nor is anything different because it is there: not a score, not the confidence.
    noted.forget("notes.md", "li")
    assert everything(noted) == with_it


def test_two_users_may_keep_the_same_file_and_change_only_their_own(noted: Tutor, tmp_path: Path) -> None:
    path = note(tmp_path)
    assert len(noted.ingest(path, user="wang").added) == 2
    path.write_text("# How do we page the xyzzy team?\n\nWang calls 4712.\n", "utf-8")
    report = noted.ingest(path, user="wang")
    assert (len(report.updated), len(report.removed)) == (1, 1)
    assert "4711" in noted.search(QUESTIONS[1], 1, user="li")[0].text
    assert "4712" in noted.search(QUESTIONS[1], 1, user="wang")[0].text
    assert [(f.name, f.items) for f in noted.notes("li")] == [("notes.md", 2)]
    noted.forget("notes.md", "li")
    assert noted.notes("li") == [] and len(noted.notes("wang")) == 1
    with pytest.raises(InputError, match="nothing was ingested"):
        noted.forget("notes.md", "li")


def test_own_files_never_pass_for_the_corpus(noted: Tutor, tmp_path: Path) -> None:
    fake = curated("pod-pending", "pod-lifecycle", "Pod 一直 Pending 怎么排查", "Why is a Pod stuck in Pending",
                   "重装集群。\n就好了。", "Reinstall the cluster.\nThat is it.")  # fmt: skip
    report = noted.ingest(note(tmp_path, "fake.md", fake), user="li")
    assert len(report.added) == 1 and not report.problems
    assert noted.item("pod-pending", "li") == noted.item("pod-pending")
    assert all(i.kind != "curated" for i in noted.items("li") if i.id.startswith("own-"))
    first = noted.search("Pod 一直 Pending 怎么排查", user="li")[0]
    assert first.item_id == "pod-pending"


def test_study_knows_nothing_of_own_notes(noted: Tutor) -> None:
    assert set(noted._by_id()) == {item.id for item in noted.items()}
    with pytest.raises(InputError):
        noted.grade("…", QUESTIONS[0])
    assert sum(topic.items for topic in noted.progress("li").mastery) == len(CORPUS)


@pytest.mark.parametrize("user", ["", " ", "a/b", "../li", "a\\b", "a\n", "x" * 65, " li"])
def test_names_that_cannot_be_are_refused(tutor: Tutor, tmp_path: Path, user: str) -> None:
    path = note(tmp_path)
    for call in (
        lambda: tutor.ingest(path, user=user), lambda: tutor.forget(path, user), lambda: tutor.notes(user),
        lambda: tutor.items(user), lambda: tutor.search("pod", user=user), lambda: tutor.notebook(user),
    ):  # fmt: skip
        with pytest.raises(InputError, match="name of a user"):
            call()
    assert len(tutor.items()) == len(CORPUS)


def test_names_of_sql_and_paths_are_only_names(tutor: Tutor, tmp_path: Path) -> None:
    for user in ("%", "_i", "li", "..", "用户"):
        tutor.ingest(note(tmp_path), user=user)
    for user in ("%", "_i", "li", "..", "用户"):
        assert len(tutor.items(user)) == len(CORPUS) + 2
        assert tutor.search(QUESTIONS[1], 1, user=user)[0].item_id.startswith("own-")


def test_own_notes_live_through_a_rebuild_and_through_other_syncs(
    noted: Tutor, tmp_path: Path, settings: Settings
) -> None:
    before = noted.search(QUESTIONS[1], user="li")
    noted.ingest(note(tmp_path, "shared.md", "# What is frobnication?\n\nIt is foo.\n"))
    assert noted.search(QUESTIONS[1], user="li")[0].item_id == before[0].item_id
    noted.index.rebuild()
    assert noted.search(QUESTIONS[1], 1, user="li")[0].item_id == before[0].item_id
    assert noted.search(QUESTIONS[1], 1)[0].item_id != before[0].item_id


def test_only_own_notes_in_an_index(tmp_path: Path, embedder: FakeEmbedder, tutor: Tutor) -> None:
    from tutor.corpus import read_text
    from tutor.index import owned, root_of

    index = Index(tmp_path / "index", embedder, EmbeddingCache(tmp_path / "cache"))
    root = root_of("li", "notes.md")
    index.sync(root, owned(read_text(LI, "notes.md").items, root))
    snapshot = index.snapshot()
    found = retrieve(QUESTIONS[1], snapshot.view("li"), embedder, tutor._calibration)
    assert found.passages[0].title == QUESTIONS[1]
    assert retrieve(QUESTIONS[1], snapshot.view("wang"), embedder, tutor._calibration).passages == ()
    index.close()


def test_everything_of_a_user_goes_and_can_be_taken_along(noted: Tutor, tmp_path: Path) -> None:
    noted.notebook("li").add(note(tmp_path), "notes.md")
    kept = noted.notebook("li").folder / "notes.md"
    assert kept.read_text("utf-8") == LI
    noted.ingest(note(tmp_path), user="wang")
    exported = json.dumps(noted.export_user("li"))
    assert "extension 4711" in exported
    noted.delete_user("li")
    assert noted.notes("li") == [] and not kept.exists() and len(noted.notes("wang")) == 1
    assert "extension 4711" not in json.dumps(noted.export_user("li"))


def book(tmp_path: Path, seen: list[Path] | None = None) -> Notebook:
    """A notebook over an index that only notes what it is given."""
    def ingest(path: Path, user: str, progress: object = None) -> SyncReport:
        (seen if seen is not None else []).append(path)
        return SyncReport(added=("x",))

    return Notebook(tmp_path / "notes", "li", ingest, lambda name, user: SyncReport())


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("笔记 1.md", "笔记 1.md"), ("../../etc/passwd.txt", "passwd.txt"), ("C:\\x\\y.MD", "y.md"),
        ("<img src=x onerror=alert(1)>.md", "_img src_x onerror_alert(1)_.md"),
        ("..hidden.md", "hidden.md"), ("a\0b\n.txt", "a_b_.txt"), ("x" * 300 + ".md", "x" * 60 + ".md"),
        ("con\u202edm.md", "con_dm.md"),
    ],
)  # fmt: skip
def test_file_names_become_harmless(tmp_path: Path, sent: str, kept: str) -> None:
    assert safe_name(sent) == kept
    seen: list[Path] = []
    shelf = book(tmp_path, seen)
    shelf.add(note(tmp_path), sent)
    assert seen == [tmp_path / "notes" / "li" / kept] and seen[0].read_text("utf-8") == LI
    shelf.remove(kept)
    assert not seen[0].exists()


@pytest.mark.parametrize("name", ["", ".md", "x", "x.exe", "x.md.html", "...txt", "/", "..", " .md"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no file of notes"):
        book(tmp_path).add(note(tmp_path), name)


def test_folders_of_users_never_meet(tmp_path: Path) -> None:
    users = ["li", "Li", "LI", "..", ".", "用户", "a.b", "CON", "x" * 64, "a~b"]
    folders = {
        str(Notebook(tmp_path, user, SyncReport, SyncReport).folder).lower() for user in users
    }
    assert len(folders) == len(users)
    assert all(Path(folder).parent == Path(str(tmp_path).lower()) for folder in folders)


def test_what_is_too_much_is_refused_and_a_full_disk_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = book(tmp_path)
    with pytest.raises(InputError, match="2 are allowed.*split"):
        shelf.add(note(tmp_path, "big.md", "x" * (2 * 2**20 + 1)), "big.md")
    with pytest.raises(InputError, match="empty"):
        shelf.add(note(tmp_path, "empty.md", " \n"), "empty.md")
    for number in range(MAX_FILES):
        shelf.add(note(tmp_path), f"{number}.md")
    shelf.add(note(tmp_path), "0.md")
    with pytest.raises(InputError, match="no room"):
        shelf.add(note(tmp_path), "one-more.md")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="No space left"):
        shelf.add(note(tmp_path, text="new"), "0.md")
    assert (shelf.folder / "0.md").read_text("utf-8") == LI


def test_a_file_in_which_nothing_is_found_is_not_kept(tutor: Tutor, tmp_path: Path) -> None:
    shelf = tutor.notebook("li")
    report = shelf.add(note(tmp_path, text="---\n\n***\n"), "nothing.md")
    assert not report.changed and not (shelf.folder / "nothing.md").exists()
    assert tutor.notes("li") == []


@pytest.mark.slow
def test_a_search_of_others_costs_nothing_more(noted: Tutor, tmp_path: Path) -> None:
    many = "\n".join(f"# Question {n} of li?\n\nAnswer {n} with words.\n" for n in range(2000))
    noted.ingest(note(tmp_path, "many.md", many), user="li")

    def took(user: str | None) -> float:
        times = []
        for _ in range(30):
            began = time.perf_counter()
            noted.search("Pod 一直 Pending 怎么排查", user=user)
            times.append(time.perf_counter() - began)
        return sorted(times)[15]

    for user in (None, "li"):
        noted.search("warm", user=user)
    assert took("wang") < 2 * took(None) + 0.005
    assert took("li") < took(None) + 0.03
