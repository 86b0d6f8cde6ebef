"""Concordance and effect sizes agree with their definitions and with the libraries that know them."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines.utils import concordance_index
from scipy.stats import kendalltau, kruskal, somersd
from sklearn.metrics import roc_auc_score

from acinus.cohorts.effects import concordance, effect
from acinus.cohorts.outcomes import Groups, Numbers, OrderedGroups, Survival, TwoGroups

ONCE = np.ones((1, 30))


@pytest.fixture
def values():
    return np.random.default_rng(4).normal(size=30).round(1)  # with ties


def grades(count):
    return np.arange(30) % float(count)


def test_of_two_groups_concordance_is_the_area_under_the_roc_curve(values):
    outcome = TwoGroups("g", grades(2), ("a", "b"))
    assert concordance(values, outcome)(ONCE) == pytest.approx(roc_auc_score(outcome.values, values))


def test_of_grades_it_is_half_of_somers_d_and_one(values):
    outcome = OrderedGroups("g", grades(4), ("1", "2", "3", "4"))
    expected = (somersd(outcome.values, values).statistic + 1) / 2
    assert concordance(values, outcome)(ONCE) == pytest.approx(expected)


def test_of_survival_it_is_harrells_c_with_high_values_dying_early(values):
    rng = np.random.default_rng(1)
    outcome = Survival("months", rng.exponential(size=30).round(1), rng.random(30) < 0.6)
    expected = concordance_index(outcome.values, -values, outcome.events)
    assert concordance(values, outcome)(ONCE) == pytest.approx(expected)


def test_hedges_g_by_hand():
    outcome = TwoGroups("g", np.array([0.0, 0, 0, 1, 1, 1]), ("a", "b"))
    values = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0])  # means 2 and 6, variances 1 and 4
    expected = 4.0 / np.sqrt(2.5) * (1 - 3 / (4 * 4 - 1))
    assert effect(values, outcome)(np.ones((1, 6))) == pytest.approx(expected)


def test_epsilon_squared_is_kruskals_h_over_the_largest_it_can_be(values):
    outcome = Groups("g", grades(3), ("a", "b", "c"))
    h = kruskal(*(values[outcome.rows_of(k)] for k in range(3))).statistic
    assert effect(values, outcome)(ONCE) == pytest.approx(h / 29)


def test_kendalls_tau_has_its_sign_and_its_ties(values):
    outcome = Numbers("x", grades(7))
    assert effect(values, outcome)(ONCE) == pytest.approx(kendalltau(values, outcome.values).statistic)


@pytest.mark.parametrize("kind", [TwoGroups, Groups, OrderedGroups])
def test_a_weight_of_two_is_the_unit_twice(values, kind):
    outcome = kind(
        "g", grades(2 if kind is TwoGroups else 3), ("a", "b", "c")[: 2 if kind is TwoGroups else 3]
    )
    drawn = np.random.default_rng(8).integers(0, 30, 30)
    weights = np.bincount(drawn, minlength=30)[None, :].astype(float)
    repeated = outcome.select(drawn)
    for size in (concordance, effect):
        if kind is Groups and size is effect:
            continue  # the ranks are those of all units, not of the resample
        found = size(values, outcome)(weights)
        assert found == pytest.approx(size(values[drawn], repeated)(ONCE), nan_ok=True)
