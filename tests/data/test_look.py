"""How far an image lies from those of a fit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from acinus.core.image import RgbImage
from acinus.data.look import _LEAST_SPREAD, STATISTICS, Looks, look_of
from acinus.data.synthetic import synthetic_tile


@pytest.fixture(scope="module")
def tiles() -> list[RgbImage]:
    return [synthetic_tile(seed=seed, height_px=256, width_px=256).image for seed in range(6)]


def test_the_first_statistics_are_the_mean_optical_density_and_contrast_of_tissue():
    rgb = np.empty((200, 200, 3), np.uint8)
    rgb[:, ::2], rgb[:, 1::2] = (225, 150, 190), (180, 100, 170)
    look = look_of(RgbImage(rgb, 2.5))
    assert look is not None
    densities = -np.log((rgb.astype(np.float64) + 1) / 256)
    np.testing.assert_allclose(look[:3], densities.mean(axis=(0, 1)), rtol=1e-4)
    assert look[3] == pytest.approx(math.log(densities.mean(axis=2).std()), rel=1e-4)
    assert look[4] == look[4:].max()  # stripes of one pixel are the finest detail there is


def test_an_image_without_tissue_has_no_look():
    assert look_of(RgbImage(np.full((200, 200, 3), 243, np.uint8), 2.5)) is None
    assert Looks.of([RgbImage(np.full((200, 200, 3), 243, np.uint8), 2.5)]) is None


def test_where_the_images_of_a_fit_are_equal_distances_count_in_least_spreads():
    looks = Looks(np.zeros(8), np.zeros((8, 8)))
    assert looks.distance(np.zeros(8)) == 0.0
    assert looks.distance(_LEAST_SPREAD * 3.0) == pytest.approx(3.0)
    one = np.zeros(8)
    one[2] = 4.0 * _LEAST_SPREAD[2]
    assert looks.distance(one) == pytest.approx(4.0 / math.sqrt(8))
    assert looks.furthest(one) == "blue"


def test_what_varies_in_the_fit_counts_less_than_what_does_not():
    covariance = np.zeros((8, 8))
    covariance[0, 0] = 1.0
    looks = Looks(np.zeros(8), covariance)
    step = 0.5 * np.eye(8)
    assert looks.distance(step[0]) < 0.2 < looks.distance(step[2])


def test_images_of_one_kind_lie_near_each_other_and_the_same_in_other_colours_do_not(tiles):
    looks = Looks.of(tiles[:5])
    assert looks is not None
    assert looks.distance(look_of(tiles[5])) < 1.5
    dark = RgbImage((tiles[5].rgb * np.array([0.55, 0.5, 0.85])).astype(np.uint8), tiles[5].mpp)
    assert looks.distance(look_of(dark)) > 2.0
    assert looks.furthest(look_of(dark)) == "red"


def test_the_model_folder_keeps_it_and_folders_of_earlier_versions_have_none(tiles):
    looks = Looks.of(tiles[:2])
    assert looks is not None
    again = Looks.from_plain(looks.as_plain())
    assert again is not None
    np.testing.assert_array_equal(again.mean, looks.mean)
    np.testing.assert_array_equal(again.covariance, looks.covariance)
    assert Looks.from_plain(None) is None
    assert Looks.from_plain({**looks.as_plain(), "statistics": STATISTICS[1:]}) is None
