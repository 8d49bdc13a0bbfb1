"""The curated format and its linter; each rule with a file that breaks it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT, SHARED
from tests.doubles import CORPUS
from tutor.corpus import Contrast, Item, lint
from tutor.corpus.curated import parse_item

TEXT = CORPUS["storage/pvc.md"]
LONG_ZH = "PVC 是用户对存储的申请，PV 是集群里的一块存储，两者一对一绑定。" * 6
LONG_EN = "A PVC is a request for storage and a PV is a piece of it; they are bound one to one. " * 5


def parsed(text: str = TEXT) -> Item:
    item = parse_item(text, "corpus/storage/pvc.md")
    assert isinstance(item, Item), [str(p) for p in item]
    return item


def contrast(left: str, right: str) -> Contrast:
    return Contrast({"zh": (left,), "en": (left,)}, {"zh": (right,), "en": (right,)})


def good() -> Item:
    """An item without a single problem."""
    point = {"zh": "PV 是集群里的一块存储", "en": "A PV is a piece of storage"}
    return replace(
        parsed(), answer={"zh": LONG_ZH, "en": LONG_EN},
        points=tuple(replace(p, text=point) for p in parsed().points),
    )


def messages(item: Item) -> str:
    return "\n".join(problem.message for problem in lint.check([item]))


def test_a_good_item_has_no_problem() -> None:
    assert messages(good()) == ""


def test_all_fields_are_read() -> None:
    item = parsed()
    assert item.topic == "storage"
    assert item.level == "junior"
    assert item.aliases["zh"][0] == "PV 和 PVC 是什么关系一"
    assert item.points[0].weight == 3
    assert item.misconceptions[0].claim["en"] == "a claim"
    assert item.since == "1.25"
    assert item.answer["zh"].startswith("PVC 是用户")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("level: junior", "level: guru", ":4: level"),
        ("level: junior\n", "", "key 'level' is missing"),
        ("seeds: []", "sedes: []", "unknown key 'sedes'"),
        ("weight: 3", "weight: 9", "weight"),
        ("id: pvc", "id: PVC!", ":2: id"),
        ('since: "1.25"', "since: 1.25", "since"),
        ("## en", "## fr", "no headings of its own"),
        ("## en", "### not a section", "no answer under '## en'"),
        ("---\nid", "id", "no front matter"),
        ("topic: storage", "topic: [storage", "not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, said: str) -> None:
    problems = parse_item(TEXT.replace(old, new, 1), "x.md")
    assert not isinstance(problems, Item)
    assert any(said in str(problem) for problem in problems), [str(p) for p in problems]


def test_contrasts_are_pairs_of_forms() -> None:
    text = TEXT.replace("follow_ups:", "contrasts:\n  - zh: [PVC|申领, PV]\n    en: [PVC | claim, PV]\nfollow_ups:")
    contrast, = parsed(text).contrasts
    assert contrast.left == {"zh": ("PVC", "申领"), "en": ("PVC", "claim")}
    assert contrast.right == {"zh": ("PV",), "en": ("PV",)}


@pytest.mark.parametrize("pair", ["[PVC]", "PVC", "[PVC, PV, Pod]", "[PVC, '']", "[PVC, 3]", "[PVC|, PV]"])
def test_a_contrast_has_two_sides_with_forms(pair: str) -> None:
    text = TEXT.replace("follow_ups:", f"contrasts:\n  - zh: [PVC, PV]\n    en: {pair}\nfollow_ups:")
    problems = parse_item(text, "x.md")
    assert not isinstance(problems, Item)
    assert "contrasts.0.en" in str(problems[0])


def test_crlf_and_bom_are_read() -> None:
    assert parsed("\ufeff" + TEXT.replace("\n", "\r\n")).answer == parsed().answer


def test_a_fence_may_hold_headings() -> None:
    text = TEXT.replace("## en", "```bash\n## en\n# comment\n```\n\n## en")
    assert "## en" in parsed(text).answer["zh"]


def both(extra: str) -> dict[str, str]:
    return {"zh": LONG_ZH + "\n\n" + extra, "en": LONG_EN + "\n\n" + extra}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": {"zh": LONG_ZH + "默认 300 秒。", "en": LONG_EN}}, "number '300'"),
        ({"answer": {"zh": LONG_ZH, "en": LONG_EN + " Set `spec.x`."}}, "code 'spec.x'"),
        ({"answer": {"zh": LONG_ZH + "StatefulSet 也行。", "en": LONG_EN}}, "kind 'StatefulSet'"),
        ({"answer": {"zh": "太短", "en": LONG_EN}}, "words"),
        ({"answer": both("```yaml\na: [1\n```")}, "YAML"),
        ({"answer": both("```yaml\na: 1\n```")}, "without apiVersion"),
        ({"answer": both("```yaml\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [], hostnam: x}\n```")}, "hostnam"),
        ({"answer": both("```yaml\napiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}\n```")}, "no schema"),
        ({"prerequisites": ("nowhere",)}, "prerequisite 'nowhere'"),
        ({"prerequisites": ("pvc",)}, "its own prerequisite"),
        ({"id": "other"}, "file's name"),
        ({"topic": "etcd"}, "folder"),
        ({"reference": None}, "reference"),
        ({"since": "1.99"}, "newer"),
        ({"since": "1.30", "until": "1.20"}, "before since"),
        ({"answer": both("Since v1.77.")}, "out of range"),
        ({"contrasts": (contrast("PVC", "pvc"),)}, "'pvc' is on both sides"),
        ({"contrasts": (contrast("PVC", "Ingress"),)}, "has any of ['ingress']"),
    ],
)
def test_each_rule_finds_what_breaks_it(change: dict, said: str) -> None:
    assert said in messages(replace(good(), **change))


def test_a_point_must_stand_in_the_answer() -> None:
    point = {"zh": "调度器按拓扑打散副本", "en": "The scheduler spreads replicas over zones"}
    item = replace(good(), points=(replace(good().points[0], text=point),))
    assert "isn't in the answer" in messages(item)


def test_near_duplicates_are_found() -> None:
    twin = replace(good(), id="twin", source=replace(good().source, path="corpus/storage/twin.md"))
    said = "\n".join(p.message for p in lint.check([good(), twin]))
    assert "asks the same" in said
    assert "nearly the same" in said


def test_the_ledger_must_be_covered(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text('{"id": "S1", "question": "q", "topic": "storage"}\n')
    said = "\n".join(str(p) for p in lint.check([good()], ledger=ledger))
    assert "S1 is covered by no item" in said
    assert not lint.check([replace(good(), seeds=("S1",))], ledger=ledger)


def test_the_shipped_corpus_is_clean() -> None:
    items, broken = lint.read_curated(ROOT / "corpus")
    ledger, docs = SHARED / "seeds/ledger.jsonl", SHARED / "data/k8s-docs/en/docs"
    problems = broken + lint.check(
        items, ledger=ledger if ledger.exists() else None, docs=docs if docs.exists() else None
    )
    assert [str(problem) for problem in problems] == []
    assert len(items) >= 180
    assert sum(len(item.misconceptions) for item in items) >= 180
    assert all(len(item.points) >= 2 for item in items)


def test_prerequisites_have_no_cycle() -> None:
    items, _ = lint.read_curated(ROOT / "corpus")
    needs = {item.id: set(item.prerequisites) for item in items}
    while free := [item_id for item_id, left in needs.items() if not left]:
        for item_id in free:
            del needs[item_id]
        for left in needs.values():
            left.difference_update(free)
    assert not needs
