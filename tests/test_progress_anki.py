"""Anki decks and CSV: importable, repeatable, and inert whatever the items say."""

from __future__ import annotations

import csv
import re
import sqlite3
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.doubles import CORPUS
from tutor.corpus import Item, read_text
from tutor.corpus.items import Point, Source
from tutor.errors import InputError, StorageError
from tutor.progress import Card, export_apkg, export_csv

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ITEMS = [read_text(text, name).items[0] for name, text in CORPUS.items()]
HOSTILE = Item(
    id="=cmd|' /C calc'!A0",
    question={"en": "<script>alert(1)</script> [sound:x.mp3] {{c1::q}} `kubectl get po -o jsonpath='{.a[0]}'`"},
    answer={
        "en": "+1 <img src=x onerror=alert(1)> ![p](http://x/y.png) [a](javascript:alert(1)) "
        "[b](http://plain.example) [latex]\\input{/etc/passwd}[/latex]\n\n"
        "```html\n<iframe src=x>\n```\n\n[k8s](https://kubernetes.io)"
    },
    source=Source("notes/<b>.md", 3),
    kind="note",
    topic="two words",
    points=(Point({"en": "@SUM(1) <b>bold</b>"}, 2),),
)


def notes(path: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["collection.anki2", "media"]
        content = archive.read("collection.anki2")
    db = sqlite3.connect(":memory:")
    db.deserialize(content)
    rows = db.execute(
        "SELECT n.guid, n.mid, n.tags, n.flds, n.mod, c.did, c.due "
        "FROM notes n JOIN cards c ON c.nid = n.id ORDER BY c.due"
    ).fetchall()
    db.close()
    keys = ("guid", "model", "tags", "fields", "mod", "deck", "due")
    found = [dict(zip(keys, row, strict=True)) for row in rows]
    for note in found:
        note["front"], note["back"], note["item"] = note["fields"].split("\x1f")
    return found


def card(item_id: str, days: int) -> Card:
    return Card(item_id, NOW + timedelta(days=days), NOW, 12.345, 5.0, 0.9, 3, 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deck.apkg"


@pytest.mark.parametrize(("lang", "points"), [("zh", "要点"), ("en", "Key points")])
def test_a_deck_holds_question_answer_points_and_source(path: Path, lang: str, points: str) -> None:
    assert export_apkg(ITEMS, {}, lang, path, now=NOW) == len(ITEMS) == 4
    note = notes(path)[0]
    item = ITEMS[0]
    assert note["front"] == item.question[lang] and note["item"] == item.id
    assert "<code>kubectl describe pod</code>" in note["back"] and points in note["back"]
    assert note["back"].count("<li>") == len(item.points)
    assert "kubernetes.io/" in note["back"] and "concepts/x/" in note["back"]
    assert note["tags"].split() == ["pod-lifecycle", "junior"]


def test_the_same_export_has_the_same_bytes_and_a_later_one_the_same_ids(path: Path) -> None:
    export_apkg(ITEMS, {}, "zh", path, now=NOW)
    first, content = notes(path), path.read_bytes()
    export_apkg(ITEMS, {}, "zh", path, now=NOW)
    assert path.read_bytes() == content
    export_apkg(ITEMS[::-1], {}, "zh", path, now=NOW + timedelta(days=1))
    later = {note["guid"]: note for note in notes(path)}
    assert set(later) == {note["guid"] for note in first} and len(later) == 4
    for note in first:
        same = later[note["guid"]]
        assert [same[k] for k in ("model", "deck", "item")] == [note[k] for k in ("model", "deck", "item")]
        assert same["mod"] > note["mod"]  # what Anki updates by
    export_apkg(ITEMS, {}, "en", path, now=NOW)
    assert not {note["guid"] for note in notes(path)} & set(later)


def test_what_is_due_first_comes_first(path: Path) -> None:
    cards = {i.id: card(i.id, d) for i, d in zip(ITEMS[1:3], (5, -5), strict=True)}
    export_apkg(ITEMS, cards, "zh", path, now=NOW)
    assert [n["item"] for n in notes(path)] == [ITEMS[k].id for k in (2, 1, 0, 3)]


def test_nothing_of_an_item_becomes_markup_or_an_instruction_to_anki(path: Path) -> None:
    export_apkg([HOSTILE], {}, "en", path, now=NOW)
    (note,) = notes(path)
    assert not re.search(r"<(script|img|iframe|b|style)\b", note["fields"])
    assert not re.search(r"\bhref=\"(?!https://)", note["fields"])
    assert "[" not in note["fields"] and "{" not in note["fields"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#91;sound:x.mp3]" in note["front"]
    assert 'href="https://kubernetes.io"' in note["back"]
    assert "notes/&lt;b&gt;.md:3" in note["back"]
    assert note["tags"].split() == ["two-words"]


def test_a_csv_opens_in_a_spreadsheet_and_computes_nothing(path: Path) -> None:
    cards = {ITEMS[2].id: card(ITEMS[2].id, 1)}
    assert export_csv([HOSTILE, *ITEMS], cards, "en", path) == 5
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["id"] for row in rows[:2]] == [ITEMS[2].id, "'" + HOSTILE.id]
    assert (rows[0]["due"], rows[0]["stability_days"], rows[0]["reviews"]) == (
        "2026-03-02T00:00:00+00:00", "12.35", "3"
    )  # fmt: skip
    assert rows[0]["answer"] == ITEMS[2].answer["en"] and rows[1]["due"] == ""
    assert not [v for row in rows for v in row.values() if v.lstrip(" ")[:1] in tuple("=+-@\t\r＝＋－＠")]


def test_items_without_an_answer_are_left_out_and_a_missing_language_is_not(path: Path) -> None:
    asked = Item("asked", {"zh": "问"}, {}, Source("p"))
    english = Item("english", {"en": "q"}, {"en": "a"}, Source("p"))
    assert export_apkg([asked, english], {}, "zh", path, now=NOW) == 1
    assert notes(path)[0]["front"] == "q"
    assert export_apkg([], {}, "zh", path, now=NOW) == 0 and notes(path) == []


def test_a_failed_export_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'fr'"):
        export_apkg(ITEMS, {}, "fr", tmp_path / "x.apkg", now=NOW)
    for target in (tmp_path / "absent" / "x", tmp_path):
        with pytest.raises(StorageError, match="can't write") as raised:
            export_csv(ITEMS, {}, "zh", target)
        assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_an_export_leaves_nothing_in_the_temporary_folder(path: Path, tmp_path: Path, monkeypatch) -> None:
    spare = tmp_path / "tmp"
    spare.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    export_apkg(ITEMS, {}, "zh", path, now=NOW)
    export_csv(ITEMS, {}, "zh", path.with_suffix(".csv"))
    assert list(spare.iterdir()) == []
