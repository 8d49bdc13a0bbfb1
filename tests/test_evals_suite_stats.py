"""Statistics of the eval suite: equal to scikit-learn's and scipy's, and right under weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from evals.suite import stats
from evals.suite.stats import Sample


def drawn(n: int = 60) -> np.random.Generator:
    return np.random.default_rng(n)


def one(statistic, values) -> float:
    values = np.asarray(values, float)
    return float(statistic(values, np.ones((1, len(values))))[0])


def scores() -> np.ndarray:
    rng = drawn()
    truth = rng.integers(0, 11, 80)
    return np.column_stack([truth, np.clip(truth + rng.integers(-3, 4, 80), 0, 10)]).astype(float)


def confidences() -> np.ndarray:
    rng = drawn()
    truth = rng.integers(0, 2, 80)
    # Rounded, so that many are tied.
    return np.column_stack([truth, np.round(np.clip(0.3 * truth + rng.random(80) * 0.7, 0, 1), 1)])


def test_quadratic_kappa_is_that_of_scikit_learn() -> None:
    truth, said = scores().T
    assert one(stats.qwk, scores()) == pytest.approx(sk.cohen_kappa_score(truth, said, weights="quadratic"))


def test_area_under_the_curve_is_that_of_scikit_learn_with_ties() -> None:
    truth, sure = confidences().T
    assert one(stats.auroc, confidences()) == pytest.approx(sk.roc_auc_score(truth, sure))


def test_rank_correlation_is_that_of_scipy() -> None:
    from scipy.stats import spearmanr

    assert one(stats.spearman, scores()) == pytest.approx(spearmanr(*scores().T).statistic)


def test_brier_and_f1_are_those_of_scikit_learn() -> None:
    truth, sure = confidences().T
    assert one(stats.brier, confidences()) == pytest.approx(sk.brier_score_loss(truth, sure))
    said = sure > 0.5
    rows = np.column_stack([said & (truth == 1), said & (truth == 0), ~said & (truth == 1)])
    assert one(stats.f1, rows) == pytest.approx(sk.f1_score(truth, said))


def test_calibration_error_of_a_confidence_that_is_always_off_by_as_much() -> None:
    values = np.column_stack([np.ones(30), np.full(30, 0.8)])
    assert one(stats.ece, values) == pytest.approx(0.2)
    assert one(stats.ece, np.column_stack([np.tile([1, 0], 15), np.full(30, 0.5)])) <= 0.5


def test_risk_and_coverage_of_four_cases() -> None:
    # Surest first: right, right, wrong, right.
    values = np.array([[0, 0.9], [0, 0.8], [1, 0.7], [0, 0.6]])
    assert one(stats.aurc, values) == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert one(stats.coverage_at_risk, values) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "statistic", [stats.mean, stats.ratio, stats.auroc, stats.coverage_at_risk, stats.brier]
)
def test_a_weight_of_three_is_a_case_three_times(statistic) -> None:
    values = confidences()[:30] + (np.array([0, 1]) if statistic is stats.ratio else 0)
    counts = drawn().integers(0, 4, 30)
    weighted = statistic(values, counts[None, :].astype(float))[0]
    assert weighted == pytest.approx(one(statistic, np.repeat(values, counts, axis=0)))


def test_kappa_under_weights_is_that_of_the_repeated_cases() -> None:
    counts = drawn().integers(0, 4, 80)
    weighted = stats.qwk(scores(), counts[None, :].astype(float))[0]
    assert weighted == pytest.approx(one(stats.qwk, np.repeat(scores(), counts, axis=0)))


def test_one_class_alone_has_no_area_and_no_number_is_made_up() -> None:
    assert np.isnan(one(stats.auroc, [[1, 0.3], [1, 0.6]]))
    assert np.isnan(one(stats.ratio, [[0, 0]]))


def test_clusters_are_drawn_whole_and_strata_keep_their_size() -> None:
    clusters = ["topic:a", "topic:a", "topic:b", "own:1", "own:2", "own:3"]
    counts = stats.counts(clusters, 200, seed=1)
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, [0, 2]].sum(1) == 2).all() and (counts[:, 3:].sum(1) == 3).all()
    assert set(np.unique(counts[:, 0])) == {0, 1, 2}


def test_equal_seeds_draw_equal_cases_and_others_do_not() -> None:
    clusters = [f"topic:{n}" for n in range(9)]
    assert (stats.counts(clusters, 50, 3) == stats.counts(clusters, 50, 3)).all()
    assert (stats.counts(clusters, 50, 3) != stats.counts(clusters, 50, 4)).any()


def test_cases_of_one_topic_count_as_little_more_than_one() -> None:
    values = drawn().random((120, 1))
    values[:60] += 1.0
    apart = Sample(values, np.arange(120), tuple(f"own:{n}" for n in range(120)))
    together = Sample(values, np.arange(120), tuple(f"topic:{n // 30}" for n in range(120)))
    low, high = stats.interval(*stats.draw([apart], stats.mean, 2000, 1))
    wide = stats.interval(*stats.draw([together], stats.mean, 2000, 1))
    assert wide[1] - wide[0] > 2 * (high - low)
    assert low < apart.figure(stats.mean) < high


def test_observations_of_one_case_are_drawn_with_it() -> None:
    sample = Sample(np.array([[1.0], [1.0], [0.0]]), np.array([0, 0, 1]), ("own:1", "own:2"))
    assert sample.figure(stats.mean) == pytest.approx(2 / 3)
    assert set(np.round(stats.draw([sample], stats.mean, 100, 1)[0], 3)) <= {0.0, round(2 / 3, 3), 1.0}


def test_p_values_and_holm() -> None:
    assert stats.p_value(np.zeros(1000)) == 1.0
    assert stats.p_value(np.full(9999, -0.1)) == pytest.approx(2e-4)
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []


def test_wilson_of_no_failures_in_150() -> None:
    low, high = stats.wilson(0, 150)
    assert low == 0.0 and high == pytest.approx(0.025, abs=0.001)
    assert stats.wilson(0, 0) == (0.0, 1.0)
