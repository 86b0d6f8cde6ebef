"""Intervals hold the truth and tests raise no alarm in simulated cohorts: the benchmark at a small size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ..script import script


@pytest.fixture(scope="module")
def cohorts():
    return script("benchmarks/cohorts.py")


def test_the_hazard_of_a_simulated_cohort_rises_as_it_says(cohorts):
    design = next(each for each in cohorts.DESIGNS if each.outcome is cohorts.survival)
    rng = np.random.default_rng(1)
    units, outcome = cohorts.simulate(design, 1500, strength=1.0, rng=rng, statistics=2)
    first, second = (cohorts.hazard(column, outcome, level=0.95) for column in units.values.T)
    assert first.ratio == pytest.approx(cohorts.HAZARD_RATIO, rel=0.1)
    assert second.low < 1.0 < second.high
    # Between patients 1, within 0.5² over one to four images: 1 + 0.25 (1 + 1/2 + 1/3 + 1/4) / 4.
    assert units.values[:, 0].std() == pytest.approx(math.sqrt(1.13), rel=0.05)
    assert outcome.events.mean() == pytest.approx(2 / 3, abs=0.05)


def test_rates_of_several_processes_count_by_their_cohorts(cohorts):
    one = cohorts.Rates(0.6, 0.9, 1.0, 0.0, 0.1, 0.5, cohorts=10)
    three = cohorts.Rates(0.7, 1.0, 0.9, 0.1, 0.0, 0.9, cohorts=30)
    both = cohorts.Rates.of_all([one, three])
    assert both.cohorts == 40
    assert both.concordance_held == pytest.approx(0.975)  # 9 and 30 of 40
    assert both.found == pytest.approx(0.8)  # 5 and 27 of 40


def test_intervals_of_survival_hold_a_known_hazard_ratio_and_nothing_is_found_where_nothing_is(cohorts):
    design = next(each for each in cohorts.DESIGNS if each.name == "survival, 40 patients")
    rates = cohorts.judge(design, cohorts=20, resamples=200, statistics=3)
    assert rates.effect_held >= 0.8  # fewer of 20 come once in 390 times at 95 %
    assert rates.concordance_held >= 0.8
    assert rates.alarms <= 0.2  # more of 20 come once in 390 times at 5 %
    assert rates.found >= 0.7
