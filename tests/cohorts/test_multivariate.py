"""The model of all statistics together: how its penalty is chosen, and when it says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from acinus.cohorts import multivariate
from acinus.cohorts.intervals import PatientBootstrap
from acinus.cohorts.multivariate import together
from acinus.cohorts.outcomes import TwoGroups
from acinus.cohorts.units import CohortImage, units_of


def test_the_penalty_is_chosen_in_whatever_order_patients_of_a_small_group_come():
    # One value parts the groups completely: the weaker the penalty, the likelier the groups.
    groups = np.array([0] * 8 + [1] * 4)
    values = np.column_stack([2.0 * groups - 1.0, np.zeros(12)])
    for seed in range(30):
        order = np.random.default_rng(seed).permutation(12)
        fitted = multivariate._logistic(values[order], groups[order], np.arange(12))
        assert fitted.best_params_ == {"C": 1.0}
        assert np.isfinite(fitted.best_score_)


def test_where_a_group_has_one_patient_the_strongest_penalty_is_taken():
    groups = np.array([0] * 6 + [1, 1])
    values = (2.0 * groups - 1.0)[:, None]
    fitted = multivariate._logistic(values, groups, np.array([0, 1, 2, 3, 4, 5, 6, 6]))
    assert fitted.C == 0.001


def test_a_model_that_cannot_be_fitted_is_no_finding(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any) -> None:
        raise ValueError("this solver needs samples of at least 2 classes in the data")

    monkeypatch.setattr(multivariate, "_fit_linear", fail)
    images = [CohortImage(f"i{i}", f"P{i}", {"area": float(i)}, 0.7) for i in range(12)]
    outcome = TwoGroups("grade", np.arange(12) % 2.0, ("low", "high"))
    units, outcome = units_of(images, outcome, {"area": "glands"})
    bootstrap = PatientBootstrap(resamples=10, level=0.95, seed=0)
    found = together(units, outcome, folds=3, permutations=2, bootstrap=bootstrap)
    assert found == "in none of 3 divisions of the patients could the model be fitted to the larger part"
