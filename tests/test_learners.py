"""Simulated learners, few of them: the choice stays in the band and the estimate gets better."""

from __future__ import annotations

import pytest

from evals.learners import Figures, corpus, simulate


@pytest.fixture(scope="module")
def figures() -> Figures:
    return simulate(corpus(), learners=4, sessions=4, questions=8, seed=1)


def test_chosen_items_stay_in_the_band(figures: Figures) -> None:
    assert figures.asked == 4 * 4 * 8
    assert 0.55 <= figures.predicted_mean <= 0.80
    assert figures.predicted_in_band >= 0.9
    assert figures.in_band >= figures.at_random + 0.15


def test_the_ability_is_known_better_after_the_sessions(figures: Figures) -> None:
    assert figures.ability_error[-1] < figures.ability_error[0] < figures.before


def test_due_dates_are_those_of_fsrs_and_replays_agree(figures: Figures) -> None:
    assert figures.due_as_fsrs and figures.replay_equal
