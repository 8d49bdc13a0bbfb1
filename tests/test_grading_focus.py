"""Which clauses of a long reply are read for a point."""

from __future__ import annotations

from tutor.grading.focus import UNIT, focused

PADDING = [f"第 {n} 段讲的是公司食堂和班车的安排，" if n % 2 else f"第 {n} 段讲的是年会和团建。" for n in range(20)]
POINT = "PVC 不能缩容"


def test_a_short_reply_is_read_whole_for_every_point() -> None:
    assert focused(["扩容改 PVC 就行，", "缩容不行。"], [8, 5], [POINT, "别的"]) == [[0, 1], [0, 1]]


def test_of_a_long_reply_the_sentence_with_the_point_s_words_is_read_in_its_place() -> None:
    said = [*PADDING[:10], "PVC 缩容是做不到的。", *PADDING[10:]]
    (numbers,) = focused(said, [12] * len(said), [POINT], most=60)
    assert 10 in numbers
    assert numbers == sorted(numbers)
    assert sum(12 for _ in numbers) <= 60


def test_words_that_every_sentence_has_don_t_decide() -> None:
    said = [f"PVC 和 PV 的第 {n} 个特点是名字好记。" for n in range(12)]
    said[7] = "PVC 和 PV 缩容做不到。"
    (numbers,) = focused(said, [14] * len(said), ["PVC 和 PV 不能缩容"], most=30)
    assert 7 in numbers


def test_each_point_has_its_own_clauses() -> None:
    said = [*PADDING[:8], "PVC 缩容是做不到的。", *PADDING[8:], "kubelet 负责挂载。"]
    first, second = focused(said, [12] * len(said), [POINT, "kubelet 挂载卷"], most=30)
    assert 8 in first
    assert len(said) - 1 in second
    assert first != second


def test_one_sentence_is_read_however_long() -> None:
    assert focused(["一句话" * 200], [600], [POINT], most=90) == [[0]]


def test_a_sentence_without_end_is_parted_at_clauses() -> None:
    said = [f"然后第 {n} 步做一点事，" for n in range(30)]
    said[20] = "PVC 缩容做不到，"
    (numbers,) = focused(said, [10] * len(said), [POINT], most=UNIT)
    assert 20 in numbers
    assert len(numbers) <= UNIT // 10


def test_a_reply_without_any_word_of_the_point_is_read_from_its_beginning() -> None:
    (numbers,) = focused(PADDING, [12] * len(PADDING), ["kubelet"], most=60)
    assert numbers[0] == 0
