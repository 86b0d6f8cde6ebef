"""Intervals draw whole patients, and say nothing where resamples cannot."""

from __future__ import annotations

import numpy as np
import pytest

from acinus.cohorts.effects import concordance
from acinus.cohorts.intervals import PatientBootstrap
from acinus.cohorts.outcomes import TwoGroups

BOOTSTRAP = PatientBootstrap(resamples=300, level=0.95, seed=2)


@pytest.fixture
def cohort():
    grades = np.repeat([0.0, 1.0], 12)
    values = np.random.default_rng(3).normal(size=24) + 0.8 * grades
    return values, TwoGroups("grade", grades, ("low", "high"))


def test_four_equal_images_of_each_patient_say_no_more_than_one(cohort):
    values, outcome = cohort
    rows = np.repeat(np.arange(24), 4)
    one = BOOTSTRAP.interval(concordance(values, outcome), outcome, np.arange(24))
    four = outcome.select(rows)
    assert BOOTSTRAP.interval(concordance(values[rows], four), four, rows) == one
    alone = BOOTSTRAP.interval(concordance(values[rows], four), four, np.arange(96))
    assert alone.high - alone.low < 0.7 * (one.high - one.low)


def test_the_interval_holds_the_estimate_and_widens_with_the_level(cohort):
    values, outcome = cohort
    size = concordance(values, outcome)
    found = BOOTSTRAP.interval(size, outcome, np.arange(24))
    assert found.low < found.estimate < found.high
    assert found.estimate == size(np.ones((1, 24)))[0]
    wider = PatientBootstrap(resamples=300, level=0.99, seed=2).interval(size, outcome, np.arange(24))
    assert wider.low < found.low
    assert wider.high > found.high


def test_groups_that_are_wholly_apart_or_one_patient_have_an_estimate_and_no_interval(cohort):
    _, outcome = cohort
    apart = BOOTSTRAP.interval(concordance(outcome.values, outcome), outcome, np.arange(24))
    assert apart.estimate == 1.0
    assert not apart.known
    few = outcome.select(np.arange(13))  # one patient of high grade
    assert not BOOTSTRAP.interval(concordance(np.arange(13.0), few), few, np.arange(13)).known


def test_a_patient_with_both_outcomes_is_drawn_with_both():
    outcome = TwoGroups("grade", np.tile([0.0, 1.0], 10), ("low", "high"))
    of_patient = 5 * np.random.default_rng(7).normal(size=10)
    values = np.repeat(of_patient, 2) + outcome.values  # within each patient the high grade is higher
    size = concordance(values, outcome)
    found = BOOTSTRAP.interval(size, outcome, np.repeat(np.arange(10), 2))
    alone = BOOTSTRAP.interval(size, outcome, np.arange(20))
    assert alone.low < 0.5 < found.low < found.estimate < found.high < alone.high


def test_resamples_without_a_group_are_left_out_where_they_are_few():
    rng = np.random.default_rng(11)
    patients = np.repeat(np.arange(10), 2)
    grades = (patients > 6).astype(float)  # three patients of high grade
    grades[-1] = 0.0  # one of them has both, so that groups cannot be drawn apart
    outcome = TwoGroups("grade", grades, ("low", "high"))
    values = rng.normal(size=20) + grades
    size = concordance(values, outcome)
    # No patient of high grade is in (7/10)^10 = 2.8 % of the resamples.
    found = BOOTSTRAP.interval(size, outcome, patients)
    assert found.low < found.estimate < found.high
    # Of one patient of high grade it is (9/10)^10 = 35 %: there is no interval.
    rare = TwoGroups("grade", (np.arange(20) == 19).astype(float), ("low", "high"))
    assert not BOOTSTRAP.interval(concordance(values, rare), rare, patients).known
