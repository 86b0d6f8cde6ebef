"""The boundaries of masks, against marching squares in general."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import find_contours

from acinus.glands.rings import mask_rings

masks = arrays(np.bool_, st.tuples(st.integers(0, 12), st.integers(0, 12)))


@given(masks)
@settings(max_examples=300)
def test_rings_are_those_of_general_contour_tracing_vertex_by_vertex(mask):
    contours = find_contours(np.pad(mask, 1).astype(float), 0.5, fully_connected="high")
    rings = mask_rings(mask)
    assert [ring.tolist() for ring in rings] == [(contour[:-1, ::-1] - 0.5).tolist() for contour in contours]


def test_pixels_that_touch_diagonally_share_a_ring_and_holes_that_do_have_one_each():
    diagonal = np.eye(2, dtype=bool)
    assert [len(ring) for ring in mask_rings(diagonal)] == [8]
    around = np.ones((4, 4), bool)
    around[1:3, 1:3] = diagonal
    assert [len(ring) for ring in mask_rings(around)] == [16, 4, 4]
