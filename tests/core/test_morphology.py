from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from acinus.core.morphology import disc, without_holes


@pytest.mark.parametrize(("radius_px", "rounded"), [(12, 12), (6.4, 6), (2.4, 2), (0.2, 1), (0, 1)])
def test_a_disc_has_its_rounded_radius_and_at_least_one_pixel_around(radius_px: float, rounded: int):
    kernel = disc(radius_px)
    assert kernel.shape == (2 * rounded + 1, 2 * rounded + 1)
    rows, columns = np.mgrid[-rounded : rounded + 1, -rounded : rounded + 1]
    distance = np.hypot(rows, columns)
    assert kernel[distance <= rounded - 0.5].all()
    assert not kernel[distance > rounded + 0.5].any()


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_what_no_path_over_edges_joins_to_the_outside_is_filled(mask):
    assert np.array_equal(without_holes(mask), ndimage.binary_fill_holes(mask))
