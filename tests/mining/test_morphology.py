from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acinus.mining.morphology import blur, closing, dilation, opening


def point(side: int = 41) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[side // 2, side // 2] = True
    return mask


@pytest.mark.parametrize("mpp", [1.0, 2.0])
def test_growing_a_point_gives_a_disc_of_the_radius(mpp: float):
    grown = dilation(point(), 12.0, mpp=mpp)
    assert grown.sum() * mpp**2 == pytest.approx(np.pi * 12**2, rel=0.15)
    assert grown[20, :].sum() == 2 * round(12 / mpp) + 1


@pytest.mark.parametrize("mpp", [1.0, 2.0])
def test_opening_rounds_a_square_s_corners_and_leaves_its_sides(mpp: float):
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    opened = opening(mask, 8.0, mpp=mpp)
    radius_px = round(8 / mpp)
    straight = slice(10 + radius_px, 50 - radius_px)
    assert opened[10:50, straight].all()
    assert opened[straight, 10:50].all()
    assert not opened[10, 10]
    assert not (opened & ~mask).any()


@pytest.mark.parametrize("mpp", [1.0, 2.0])
def test_opening_breaks_a_bridge_narrower_than_the_disc_and_keeps_a_wider_one(mpp: float):
    def bridge(width_um: float) -> np.ndarray:
        mask = np.zeros((round(120 / mpp), round(200 / mpp)), bool)
        mask[:, : round(60 / mpp)] = mask[:, round(140 / mpp) :] = True
        half = round(width_um / mpp / 2)
        mask[round(60 / mpp) - half : round(60 / mpp) + half + 1] = True
        return mask

    middle = (round(60 / mpp), round(100 / mpp))
    assert not opening(bridge(8.0), 8.0, mpp=mpp)[middle]
    assert opening(bridge(24.0), 8.0, mpp=mpp)[middle]


@pytest.mark.parametrize("mpp", [1.0, 2.0])
def test_closing_joins_across_a_gap_narrower_than_the_disc_and_not_a_wider_one(mpp: float):
    def gap(width_um: float) -> np.ndarray:
        mask = np.ones((round(120 / mpp), round(200 / mpp)), bool)
        half = round(width_um / mpp / 2)
        mask[:, round(100 / mpp) - half : round(100 / mpp) + half + 1] = False
        return mask

    middle = (round(60 / mpp), round(100 / mpp))
    assert closing(gap(8.0), 8.0, mpp=mpp)[middle]
    assert not closing(gap(24.0), 8.0, mpp=mpp)[middle]


def test_the_image_border_does_not_shrink_a_mask():
    assert opening(np.ones((20, 20), bool), 5.0, mpp=1.0).all()


@settings(max_examples=30)
@given(arrays(bool, (15, 17)), st.floats(0.5, 4))
def test_opening_only_removes_closing_only_adds_and_twice_is_as_once(mask: np.ndarray, radius_um: float):
    opened, closed = opening(mask, radius_um, mpp=1.0), closing(mask, radius_um, mpp=1.0)
    assert not (opened & ~mask).any()
    assert not (mask & ~closed).any()
    assert np.array_equal(opening(opened, radius_um, mpp=1.0), opened)
    assert np.array_equal(closing(closed, radius_um, mpp=1.0), closed)


@pytest.mark.parametrize("mpp", [0.5, 2.0])
def test_a_blurred_edge_is_as_wide_in_micrometres(mpp: float):
    edge = np.zeros((3, round(200 / mpp)), np.float32)
    edge[:, round(100 / mpp) :] = 1.0
    soft = blur(edge, 8.0, mpp=mpp)[1]
    at = soft[round(108 / mpp)]  # one σ beyond the edge: Φ(1)
    assert at == pytest.approx(0.8413, abs=0.04)
    assert soft.sum() == pytest.approx(edge[1].sum(), rel=1e-4)
