"""Items become chunks with stable ids, and no chunk holds text of two items."""

from __future__ import annotations

from dataclasses import replace

from tests.doubles import CORPUS
from tutor.chunks import _weight, chunks_of, item_hash, split
from tutor.corpus import Item, read_text


def item(name: str = "storage/pvc.md") -> Item:
    return read_text(CORPUS[name], name).items[0]


def test_each_way_of_asking_is_a_chunk_of_its_own() -> None:
    fields = [chunk.field for chunk in chunks_of(item())]
    assert fields.count("question") == 2
    assert fields.count("alias") == 6
    assert fields.count("claim") == 2
    assert fields.count("answer") == 2


def test_only_the_changed_text_gets_a_new_id() -> None:
    before = {chunk.id for chunk in chunks_of(item())}
    changed = replace(item(), answer={**item().answer, "en": "Something else."})
    assert len(before - {chunk.id for chunk in chunks_of(changed)}) == 1


def test_hash_covers_all_that_is_stored() -> None:
    assert item_hash(item()) == item_hash(item())
    assert item_hash(item()) != item_hash(replace(item(), since="1.20"))


def test_split_keeps_all_text_and_the_limit() -> None:
    text = "\n\n".join(f"第{i}段，讲的是调度器和污点的关系，写得比较长。" * 6 for i in range(12))
    parts = split(text, 200)
    assert len(parts) > 1
    assert all(_weight(part) <= 200 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_split_leaves_a_fence_whole() -> None:
    fence = "```yaml\na: 1\n\nb: 2\n```"
    parts = split("x" * 300 + "\n\n" + fence + "\n\n" + "y" * 300, 100)
    assert any(fence in part for part in parts)


def test_split_cuts_one_endless_line() -> None:
    parts = split("字" * 5000, 100)
    assert "".join(parts) == "字" * 5000
    assert all(_weight(part) <= 101 for part in parts)
