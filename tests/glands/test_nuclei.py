"""Crowding and stratification of nuclei in a drawn epithelium: a ring of 40 to 100 px around its lumen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from acinus.glands import measure_glands
from acinus.glands.nuclei import nuclear_crowding, nuclear_stratification
from acinus.glands.stain import EOSIN, HAEMATOXYLIN

SIZE = 220
Y, X = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
R = np.hypot(X, Y)
TURN = np.arctan2(Y, X) / (2 * np.pi) % 1.0
PALE = (245, 240, 245)


def stained(haematoxylin: float, eosin: float) -> np.ndarray:
    unit = [np.array(stain) / np.linalg.norm(stain) for stain in (HAEMATOXYLIN, EOSIN)]
    return np.round(255 * 10 ** -(haematoxylin * unit[0] + eosin * unit[1])).astype(np.uint8)


def measured(nuclei: np.ndarray, *, density: float = 0.8, lumen: float = 40.0) -> dict[str, float]:
    """Measure a gland of 100 px with nuclei where they are wanted, pink between them."""
    rgb = np.broadcast_to(stained(0.1, 0.3), (SIZE, SIZE, 3)).copy()
    rgb[nuclei & (R <= 100)] = stained(density, 0.1)
    rgb[lumen >= R] = PALE
    glands = measure_glands((R <= 100).astype(np.int32), mpp=0.5, image=rgb)
    return {name: values[0] for name, values in glands.columns.items()}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_crowding_is_the_share_of_the_epithelium_that_nuclei_cover(share):
    assert measured(share > TURN)["nuclear_crowding"] == pytest.approx(share, abs=0.01)


def test_a_stronger_stain_changes_neither_crowding_nor_stratification_much():
    weak, strong = (measured((R > 75) & (TURN < 0.5), density=density) for density in (0.6, 1.2))
    assert strong["nuclear_crowding"] == pytest.approx(weak["nuclear_crowding"], abs=0.01)
    assert strong["haematoxylin_od"] > 1.4 * weak["haematoxylin_od"]


def test_nuclei_in_one_row_at_the_border_stratify_less_than_nuclei_at_all_heights():
    # Basal half: 70 to 100 px. A row from 70 px on has h 0.8 there and 0.1 above: 0.1 / 0.9.
    assert measured(R > 70)["nuclear_stratification"] == pytest.approx(1 / 9, abs=0.02)
    assert measured((TURN * 40 % 1) < 0.5)["nuclear_stratification"] == pytest.approx(0.5, abs=0.01)
    assert measured(R <= 70)["nuclear_stratification"] == pytest.approx(8 / 9, abs=0.02)


def test_without_a_lumen_nothing_says_which_side_is_up():
    gland = measured(TURN < 0.3, lumen=0.0)
    assert math.isnan(gland["nuclear_stratification"])
    assert gland["nuclear_crowding"] == pytest.approx(0.3, abs=0.01)


def test_without_an_image_nuclei_are_unknown():
    glands = measure_glands(((R <= 100) & (R > 40)).astype(np.int32), mpp=0.5)
    assert np.isnan(glands["nuclear_crowding"]).all()
    assert np.isnan(glands["nuclear_stratification"]).all()
    assert glands["lumina"].tolist() == [1]


def test_alike_pixels_have_no_nuclei_to_tell_apart():
    assert math.isnan(nuclear_crowding(np.full(9, 0.4)))
    assert math.isnan(nuclear_crowding(np.empty(0)))


def test_heights_are_unknown_where_no_border_is_in_the_image():
    densities = np.array([0.5, 0.5])
    assert math.isnan(nuclear_stratification(densities, np.array([np.inf, np.inf]), np.array([1.0, 2.0])))


def test_an_epithelium_without_haematoxylin_has_no_stratification():
    nothing, distances = np.array([0.0, -0.1]), np.array([1.0, 2.0])
    assert math.isnan(nuclear_stratification(nothing, distances, 3.0 - distances))
