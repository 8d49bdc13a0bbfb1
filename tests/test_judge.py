"""The real judge with its shipped weights: slow to load, so few replies."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from evals.grader.pairs import held_out
from tutor.corpus import Item, read
from tutor.errors import ModelDamaged
from tutor.grading import grade_item, grade_reference, shipped_calibration, uncalibrated
from tutor.judge import (
    MIRROR,
    MIRROR_SHA256,
    REFERENCE,
    REFERENCE_SHA256,
    SHA256,
    WEIGHTS,
    BundledJudge,
)

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
FULL = {
    "zh": "扩容只要改一处：把 PVC 的 spec.resources.requests.storage 改大，前提是 StorageClass 里 allowVolumeExpansion 打开了。"
    "PV 不会另建一个，还是原来那个变大。文件系统在 Pod 挂载的时候扩，多数 CSI 驱动在线就能做，不用重启。缩容是做不到的。",
    "en": "You only edit the claim: raise spec.resources.requests.storage, and the class must have allowVolumeExpansion "
    "set. The volume that exists grows, no new one is made. The file system grows while mounted with most CSI drivers. "
    "You can't make it smaller again.",
}


@pytest.fixture(scope="module")
def judge() -> BundledJudge:
    return BundledJudge()


@pytest.fixture(scope="module")
def item() -> Item:
    found = next(item for item in read(CORPUS).items if item.id == "volume-expansion")
    assert held_out(found.id)  # nothing of it trained the judge
    return found


@pytest.mark.parametrize(("path", "sha256"), [(WEIGHTS, SHA256), (MIRROR, MIRROR_SHA256), (REFERENCE, REFERENCE_SHA256)])
def test_the_shipped_weights_are_the_published_ones(path: Path, sha256: str) -> None:
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def test_damaged_weights_are_refused_with_a_way_out(tmp_path: Path) -> None:
    cut = tmp_path / "judge.npz"
    cut.write_bytes(WEIGHTS.read_bytes()[:100_000])
    with pytest.raises(ModelDamaged, match="judge.npz"):
        BundledJudge(cut, None).read(["a"], "q", ["p"])
    with pytest.raises(ModelDamaged, match="judge.npz"):
        BundledJudge(reference=cut, reference_sha256=None).worth("a", "q", ["r"])
    with pytest.raises(ModelDamaged, match="judge.npz"):
        BundledJudge(mirror=cut, mirror_sha256=None).lean([("a", "b", "p")])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_good_reply_beats_a_poor_one(judge: BundledJudge, item: Item, lang: str) -> None:
    poor = {"zh": "存储这块比较复杂，要看具体情况，一般改一下配置就行。", "en": "Storage is complex; it depends on the setup."}
    good = grade_item(item, FULL[lang], judge, shipped_calibration())
    bad = grade_item(item, poor[lang], judge, shipped_calibration())
    assert good.score >= 6 > 2 >= bad.score
    assert all(point.quote in FULL[lang] for point in good.points)


def test_growing_and_shrinking_exchanged_is_heard(judge: BundledJudge, item: Item) -> None:
    swapped = FULL["zh"].replace("扩", "X").replace("缩", "扩").replace("X", "缩")
    right, wrong = (grade_item(item, text, judge, shipped_calibration()) for text in (FULL["zh"], swapped))
    assert wrong.score < right.score - 2
    point = item.points[2].text["zh"]  # a claim can't shrink
    right_way, wrong_way = "缩容是做不到的", "扩容是做不到的"
    leaning = judge.lean([(right_way, wrong_way, point), (wrong_way, right_way, point)])
    assert leaning[0] > 0.3
    assert leaning[0] == pytest.approx(-leaning[1], abs=0.1)


def test_key_terms_alone_earn_little(judge: BundledJudge, item: Item) -> None:
    bag = "PVC、PV、StorageClass、allowVolumeExpansion、CSI、文件系统、spec.resources.requests.storage"
    assert grade_item(item, bag, judge, shipped_calibration()).score <= 3


def test_a_long_reply_is_read_to_its_end(judge: BundledJudge, item: Item) -> None:
    padding = "我先说说背景，我们公司做电商，平时流量不小，大促的时候更忙。" * 30
    alone = grade_item(item, FULL["zh"], judge, shipped_calibration())
    after = grade_item(item, padding + FULL["zh"], judge, shipped_calibration())
    assert after.coverage >= alone.coverage / 2 > 0


def test_any_question_is_graded_by_its_reference(judge: BundledJudge) -> None:
    reference = "HTTP/2 多路复用让一条连接同时传多个请求。"
    same = grade_reference("HTTP/2 为什么快？", "HTTP/2 在一条连接上可以同时跑好多个请求", reference, judge, uncalibrated())
    other = grade_reference("HTTP/2 为什么快？", "不知道怎么说，可能是绿色的", reference, judge, uncalibrated())
    assert same.score > 4 > 2 > other.score


def test_what_is_too_long_to_be_marked_as_a_whole_is_graded_by_its_points(judge: BundledJudge) -> None:
    reference = "HTTP/2 多路复用让一条连接同时传多个请求。"
    reply = "一条连接上可以同时跑好多个请求。" + "".join(f"我在第 {n} 家公司也见过这种用法，大家都这样做。" for n in range(150))
    assert judge.worth(reply, "HTTP/2 为什么快？", [reference]) is None
    assert judge.worth("一条连接同时传多个请求", "HTTP/2 为什么快？", [reference * 30, reference]) is None
    grade = grade_reference("HTTP/2 为什么快？", reply, reference, judge, uncalibrated())
    assert [point.credit for point in grade.points] == [None]


def test_a_reading_does_not_depend_on_the_other_points(judge: BundledJudge, item: Item) -> None:
    said = ["扩容只要改 PVC 的大小", "缩容是做不到的"]
    texts = [point.text["zh"] for point in item.points]
    together = judge.read(said, item.question["zh"], texts).verdicts
    alone = np.concatenate([judge.read(said, item.question["zh"], [text]).verdicts for text in texts])
    assert np.abs(together - alone).max() < 0.03
