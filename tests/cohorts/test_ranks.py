"""Rank tests are those of scipy; images of one patient are no patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, kruskal, mannwhitneyu, ttest_rel

from acinus.cohorts.outcomes import Groups, OrderedGroups, TwoGroups
from acinus.cohorts.ranks import rank_test


@pytest.fixture
def values():
    return np.random.default_rng(5).normal(size=24) + np.repeat([0.0, 0.9], 12)


def test_patients_are_tested_as_scipy_does(values):
    two = TwoGroups("g", np.repeat([0.0, 1.0], 12), ("a", "b"))
    three = np.repeat([0.0, 1.0, 2.0], 8)
    alone = np.arange(24)
    assert rank_test(values, two, alone) == mannwhitneyu(values[:12], values[12:]).pvalue
    assert (
        rank_test(values, OrderedGroups("g", three, ("1", "2", "3")), alone)
        == kendalltau(values, three).pvalue
    )
    expected = kruskal(values[:8], values[8:16], values[16:]).pvalue
    assert rank_test(values, Groups("g", three, ("a", "b", "c")), alone) == expected


def test_five_equal_images_of_each_patient_make_no_difference_clearer(values):
    two = TwoGroups("g", np.repeat([0.0, 1.0], 12), ("a", "b"))
    rows = np.repeat(np.arange(24), 5)
    found = rank_test(values[rows], two.select(rows), rows)
    assert found == pytest.approx(mannwhitneyu(values[:12], values[12:]).pvalue, rel=0.5)
    assert found > 100 * mannwhitneyu(values[:12].repeat(5), values[12:].repeat(5)).pvalue


def test_a_difference_within_patients_is_found_though_patients_differ_more():
    rng = np.random.default_rng(6)
    of_patient, noise = 5 * rng.normal(size=12), rng.normal(size=(12, 2))
    pairs = of_patient[:, None] + [0.0, 1.5] + 0.5 * noise
    outcome = TwoGroups("g", np.tile([0.0, 1.0], 12), ("a", "b"))
    p = rank_test(pairs.ravel(), outcome, np.repeat(np.arange(12), 2))
    assert p < 0.01
    assert ttest_rel(pairs[:, 0], pairs[:, 1]).pvalue < 0.001
    assert mannwhitneyu(pairs[:, 0], pairs[:, 1]).pvalue > 0.3  # images taken for patients


def test_nothing_is_tested_where_nothing_differs():
    two = TwoGroups("g", np.repeat([0.0, 1.0], 2), ("a", "b"))
    assert np.isnan(rank_test(np.ones(4), two, np.arange(4)))
    one = TwoGroups("g", np.array([0.0, 0, 1, 1]), ("a", "b"))
    assert np.isnan(rank_test(np.arange(4.0), one, np.array([0, 0, 1, 1])))  # two tumours, no more
    same = TwoGroups("g", np.array([0.0, 0, 0, 1]), ("a", "b"))
    assert np.isnan(rank_test(np.arange(4.0), same, np.array([0, 0, 0, 1])))  # two patients can only swap
