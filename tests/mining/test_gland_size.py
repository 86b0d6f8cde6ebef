from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from acinus.core.image import RgbImage
from acinus.data.synthetic import synthetic_tile
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.gland_size import (
    DEFAULT_GLAND_SIZE_UM,
    FACTORS,
    best_factor,
    closed_evidence,
    gland_size_um,
    sampled,
    size_ratio,
)


@pytest.fixture(scope="module")
def image() -> RgbImage:
    return synthetic_tile(seed=3, height_px=400, width_px=500).image


def test_glands_twice_as_large_are_found_with_twice_the_factor(image):
    twice = replace(image, mpp=2.0 * image.mpp)  # the same picture, of glands twice as large
    assert closed_evidence(twice, 2.0) == closed_evidence(image, 1.0) > 0.0
    assert closed_evidence(twice, 2.0) > closed_evidence(twice, 1.0)


def test_an_image_without_contrast_has_no_evidence_and_leaves_the_default():
    plain = RgbImage(np.full((200, 200, 3), 200, np.uint8), mpp=1.25)
    evidence = {factor: closed_evidence(plain, factor) for factor in FACTORS}
    assert set(evidence.values()) == {0.0}
    assert best_factor(evidence) == 1.0


def test_a_resolution_too_coarse_to_see_small_glands_is_no_evidence_for_them(image):
    assert closed_evidence(replace(image, mpp=3.0), 1.0) == 0.0


def test_the_default_stays_unless_another_size_is_clearly_better():
    assert best_factor({1.0: 0.20, 1.41: 0.21}) == 1.0
    assert best_factor({1.0: 0.20, 1.41: 0.23}) == 1.41


def test_a_range_of_diameters_and_its_ratio_are_each_other_s_inverse():
    ratio = size_ratio(gland_size_um(1.41))
    assert (ratio.smallest, ratio.largest) == pytest.approx((1.41, 1.41))


def test_the_default_range_is_that_of_closed_shapes():
    areas = [np.pi / 4 * diameter**2 for diameter in DEFAULT_GLAND_SIZE_UM]
    assert areas == pytest.approx([ClosedShapes().min_area_um2, ClosedShapes().max_area_um2], rel=0.02)


def test_a_dozen_images_are_looked_at_spread_over_all(image):
    names = [shown.name for shown in sampled([replace(image, name=str(index)) for index in range(34)])]
    assert names == [str(index) for index in range(0, 34, 3)]
    assert len(sampled([image] * 5)) == 5
