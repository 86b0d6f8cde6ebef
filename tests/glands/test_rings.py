"""The boundaries of masks, against marching squares in general."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import find_contours

from acinus.glands.rings import mask_rings


def from_least(ring: np.ndarray) -> list[list[float]]:
    """Return a ring from its least vertex on."""
    start = int(np.lexsort(ring.T).item(0))
    return np.roll(ring, -start, axis=0).tolist()


masks = arrays(np.bool_, st.tuples(st.integers(0, 12), st.integers(0, 12)))


@given(masks)
@settings(max_examples=300)
def test_rings_are_those_of_another_tracing_in_the_same_direction(mask):
    contours = find_contours(np.pad(mask, 1).astype(float), 0.5, fully_connected="high")
    expected = [from_least(contour[:-1, ::-1] - 0.5) for contour in contours]
    assert sorted(map(from_least, mask_rings(mask))) == sorted(expected)


def test_pixels_that_touch_diagonally_share_a_ring_and_holes_that_do_have_one_each():
    diagonal = np.eye(2, dtype=bool)
    assert [len(ring) for ring in mask_rings(diagonal)] == [8]
    around = np.ones((4, 4), bool)
    around[1:3, 1:3] = diagonal
    assert [len(ring) for ring in mask_rings(around)] == [16, 4, 4]
