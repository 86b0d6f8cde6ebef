"""Patients are the units: their images count by area, unless their outcomes differ."""

from __future__ import annotations

import numpy as np
import pytest

from acinus.cohorts.outcomes import TwoGroups
from acinus.cohorts.units import CohortImage, choose_statistics, units_of


def image(name, patient, *, solidity, density, glands_um2, tissue_um2, quality=None):
    statistics = {
        "solidity_area_weighted_mean": solidity,
        "glands_per_mm2": density,
        "gland_area_um2": glands_um2,
        "tissue_area_um2": tissue_um2,
    }
    return CohortImage(name, patient, statistics, quality)


IMAGES = [
    image("a", "P1", solidity=0.9, density=10.0, glands_um2=100.0, tissue_um2=1000.0, quality=0.8),
    image("b", "P1", solidity=0.6, density=40.0, glands_um2=200.0, tissue_um2=500.0, quality=0.4),
    image("c", "P2", solidity=np.nan, density=5.0, glands_um2=0.0, tissue_um2=800.0),
]
NAMES = choose_statistics(IMAGES, quantiles=False)


def outcome(*values):
    return TwoGroups("grade", np.array(values, float), ("low", "high"))


def test_a_patients_mean_over_glands_is_weighted_by_glands_and_a_density_by_tissue():
    units, own = units_of(IMAGES, outcome(1, 1, 0), NAMES)
    assert units.names == ("P1", "P2")
    assert units.images == (("a", "b"), ("c",))
    assert own.values.tolist() == [1.0, 0.0]
    assert not units.clustered
    assert units.statistics == ("solidity", "glands_per_mm2")
    solidity, density = (0.9 * 100 + 0.6 * 200) / 300, (10 * 1000 + 40 * 500) / 1500
    assert units.values[0].tolist() == pytest.approx([solidity, density])
    assert np.isnan(units.values[1, 0])


def test_quality_weighs_beside_area():
    units, _ = units_of(IMAGES, outcome(1, 1, 0), NAMES, by_quality=True)
    assert units.values[0, 0] == pytest.approx((0.9 * 80 + 0.6 * 80) / 160)


def test_images_are_the_units_where_one_patients_outcomes_differ():
    units, own = units_of(IMAGES, outcome(1, 0, 0), NAMES)
    assert units.names == ("a", "b", "c")
    assert units.clustered
    assert units.patients.tolist() == [0, 0, 1]
    assert units.patient_names == ("P1", "P1", "P2")
    assert own.values.tolist() == [1.0, 0.0, 0.0]


def test_the_size_of_an_image_is_no_statistic_and_quantiles_are_asked_for():
    keys = {"glands": 1.0, "side_fraction": 0.5, "area_um2_q10": 2.0, "clark_evans": 1.0}
    found = [CohortImage("a", "P", keys)]
    assert list(choose_statistics(found, quantiles=False)) == ["clark_evans"]
    assert list(choose_statistics(found, quantiles=True)) == ["area_um2_q10", "clark_evans"]
