from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.glands import gland_polygons
from acinus.glands.paint import paint_outlines, pixels_around

numbers = st.floats(-6, 26, allow_nan=False)


def naive(outlines, box: Box) -> np.ndarray:
    """Ask shapely about each pixel's centre, the smallest outline last."""
    labels = np.zeros((box.height, box.width), np.int32)
    for number in sorted(range(len(outlines)), key=lambda each: -outlines[each].area):
        for row in range(box.height):
            for column in range(box.width):
                if outlines[number].contains(shapely.Point(box.x + column + 0.5, box.y + row + 0.5)):
                    labels[row, column] = number + 1
    return labels


@given(
    discs=st.lists(st.tuples(numbers, numbers, st.floats(0.3, 9)), max_size=4),
    x=st.integers(0, 9),
    y=st.integers(0, 9),
)
def test_pixels_whose_centre_lies_in_an_outline_get_its_number(discs, x, y):
    # An eighth off the grid, so that no centre lies on a line, where either answer is right.
    outlines = [shapely.Point(a + 0.12347, b + 0.12353).buffer(r) for a, b, r in discs]
    box = Box(x, y, 12, 10)
    np.testing.assert_array_equal(paint_outlines(outlines, box), naive(outlines, box))


def test_holes_stay_holes_and_parts_are_one_gland():
    ring = shapely.box(0, 0, 6, 6).difference(shapely.box(2, 2, 4, 4))
    outline = shapely.MultiPolygon([ring, shapely.box(7, 0, 8, 6)])
    expected = np.ones((6, 8), np.int32)
    expected[2:4, 2:4] = expected[:, 6] = 0
    np.testing.assert_array_equal(paint_outlines([outline], Box(0, 0, 8, 6)), expected)


def test_a_gland_in_the_hole_of_another_is_kept_whatever_their_order():
    outer, inner = shapely.box(0, 0, 6, 6), shapely.box(2, 2, 4, 4)
    for outlines in ([outer, inner], [inner, outer]):
        labels = paint_outlines(outlines, Box(0, 0, 6, 6))
        areas = np.bincount(labels.ravel())
        assert (areas[outlines.index(outer) + 1], areas[outlines.index(inner) + 1]) == (32, 4)


def test_outlines_of_a_label_map_paint_it_again():
    truth = np.zeros((50, 60), np.int32)
    truth[5:25, 4:30], truth[30:45, 25:58] = 1, 2
    outlines = [outline for _, outline in gland_polygons(truth, mpp=0.5)]
    labels = paint_outlines(outlines, Box(0, 0, 60, 50))
    assert np.mean(labels != truth) < 0.01  # smoothing cuts the corners


@pytest.mark.parametrize("outline", [shapely.box(-9, -9, -1, -1), shapely.box(0.6, 0.6, 0.9, 0.9)])
def test_what_holds_no_pixel_is_absent(outline):
    assert not paint_outlines([outline], Box(0, 0, 5, 5)).any()


def test_pixels_around_an_outline_are_whole():
    assert pixels_around(shapely.box(-0.5, 1.2, 3.0, 4.1)) == Box(-1, 1, 4, 4)
