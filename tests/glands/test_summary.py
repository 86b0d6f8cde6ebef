"""Slides from glands: fractions, weighted means, quantiles, arrangement, and the ROC area."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.errors import InputError
from acinus.glands import COLUMNS, Glands, auc, clark_evans, measure_glands, summarise
from acinus.glands.summary import STATISTICS, summarise_image


def table(**columns: list[float]) -> Glands:
    """Return glands with the given columns; all others 0."""
    count = len(next(iter(columns.values())))
    return Glands({c.name: np.asarray(columns.get(c.name, [0] * count)).astype(c.dtype) for c in COLUMNS})


def test_summary_of_nothing_has_every_key():
    empty = summarise(Glands.empty(), tissue_area_um2=1e6)
    assert set(empty) == set(summarise(table(area_um2=[1.0, 2.0]), tissue_area_um2=1e6))
    assert empty["glands"] == empty["gland_area_fraction"] == 0
    assert math.isnan(empty["clark_evans"])


def test_fractions_and_densities_are_of_the_tissue():
    summary = summarise(table(area_um2=[3000.0, 1000.0], touches_side=[1, 0]), tissue_area_um2=16_000)
    assert summary["gland_area_fraction"] == 0.25
    assert summary["glands_per_mm2"] == pytest.approx(125)
    assert summary["side_fraction"] == 0.5


def test_a_gland_is_tissue_of_an_image_however_pale_it_is():
    labels, tissue = np.zeros((20, 30), np.int32), np.zeros((20, 30), bool)
    labels[2:12, 2:12] = 1  # 100 px, half of them where no tissue was seen
    tissue[:, 7:] = True  # 460 px
    summary = summarise_image(measure_glands(labels, mpp=0.5), labels, tissue, mpp=0.5)
    assert summary["tissue_area_um2"] == (460 + 50) * 0.25
    assert summary["gland_area_fraction"] == pytest.approx(100 / 510)


def test_an_image_of_glass_has_no_tissue_and_no_density():
    nothing = np.zeros((20, 30), np.int32)
    summary = summarise_image(Glands.empty(), nothing, nothing > 0, mpp=0.5)
    assert (summary["glands"], summary["tissue_area_um2"]) == (0, 0)
    assert math.isnan(summary["glands_per_mm2"])


def test_large_glands_weigh_more_in_the_mean_but_not_in_the_quantiles():
    summary = summarise(table(area_um2=[300, 100, 100], solidity=[0.5, 0.9, 1.0]), tissue_area_um2=1e4)
    assert summary["solidity_area_weighted_mean"] == pytest.approx((150 + 90 + 100) / 500)
    assert summary["solidity_q50"] == pytest.approx(0.9)
    assert summary["solidity_q10"] == pytest.approx(0.58)


def test_glands_without_a_value_are_left_out():
    summary = summarise(table(area_um2=[300, 100], thickness_um=[np.nan, 20]), tissue_area_um2=1e4)
    assert summary["thickness_um_area_weighted_mean"] == 20
    assert summary["thickness_um_q90"] == 20
    nothing = summarise(table(area_um2=[300, 100], thickness_um=[np.nan] * 2), tissue_area_um2=1e4)
    assert math.isnan(nothing["thickness_um_area_weighted_mean"])


def test_without_tissue_nothing_is_counted_per_area():
    summary = summarise(Glands.empty(), tissue_area_um2=0)
    assert summary["glands"] == summary["tissue_area_um2"] == 0
    assert math.isnan(summary["gland_area_fraction"])
    assert math.isnan(summary["glands_per_mm2"])
    assert math.isnan(clark_evans(np.array([[0.0, 0.0], [1.0, 0.0]]), area=0.0))


def test_gland_formation_is_the_share_of_area_with_a_lumen():
    glands = table(area_um2=[6000, 2000, 1500, 400, 100], lumina=[1, 4, 0, 0, 0])
    summary = summarise(glands, tissue_area_um2=2e5)
    assert summary["gland_formation"] == pytest.approx(0.8)
    assert summary["cribriform_area_fraction"] == pytest.approx(0.2)
    assert summary["solid_per_mm2"] == pytest.approx(1 / 0.2)  # the one of 1500 µm²
    assert summary["buds_per_mm2"] == pytest.approx(2 / 0.2)


def test_glands_with_two_lumina_are_no_cribriform_growth():
    summary = summarise(table(area_um2=[300, 100], lumina=[2, 3]), tissue_area_um2=1e4)
    assert summary["cribriform_area_fraction"] == 0.25


def test_glands_whose_lumina_are_unknown_do_not_count_as_solid():
    known = summarise(table(area_um2=[300, 100, 900], lumina=[1, 0, np.nan]), tissue_area_um2=1e6)
    assert known["gland_formation"] == 0.75
    assert (known["solid_per_mm2"], known["buds_per_mm2"]) == (0, 1)
    unknown = summarise(table(area_um2=[300, 100], lumina=[np.nan] * 2), tissue_area_um2=1e6)
    for key in ("gland_formation", "cribriform_area_fraction", "solid_per_mm2", "buds_per_mm2"):
        assert math.isnan(unknown[key]), key


def test_variation_of_size_is_that_of_whole_glands():
    cut = table(area_um2=[100, 300, 9000], touches_side=[0, 0, 1])
    assert summarise(cut, tissue_area_um2=1e4)["area_cv"] == pytest.approx(100 / 200)
    one = table(area_um2=[100, 9000], touches_side=[0, 1])
    assert math.isnan(summarise(one, tissue_area_um2=1e4)["area_cv"])


@pytest.mark.parametrize("area", [-1.0, math.nan, math.inf])
def test_tissue_of_no_possible_area_is_refused(area):
    with pytest.raises(InputError, match="image's area"):
        summarise(Glands.empty(), tissue_area_um2=area)


def test_clark_evans_is_one_for_points_at_random():
    rng = np.random.default_rng(0)
    ratios = [clark_evans(rng.random((60, 2)) * 1000, area=1e6) for _ in range(200)]
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)


def test_clark_evans_is_high_on_a_grid_and_low_in_clumps():
    grid = np.stack(np.meshgrid(np.arange(10), np.arange(10)), axis=-1).reshape(-1, 2) * 100.0 + 50
    assert clark_evans(grid, area=1e6) > 1.7
    rng = np.random.default_rng(0)
    clumps = np.repeat(rng.random((5, 2)) * 1000, 20, axis=0) + rng.normal(0, 10, (100, 2))
    assert clark_evans(clumps, area=1e6) < 0.3
    assert math.isnan(clark_evans(grid[:1], area=1e6))


def test_auc_by_counting_pairs():
    values, malignant = np.array([1, 2, 2, 3, 5, 5.0]), np.array([0, 1, 0, 0, 1, 1], bool)
    pairs = [(m > b) + 0.5 * (m == b) for m in values[malignant] for b in values[~malignant]]
    assert auc(values, malignant) == pytest.approx(np.mean(pairs))


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=30))
def test_auc_counts_pairs_and_turns_over_with_the_sign(rows):
    values = np.array([value for value, _ in rows], float)
    malignant = np.array([flag for _, flag in rows])
    forward, backward = auc(values, malignant), auc(-values, malignant)
    if malignant.all() or not malignant.any():
        assert math.isnan(forward)
        return
    pairs = [(m > b) + 0.5 * (m == b) for m in values[malignant] for b in values[~malignant]]
    assert forward == pytest.approx(np.mean(pairs))
    assert forward + backward == pytest.approx(1.0)


def test_auc_leaves_out_images_without_a_value_and_refuses_unequal_lengths():
    assert auc([1, np.nan, 2], [False, False, True]) == 1.0
    with pytest.raises(InputError, match="one grade per value"):
        auc([1, 2], [True])


def test_every_statistic_is_summarised():
    assert set(STATISTICS) | {
        "label",
        "centroid_x_um",
        "centroid_y_um",
        "touches_side",
        "orientation_deg",
    } == {column.name for column in COLUMNS}


@pytest.mark.real_data
def test_solidity_of_true_glas_masks_separates_benign_from_malignant(acinus_data):
    grades = {}
    for line in (acinus_data / "glas" / "Grade.csv").read_text().splitlines()[1:]:
        name, _, grade, *_ = line.split(",")
        grades[name] = grade.strip() == "malignant"
    chosen = [f"train_{number}" for number in range(1, 86, 4)]
    solidities = []
    for stem in chosen:
        labels = cv2.imread(str(acinus_data / "glas" / "train" / f"{stem}_anno.png"), cv2.IMREAD_UNCHANGED)
        glands = measure_glands(labels.astype(np.int32), mpp=0.620)
        summary = summarise(glands, tissue_area_um2=labels.size * 0.620**2)
        solidities.append(summary["solidity_area_weighted_mean"])
    assert auc(solidities, [grades[stem] for stem in chosen]) < 0.25  # malignant glands are less solid
