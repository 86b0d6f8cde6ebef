"""The pale inside, the wall around it and its stain, on drawn glands."""

from __future__ import annotations

import math

import numpy as np
import pytest

from acinus.glands import measure_glands
from acinus.glands.lumen import count_lumina, distance_to, distance_to_outside, find_lumen, wall_thickness
from acinus.glands.stain import EOSIN, HAEMATOXYLIN, haematoxylin_density

SIZE = 260
Y, X = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
R = np.hypot(X, Y)


def stained(haematoxylin: float, eosin: float) -> np.ndarray:
    """Return the colour of so much of both stains, shape (3,)."""
    unit = [np.array(stain) / np.linalg.norm(stain) for stain in (HAEMATOXYLIN, EOSIN)]
    return np.round(255 * 10 ** -(haematoxylin * unit[0] + eosin * unit[1])).astype(np.uint8)


def gland_image(lumen: np.ndarray) -> np.ndarray:
    """Return pink stroma, a purple gland of 100 px and a pale lumen, shape (SIZE, SIZE, 3)."""
    rgb = np.broadcast_to(stained(0.1, 0.4), (SIZE, SIZE, 3)).copy()
    rgb[R <= 100] = stained(0.6, 0.2)
    rgb[lumen] = (240, 235, 240)
    return rgb


def measured(lumen: np.ndarray, *, mpp: float = 0.5) -> dict[str, float]:
    glands = measure_glands((R <= 100).astype(np.int32), mpp=mpp, image=gland_image(lumen))
    return {name: values[0] for name, values in glands.columns.items()}


@pytest.mark.parametrize("amount", [0.0, 0.2, 0.5, 0.9])
def test_unmixing_recovers_the_haematoxylin_that_was_mixed_in(amount):
    assert haematoxylin_density(stained(amount, 0.3)) == pytest.approx(amount, abs=0.02)


def test_round_lumen_is_found_with_its_area_and_the_wall_around_it():
    gland = measured(R <= 50)
    assert gland["lumen_area_um2"] == pytest.approx(math.pi * 25**2, rel=0.01)
    assert gland["lumen_fraction"] == pytest.approx(0.25, rel=0.01)
    assert gland["thickness_um"] == pytest.approx(25, rel=0.02)
    assert gland["thickness_cv"] < 0.02


def test_haematoxylin_is_that_of_the_epithelium_alone():
    assert measured(R <= 50)["haematoxylin_od"] == pytest.approx(0.6, abs=0.02)
    assert measured(R <= 80)["haematoxylin_od"] == pytest.approx(0.6, abs=0.02)


def test_gland_without_pale_inside_has_no_lumen_and_no_wall():
    gland = measured(R < 0)
    assert gland["lumen_area_um2"] == 0
    assert gland["lumen_fraction"] == 0
    assert math.isnan(gland["thickness_um"])


def test_shed_cells_inside_the_lumen_belong_to_it():
    assert measured((R <= 50) & (R > 10))["lumen_area_um2"] == pytest.approx(math.pi * 25**2, rel=0.01)


def test_vacuoles_and_the_cleft_at_the_border_are_no_lumen():
    vacuoles = (X % 20 < 5) & (Y % 20 < 5) & (R < 80)
    assert measured(vacuoles)["lumen_area_um2"] == 0
    assert measured((R <= 100) & (R > 96))["lumen_area_um2"] == 0


@pytest.mark.parametrize(
    ("mpp", "least_px"), [(2.5, 8), (0.5, 200), (0.62, 131)]
)  # 50 µm² / mpp², rounded up
def test_a_pale_region_of_50_square_micrometres_is_lumen_and_a_smaller_one_is_not(mpp, least_px):
    filled = np.ones((60, 60), bool)
    for count in (least_px, least_px - 1):
        pale = np.zeros((60, 60), bool)
        pale[20:40, 20:40].flat[:count] = True  # in rows, so in one piece
        assert find_lumen(distance_to_outside(filled), pale, mpp=mpp).sum() == (
            count if count == least_px else 0
        )


def test_distances_are_exact_wherever_the_mask_lies_in_memory():
    rng = np.random.default_rng(0)
    for start in (0, 1, 7, 32):
        target = np.zeros(start + 90 * 120, bool)[start:].reshape(90, 120)
        target[rng.integers(0, 90, 8), rng.integers(0, 120, 8)] = True
        rows, columns = np.nonzero(target)
        y, x = np.mgrid[:90, :120]
        squares = (y[..., None] - rows) ** 2 + (x[..., None] - columns) ** 2
        assert np.array_equal(distance_to(target), np.sqrt(squares.min(axis=-1)))


def test_lumina_are_counted_and_vacuoles_beside_them_are_not():
    def hole(x: float, y: float, radius: float) -> np.ndarray:
        return np.hypot(X - x, Y - y) <= radius

    three = hole(-50, 0, 20) | hole(20, 40, 20) | hole(20, -40, 25)  # 314, 314 and 491 µm²
    vacuole = hole(60, 0, 10)  # 79 µm²: pale and found, but less than 200 µm²
    assert measured(three)["lumina"] == 3
    assert measured(three | vacuole)["lumina"] == 3
    assert measured(three | vacuole)["lumen_area_um2"] > measured(three)["lumen_area_um2"] + 60


def test_the_only_lumen_counts_however_small_and_without_one_there_is_none():
    assert measured(np.hypot(X, Y) <= 10)["lumina"] == 1
    assert measured(R < 0)["lumina"] == 0
    assert math.isnan(measured(R < 0)["lumen_circularity"])


def test_circularity_is_that_of_the_largest_lumen():
    slit = (np.abs(X) <= 60) & (np.abs(Y) <= 12)  # 4π · 120 · 24 / (2 · 144)² = 0.436
    assert measured(slit)["lumen_circularity"] == pytest.approx(0.436, rel=0.06)
    assert measured(R <= 40)["lumen_circularity"] == pytest.approx(1.0, abs=0.01)
    assert measured(slit | (np.hypot(X, Y - 60) <= 15))["lumen_circularity"] == pytest.approx(0.436, rel=0.06)


@pytest.mark.parametrize(("mpp", "side_px", "count"), [(2.0, 8, 2), (2.0, 7, 1), (0.5, 29, 2), (0.5, 28, 1)])
def test_a_second_lumen_counts_from_200_square_micrometres_on(mpp, side_px, count):
    lumen = np.zeros((80, 80), bool)
    lumen[2:38, 2:38] = True
    lumen[45 : 45 + side_px, 45 : 45 + side_px] = True
    assert count_lumina(lumen, mpp=mpp)[0] == count


def test_hole_in_the_label_is_lumen_whatever_its_colour():
    labels = ((R <= 100) & (R > 50)).astype(np.int32)
    glands = measure_glands(labels, mpp=0.5, image=gland_image(R < 0))
    assert glands["lumen_fraction"][0] == pytest.approx(0.25, rel=0.01)


def test_another_gland_inside_the_hole_is_not_lumen():
    labels = ((R <= 100) & (R > 50)).astype(np.int32)
    labels[R <= 30] = 2
    glands = measure_glands(labels, mpp=0.5)
    assert glands["lumen_area_um2"][0] == pytest.approx(math.pi * (25**2 - 15**2), rel=0.01)


def test_the_image_side_is_not_the_border_of_the_gland():
    filled = np.ones((60, 80), bool)
    filled[:20] = False  # border above; cut by the image on the other three sides
    lumen = np.zeros((60, 80), bool)
    lumen[45:] = True
    assert wall_thickness(distance_to_outside(filled), lumen, mpp=0.5) == (12.5, 0.0)
    assert find_lumen(distance_to_outside(filled), lumen, mpp=0.5).sum() == lumen.sum()


def test_gland_that_fills_the_image_has_no_wall_to_measure():
    filled = np.ones((40, 40), bool)
    lumen = np.zeros((40, 40), bool)
    lumen[10:30, 10:30] = True
    assert all(math.isnan(value) for value in wall_thickness(distance_to_outside(filled), lumen, mpp=0.5))
    assert find_lumen(distance_to_outside(filled), lumen, mpp=0.5).sum() == 400


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
def test_lumen_is_the_same_at_every_resolution(mpp):
    step = {0.25: 1, 0.5: 2, 1.0: 4}[mpp]
    image = gland_image(R <= 60)[::step, ::step]
    glands = measure_glands((R <= 100).astype(np.int32)[::step, ::step], mpp=mpp, image=image)
    assert glands["lumen_area_um2"][0] == pytest.approx(math.pi * 15**2, rel=0.03)
    assert glands["thickness_um"][0] == pytest.approx(10, rel=0.05)
