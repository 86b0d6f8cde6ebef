"""The whole comparison on cohorts whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from acinus.cohorts.comparison import compare_cohort
from acinus.cohorts.multivariate import Together
from acinus.cohorts.outcomes import Groups, Numbers, OrderedGroups, Survival, TwoGroups
from acinus.cohorts.settings import CompareSettings
from acinus.cohorts.units import CohortImage
from acinus.core.errors import InputError

QUICK = CompareSettings(resamples=200, permutations=0)


def cohort(rng, outcome, *, effect, patients=None, statistics=5):
    """One image per entry; `real` rises by `effect` with the outcome, and patients keep their own values."""
    count = len(outcome)
    patients = np.arange(count) if patients is None else patients
    of_patient = rng.normal(size=(patients.max() + 1, statistics))[patients]
    values = of_patient + 0.3 * rng.normal(size=(count, statistics))
    values[:, 0] += effect * np.asarray(outcome)
    names = ["real", *(f"noise_{k}" for k in range(1, statistics))]
    return [
        CohortImage(f"i{i}", f"P{patients[i]}", dict(zip(names, values[i].tolist(), strict=True)), 0.7)
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("make", "permutations"),
    [
        (lambda y: TwoGroups("g", (y > 0).astype(float), ("a", "b")), 9),
        (lambda y: OrderedGroups("g", np.digitize(y, (-0.7, 0.7)).astype(float), ("1", "2", "3")), 4),
        (lambda y: Groups("g", np.digitize(y, (-0.7, 0.7)).astype(float), ("1", "2", "3")), 4),
        (lambda y: Numbers("g", y), 4),
        (lambda y: Survival("t", np.exp(-y), np.arange(len(y)) % 4 > 0), 4),
    ],
)
def test_the_one_statistic_that_goes_with_the_outcome_comes_first_whatever_the_outcome(make, permutations):
    rng = np.random.default_rng(11)
    y = rng.normal(size=40)
    settings = CompareSettings(resamples=100, permutations=permutations)
    found = compare_cohort(cohort(rng, y, effect=2.0), make(y), settings)
    first, *others = found.associations
    assert first.statistic == "real"
    assert first.q < 0.01
    assert all(each.p > first.p for each in others)
    assert isinstance(found.together, Together)
    assert found.together.p == pytest.approx(1 / (permutations + 1))
    assert found.together.score.estimate > 0.7 > np.median(found.together.chance)


def test_images_of_low_trust_are_left_out_and_the_result_says_what_that_changes():
    rng = np.random.default_rng(12)
    grades = np.repeat([0.0, 1.0], 15)
    images = cohort(rng, grades, effect=1.5)
    spoilt = [
        CohortImage(f"bad{i}", f"Q{i}", dict.fromkeys(images[0].statistics, 50.0), 0.2, doubt="trust 0.20")
        for i in range(5)
    ]
    outcome = TwoGroups("g", np.concatenate([grades, np.zeros(5)]), ("a", "b"))
    found = compare_cohort([*images, *spoilt], outcome, QUICK)
    kept = compare_cohort(images, outcome.select(np.arange(30)), QUICK)
    assert [image.name for image in found.left_out] == [f"bad{i}" for i in range(5)]
    assert "5 of 20 of a, 0 of 15 of b were left out" in found.notes[-1]
    assert not any("left out" in note for note in kept.notes)
    real, alone = found.associations[0], kept.associations[0]
    assert real.concordance == alone.concordance
    assert real.concordance_of_all < real.concordance.estimate  # five benign images above all others
    assert np.isnan(alone.concordance_of_all)
    with_all = compare_cohort(
        [*images, *spoilt], outcome, CompareSettings(untrusted="keep", resamples=200, permutations=0)
    )
    assert {each.statistic: each.concordance.estimate for each in with_all.associations}[
        "real"
    ] == pytest.approx(real.concordance_of_all)


def test_each_group_has_its_quartiles_and_its_own_area_against_the_others():
    rng = np.random.default_rng(13)
    values = np.arange(30) % 3.0
    found = compare_cohort(cohort(rng, values == 2, effect=50.0), Groups("g", values, ("a", "b", "c")), QUICK)
    real = {each.group: each for each in found.groups if each.statistic == "real"}
    assert real["c"].against_rest.estimate == 1.0
    own = found.values_of("real")[values == 2]
    assert any("without an order. If they have one" in note for note in found.notes)
    assert real["c"].quartiles == pytest.approx(np.percentile(own, (25, 50, 75)))


def test_intervals_hold_the_truth_at_their_rate_and_false_discoveries_stay_at_theirs():
    rng = np.random.default_rng(14)
    grades = np.repeat([0.0, 1.0], 15)
    outcome = TwoGroups("g", grades, ("a", "b"))
    truth = norm.cdf(1.0 / np.sqrt(2 * (1 + 0.3**2)))
    held = false = 0
    for _ in range(40):
        found = compare_cohort(cohort(rng, grades, effect=1.0), outcome, QUICK)
        real = next(each for each in found.associations if each.statistic == "real")
        held += real.concordance.low <= truth <= real.concordance.high
        nothing = compare_cohort(cohort(rng, grades, effect=0.0), outcome, QUICK)
        false += any(each.q <= 0.05 for each in nothing.associations)
    assert held >= 34  # fewer of 40 come once in 700 times at 95 %
    assert false <= 6  # more of 40 come once in 300 times at 5 %


def test_images_of_few_patients_raise_no_false_alarm():
    rng = np.random.default_rng(15)
    patients = np.repeat(np.arange(16), 5)
    grades = (patients % 2).astype(float)
    grades[:10] = np.tile([0.0, 1.0], 5)  # two patients have both
    outcome = TwoGroups("g", grades, ("a", "b"))
    alarms = 0
    for _ in range(20):
        found = compare_cohort(cohort(rng, grades, effect=0.0, patients=patients), outcome, QUICK)
        assert found.units.clustered
        alarms += any(each.q <= 0.05 for each in found.associations)
    assert alarms <= 4  # images taken for patients give an alarm in most cohorts


def test_too_little_is_refused():
    rng = np.random.default_rng(16)
    three = TwoGroups("grade", np.array([0.0, 1.0, 1.0]), ("a", "b"))
    with pytest.raises(InputError, match="3 patients or images with grade; at least 4 are needed"):
        compare_cohort(cohort(rng, np.zeros(3), effect=0.0), three, QUICK)
    images = cohort(rng, np.zeros(6), effect=0.0)
    rare = Survival("months", np.arange(6.0), np.array([True] * 3 + [False] * 3))
    with pytest.raises(InputError, match="3 events among 6 patients; at least 4 are needed"):
        compare_cohort(images, rare, QUICK)
    with pytest.raises(InputError, match="all patients have the same grade"):
        compare_cohort(images, TwoGroups("grade", np.zeros(6), ("a", "b")), QUICK)
