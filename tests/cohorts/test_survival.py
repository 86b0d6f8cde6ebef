"""Cox's model and Kaplan and Meier's curves, on a cohort small enough to count."""

from __future__ import annotations

import numpy as np
import pytest

from acinus.cohorts.outcomes import Survival
from acinus.cohorts.survival import hazard, median_split

SIX = Survival("months", np.array([1.0, 2, 3, 4, 5, 6]), np.array([True, True, False, True, True, False]))


def test_the_curve_steps_down_by_the_share_of_those_still_watched():
    curves, p = median_split(np.array([9.0, 1, 8, 2, 7, 3]), SIX, level=0.95)
    low, high = curves
    assert (low.name, low.patients, high.patients) == ("up to the median", 3, 3)
    assert high.times.tolist() == [0, 1, 3, 5]  # events at 1 and 5, censored at 3
    assert high.survival.tolist() == pytest.approx([1, 2 / 3, 2 / 3, 0])
    assert low.survival.tolist() == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3])
    assert 0 < p < 1


def test_the_hazard_ratio_is_that_of_a_known_model():
    rng = np.random.default_rng(0)
    values = rng.normal(size=400)
    times = rng.exponential(size=400) / np.exp(0.7 * values)
    censored = rng.exponential(scale=2, size=400)
    outcome = Survival("t", np.minimum(times, censored), times <= censored)
    found = hazard(10 + 3 * values, outcome, level=0.95)
    assert found.low < np.exp(0.7 * values.std()) < found.high
    assert found.ratio == pytest.approx(np.exp(0.7), rel=0.15)
    assert found.p < 1e-6
    narrower = hazard(values, outcome, level=0.5)
    assert narrower.high - narrower.low < found.high - found.low


@pytest.mark.parametrize(
    ("values", "events"),
    [(np.ones(6), SIX.events), (np.arange(6.0), np.zeros(6, bool)), (-SIX.values, np.ones(6, bool))],
)
def test_without_spread_or_events_or_with_all_events_in_order_there_is_no_estimate(values, events):
    found = hazard(values, Survival("t", SIX.values, events), level=0.95)
    assert np.isnan([found.ratio, found.low, found.high, found.p]).all()
