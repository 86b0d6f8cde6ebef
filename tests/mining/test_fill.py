from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acinus.mining.fill import fill_rings


def drawn(*rows: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in row] for row in rows])


RING = drawn(
    ".......",
    ".#####.",
    ".#...#.",
    ".#...#.",
    ".#####.",
    ".......",
)
OPEN = drawn(
    ".......",
    ".##.##.",
    ".#...#.",
    ".#...#.",
    ".#####.",
    ".......",
)
CUT = drawn(
    ".#...#.",
    ".#...#.",
    ".#####.",
    ".......",
    ".......",
)


def filled(exterior: np.ndarray, *, mpp: float = 1.0, low: float = 0, high: float = 1e6, sides: bool = True):
    return fill_rings(exterior, mpp=mpp, min_area_um2=low, max_area_um2=high, against_sides=sides)


def test_a_ring_is_filled_without_its_own_pixels():
    expected = np.zeros_like(RING)
    expected[2:4, 2:5] = True
    assert np.array_equal(filled(RING), expected)


def test_an_open_ring_is_not_filled():
    assert not filled(OPEN).any()


def test_a_side_closes_the_ring_it_cuts_if_asked_to():
    expected = np.zeros_like(CUT)
    expected[:2, 2:5] = True
    for quarters in range(4):
        assert np.array_equal(filled(np.rot90(CUT, quarters)), np.rot90(expected, quarters))
        assert not filled(np.rot90(CUT, quarters), sides=False).any()


def test_a_band_from_side_to_side_encloses_neither_half():
    band = np.zeros((9, 9), bool)
    band[4] = True
    assert not filled(band).any()


def test_enclosed_areas_count_from_the_least_to_the_largest_both_included():
    assert filled(RING, low=6, high=6).sum() == 6
    assert not filled(RING, low=6.01).any()
    assert not filled(RING, high=5.99).any()


def test_areas_are_physical():
    assert filled(RING, mpp=2.0, low=24, high=24).sum() == 6
    assert not filled(RING, mpp=2.0, low=24.1).any()


def test_of_two_rings_only_the_one_of_the_right_size_is_filled():
    half_full = RING.copy()
    half_full[2] |= RING[1]
    result = filled(np.hstack([RING, half_full]), low=4)
    assert result[:, :7].sum() == 6
    assert not result[:, 7:].any()


def test_what_lies_in_a_ring_within_a_ring_is_filled_around_the_inner_ring():
    outer = np.zeros((13, 13), bool)
    outer[[1, 11], 1:12] = outer[1:12, [1, 11]] = True
    outer[[4, 8], 4:9] = outer[4:9, [4, 8]] = True
    assert filled(outer).sum() == 81 - 16


def test_without_exterior_nothing_is_enclosed():
    assert not filled(np.zeros((5, 6), bool)).any()
    assert not filled(np.ones((5, 6), bool)).any()


@settings(max_examples=40)
@given(arrays(bool, (9, 11)), st.integers(0, 3), st.booleans())
def test_filling_turns_and_mirrors_with_the_image_and_never_touches_the_ring(
    exterior: np.ndarray, quarters: int, mirrored: bool
):
    def turned(mask: np.ndarray) -> np.ndarray:
        return np.rot90(mask[:, ::-1] if mirrored else mask, quarters)

    result = filled(exterior, low=2, high=20)
    assert not (result & exterior).any()
    assert np.array_equal(filled(turned(exterior), low=2, high=20), turned(result))
