"""Single glands behind a cohort's statistics: thinned evenly, found again by what is typical of a patient."""

from __future__ import annotations

import numpy as np
import pytest

from acinus.cohorts.comparison import compare_cohort
from acinus.cohorts.outcomes import TwoGroups
from acinus.cohorts.settings import CompareSettings
from acinus.cohorts.units import CohortImage
from acinus.glands import gland_id
from acinus.report.cohort_glands import Behind, CohortGlands, read_cohort_glands


@pytest.fixture
def glands():
    """Two images: one of five glands, the fourth without a solidity, and one of two."""
    return CohortGlands(
        labels={"a": np.array([1, 2, 3, 4, 5], np.int32), "b": np.array([7, 9], np.int32)},
        values={
            "solidity": {"a": np.array([0.9, 0.5, 0.7, np.nan, 0.6]), "b": np.array([0.8, 0.95])},
        },
    )


def test_many_glands_are_thinned_evenly_by_rank_with_both_ends(glands):
    points, count = glands.points("solidity", ["a", "b"], most=3)
    assert count == 6  # the one without a value is none
    # In order 0.5, 0.6, 0.7, 0.8, 0.9, 0.95: the first, that of rank 2.5 rounded to even, and the last.
    assert [point.value for point in points] == [0.5, 0.7, 0.95]
    assert points[-1].words == "b, gland 9: 0.950"
    assert gland_id("b", 9) in points[-1].link


def test_few_glands_are_all_shown(glands):
    points, count = glands.points("solidity", ["b"], most=2)
    assert (len(points), count) == (2, 2)


def test_the_typical_gland_is_the_nearest_in_all_images_of_a_patient(glands):
    assert glands.typical("solidity", ["a", "b"], 0.82) == ("b", 7)
    assert glands.typical("solidity", ["a"], 0.82) == ("a", 1)
    assert glands.typical("solidity", ["c"], 0.82) is None
    assert glands.typical("clark_evans", ["a"], 0.82) is None


def test_a_statistic_of_images_leads_to_the_image_that_is_nearest_to_the_patient():
    images = [
        CohortImage(f"i{k}", f"P{k // 2}", {"clark_evans": value, "tissue_area_um2": area})
        for k, (value, area) in enumerate(
            [(1.0, 3.0), (2.0, 1.0), (1.5, 1.0), (1.7, 1.0), (1.1, 1.0), (1.3, 1.0), (1.0, 1.0), (1.2, 3.0)]
        )
    ]
    outcome = TwoGroups("grade", np.array([0.0, 0, 0, 0, 1, 1, 1, 1]), ("low", "high"))
    comparison = compare_cohort(images, outcome, CompareSettings(resamples=100, permutations=0))
    behind = Behind(CohortGlands({}, {}), {image.name: image.statistics for image in images})
    # P0: (3 × 1.0 + 2.0) / 4 = 1.25, nearer to the first; P3: (1.0 + 3 × 1.2) / 4 = 1.15, to the second.
    assert behind.link(comparison, "clark_evans", 0).endswith("/#slide=i0")
    assert behind.link(comparison, "clark_evans", 3).endswith("/#slide=i7")


def test_an_image_without_a_readable_table_is_left_out(results, stained, discs, tmp_path):
    folder = results.add("a", stained(0), discs((80, 80, 20), (220, 90, 30)))
    damaged = results.add("b", stained(1), discs((80, 80, 20)))
    (damaged / "glands.csv").write_text("nonsense", encoding="utf-8")
    found = read_cohort_glands({"a": folder, "b": damaged, "c": tmp_path / "absent"}, ["area_um2"])
    assert list(found.labels) == ["a"]
    # Discs of 20 and 30 µm.
    assert found.values["area_um2"]["a"] == pytest.approx(np.pi * np.array([400.0, 900.0]), rel=0.01)
