from __future__ import annotations

import cv2
import numpy as np
import pytest

from acinus.core.image import RgbImage
from acinus.data.resample import rgb_at_mpp
from acinus.data.synthetic import synthetic_tile
from acinus.mining.regions.describe import DESCRIBED_MPP, describe_region


@pytest.fixture(scope="module")
def glands() -> RgbImage:
    drawn = synthetic_tile(seed=3, height_px=512, width_px=512).image
    return RgbImage(rgb_at_mpp(drawn, DESCRIBED_MPP), DESCRIBED_MPP)


def test_glands_make_rings_and_plain_stroma_makes_none(glands):
    seen = describe_region(glands)
    assert seen.rings >= 2
    assert 0.05 < seen.ring_share <= 1.0
    noise = np.random.default_rng(0).normal(0, 4, (300, 300, 3))
    stroma = np.clip(np.array((225, 150, 190)) + noise, 0, 255).astype(np.uint8)
    assert describe_region(RgbImage(stroma, DESCRIBED_MPP)).rings == 0


def test_background_shows_nothing():
    nothing = describe_region(RgbImage(np.full((300, 300, 3), 244, np.uint8), DESCRIBED_MPP))
    assert (nothing.rings, nothing.ring_share, nothing.focus, nothing.tissue) == (0, 0.0, 0.0, 0.0)


def test_blur_lowers_the_focus_below_what_is_learnt_from(glands):
    blurred = cv2.GaussianBlur(glands.rgb, (0, 0), 3.0)
    assert describe_region(glands).focus > 0.15
    assert describe_region(RgbImage(blurred, DESCRIBED_MPP)).focus < 0.05


def test_half_a_region_of_background_is_half_the_tissue():
    picture = np.full((320, 320, 3), 244, np.uint8)
    picture[:160] = (220, 140, 190)
    assert describe_region(RgbImage(picture, DESCRIBED_MPP)).tissue == pytest.approx(0.5, abs=0.03)
    looks = np.array(describe_region(RgbImage(picture, DESCRIBED_MPP)).look)
    expected = -np.log((np.array((220, 140, 190)) + 1) / 256)
    assert looks[:3] == pytest.approx(expected, abs=0.03)
