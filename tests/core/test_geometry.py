import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.geometry import Box

boxes = st.builds(Box, st.integers(-3, 9), st.integers(-3, 9), st.integers(0, 9), st.integers(0, 9))


def painted(box: Box) -> np.ndarray:
    """The box drawn on a canvas whose pixel (y + 5, x + 5) is (x, y)."""
    canvas = np.zeros((30, 30), bool)
    canvas[box.y + 5 : box.bottom + 5, box.x + 5 : box.right + 5] = True
    return canvas


def test_right_and_bottom_are_the_first_pixels_outside():
    box = Box(2, 3, 4, 5)
    assert (box.right, box.bottom) == (6, 8)


@settings(max_examples=50)
@given(boxes, boxes)
def test_the_intersection_holds_exactly_the_common_pixels(a: Box, b: Box):
    common = a.intersection(b)
    assert np.array_equal(painted(common), painted(a) & painted(b))


@settings(max_examples=50)
@given(boxes, boxes)
def test_the_order_of_an_intersection_does_not_matter(a: Box, b: Box):
    assert a.intersection(b) == b.intersection(a)


def test_boxes_that_only_touch_have_nothing_in_common():
    assert Box(0, 0, 4, 4).intersection(Box(4, 0, 4, 4)).width == 0


@given(boxes, st.integers(0, 3))
@settings(max_examples=20)
def test_a_grown_box_reaches_as_much_farther_on_every_side(box: Box, margin: int):
    grown = box.grown(margin)
    assert (grown.x, grown.y) == (box.x - margin, box.y - margin)
    assert (grown.right, grown.bottom) == (box.right + margin, box.bottom + margin)
