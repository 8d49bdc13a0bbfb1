"""Two terms in each other's place: the mirror image of a text, and what follows from which fits better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.test_grading import ITEM, LIVENESS, PLAIN, READINESS, REPLY, Says
from tutor.corpus import Contrast
from tutor.grading import Calibration, grade_item
from tutor.grading.exchange import MOST, MOST_IN_ALL, exchanged, leanings, named, namings
from tutor.grading.features import NAMES

PROBES = Contrast(
    {"zh": ("存活探针", "liveness probe", "liveness"), "en": ("liveness probe", "liveness")},
    {"zh": ("就绪探针", "readiness probe", "readiness"), "en": ("readiness probe", "readiness")},
)
VOLUMES = Contrast({"zh": ("PVC", "申领"), "en": ("PVC", "claim")}, {"zh": ("PV", "持久卷"), "en": ("PV",)})


@pytest.mark.parametrize(
    ("contrast", "lang", "text", "mirror"),
    [
        (PROBES, "zh", "存活探针失败就重启，就绪探针只摘流量", "就绪探针失败就重启，存活探针只摘流量"),
        (PROBES, "zh", "liveness 失败就重启", "就绪探针 失败就重启"),
        (PROBES, "en", "A Liveness Probe restarts it", "A readiness probe restarts it"),
        (PROBES, "en", "liveness-probes and READINESS", "readiness probe and liveness probe"),
        (VOLUMES, "en", "a PVC binds to a PV", "a PV binds to a PVC"),
        (VOLUMES, "en", "PVCs and the PVs", "PV and the PVC"),
        (VOLUMES, "zh", "申领绑定持久卷", "PV绑定PVC"),
    ],
)
def test_each_form_of_a_side_gives_way_to_the_other_side(contrast, lang, text, mirror) -> None:
    assert exchanged(text, contrast, lang) == mirror


@pytest.mark.parametrize("text", ["", "启动探针", "a PVX", "proclaimed", "EPVC", "my_PVC2"])
def test_a_text_that_names_neither_has_no_mirror_image(text: str) -> None:
    assert exchanged(text, PROBES, "zh") is None
    assert exchanged(text, VOLUMES, "en") is None


def test_letters_without_a_lower_case_of_their_own_change_nothing() -> None:
    ingress = Contrast({"en": ("ingress",)}, {"en": ("service",)})
    assert exchanged("an \u0130ngress and a \u017fervice", ingress, "en") is None
    assert exchanged("an \u0130ngress and a service", ingress, "en") == "an \u0130ngress and a ingress"


def test_a_plural_is_not_taken_for_the_other_side() -> None:
    schemes = Contrast({"en": ("HTTP",)}, {"en": ("HTTPS",)})
    assert exchanged("use HTTPS, not HTTP", schemes, "en") == "use HTTP, not HTTPS"


def test_a_mirror_image_of_a_mirror_image_is_the_text() -> None:
    text = "存活探针失败就重启，就绪探针只摘流量"
    assert exchanged(exchanged(text, PROBES, "zh") or "", PROBES, "zh") == text


def test_of_a_points_contrasts_the_one_that_speaks_against_it_counts() -> None:
    asked = [(0, 0), (0, 1), (1, 1), (2, 1)]
    found = leanings(asked, np.array([2.0, -1.0, -2.0, 1.0]), 4)
    assert found.tolist() == [[-1.0, -1.0, -2.0], [-2.0, -2.0, -2.0], [1.0, 0.0, -2.0], [0.0, 0.0, 0.0]]


def test_a_leaning_has_bounds() -> None:
    assert leanings([(0, 0)], np.array([-40.0]), 1).tolist() == [[-MOST, -MOST, -MOST]]
    many = leanings([(n, 0) for n in range(5)], np.full(5, -40.0), 5)
    assert many[:, 2].tolist() == [-MOST_IN_ALL] * 5


@pytest.mark.parametrize(
    ("text", "side"),
    [("存活探针失败", 0), ("Readiness-probes fail", 1), ("liveness 和 readiness", None), ("启动探针", None), ("", None)],
)
def test_a_text_names_one_side_or_it_does_not(text: str, side: int | None) -> None:
    assert named(text, PROBES) == side


QUESTION = "存活探针失败了会怎样？"


@pytest.mark.parametrize(
    ("point", "words", "sentence", "expected"),
    [
        ("存活探针失败时重启容器", "liveness 失败就重启", "", 1.0),
        ("存活探针失败时重启容器", "readiness 失败就重启", "", -1.0),
        ("失败时重启容器", "就绪探针失败就重启", "", -1.0),  # what the question is about
        ("存活探针失败时重启容器", "它就重启", "就绪探针失败了，它就重启", -1.0),
        ("存活探针失败时重启容器", "它就重启", "它失败了，它就重启", 0.0),
        ("存活探针和就绪探针都能设", "就绪探针能设", "", 0.0),
        ("存活探针失败时重启容器", "存活探针和就绪探针失败就重启", "就绪探针失败", 0.0),
        ("存活探针失败时重启容器", "", "", 0.0),
    ],
)
def test_words_name_what_their_point_is_about_or_the_other(point, words, sentence, expected) -> None:
    found = namings(QUESTION, [point], [(words, sentence)], [PROBES])
    assert found.tolist() == [[expected, expected, min(0.0, expected)]]


def test_who_mixes_two_terms_up_does_so_throughout() -> None:
    points = ["存活探针失败时重启容器", "就绪探针失败时摘流量", "默认都不设", "PVC 绑定 PV"]
    said = [("就绪探针失败就重启", ""), ("存活探针失败就摘流量", ""), ("默认没有", ""), ("PVC 去绑", "")]
    found = namings("探针是什么？", points, said, [PROBES, VOLUMES])
    assert found.tolist() == [[-1.0, -2.0, -2.0], [-1.0, -2.0, -2.0], [0.0, 0.0, -2.0], [0.0, 0.0, -2.0]]
    assert namings("探针是什么？", points, said, []).tolist() == [[0.0] * 3] * 4


class Leans(Says):
    """Prefers the mirror image wherever the text has the words that a test names."""

    def __init__(self, told, wrong: str) -> None:
        super().__init__(told)
        self.wrong = wrong
        self.asked: list[tuple[str, str, str]] = []

    def lean(self, texts: Sequence[tuple[str, str, str]]) -> np.ndarray:
        self.asked += texts
        return np.array([-2.5 if self.wrong in said else 2.5 for said, _, _ in texts])


WARY = np.zeros((4, len(NAMES)))
WARY[:, :4] = np.eye(4)
WARY[3, NAMES.index("leaning")] = -4.0
CALIBRATION = Calibration(WARY, PLAIN.bias, PLAIN.mean, PLAIN.scale, unsure=0.6)
CONTRASTED = replace(ITEM, contrasts=(PROBES, VOLUMES))
BOTH = {LIVENESS: ("hit", 0.95, 0), READINESS: ("hit", 0.95, 1)}


def test_what_fits_better_exchanged_is_contradicted() -> None:
    judge = Leans(BOTH, wrong="容器拉起来")
    grade = grade_item(CONTRASTED, REPLY, judge, CALIBRATION)
    assert [p.verdict for p in grade.points] == ["contradicted", "hit", "missed"]
    assert judge.asked[0] == ("存活探针挂了就把容器拉起来重来", "就绪探针挂了就把容器拉起来重来", LIVENESS)
    assert len(judge.asked) == 2  # nothing of volumes is said, and nothing at all of the third point


def test_an_item_without_contrasts_asks_for_no_leaning() -> None:
    judge = Leans(BOTH, wrong="容器")
    assert [p.verdict for p in grade_item(ITEM, REPLY, judge, CALIBRATION).points] == ["hit", "hit", "missed"]
    assert judge.asked == []
