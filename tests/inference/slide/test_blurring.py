"""The blur of bytes: the same to the bit in any part, and a Gaussian."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.inference.slide.blurring import blur_reach_px, blurred_bytes

SIGMAS = st.sampled_from([0.0, 0.4, 1.5, 3.0, 7.3])


@settings(max_examples=200)
@given(st.data(), SIGMAS, st.booleans())
def test_a_part_with_as_much_around_it_as_the_blur_reaches_is_a_part_of_the_whole(
    data: st.DataObject, sigma: float, coloured: bool
):
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    values = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    values = values if coloured else values[..., 0]
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
    around = box.grown(blur_reach_px(sigma)).intersection(Box(0, 0, width, height))
    part = blurred_bytes(values[around.y : around.bottom, around.x : around.right], sigma)
    left, top = x - around.x, y - around.y
    expected = blurred_bytes(values, sigma)[y : box.bottom, x : box.right]
    assert np.array_equal(part[top : top + box.height, left : left + box.width], expected)


@pytest.mark.parametrize("sigma", [0.4, 1.5, 3.0])
def test_it_is_a_gaussian_with_mirrored_sides(sigma: float):
    values = np.random.default_rng(1).integers(0, 256, (40, 50), dtype=np.uint8)
    expected = ndimage.gaussian_filter(values.astype(float), sigma, mode="mirror")
    assert np.abs(blurred_bytes(values, sigma) - expected).max() < 1.5
