"""What one block knows of glands and holes, on blocks small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.inference.slide.pieces import Pieces, find_pieces

GRID = Box(0, 0, 100, 100)
INNER = Box(30, 40, 10, 8)  # a block away from the slide's edge


def pieces_of(picture: str, block: Box = INNER, *, max_hole_px: float = 6, min_area_px: float = 4) -> Pieces:
    """Return the pieces of a block drawn with # for gland."""
    rows = [line.strip() for line in picture.strip().splitlines()]
    mask = np.array([[letter == "#" for letter in row] for row in rows])
    assert mask.shape == (block.height, block.width)
    return find_pieces(mask, block, GRID, max_hole_px=max_hole_px, min_area_px=min_area_px)


def test_a_hole_inside_is_filled_a_speck_inside_is_dropped():
    found = pieces_of(
        """
        ..........
        .####.....
        .#..#..##.
        .#..#.....
        .####.....
        ..........
        ..........
        ..........
        """
    )
    assert found.is_gland.tolist() == [True]
    assert found.areas.tolist() == [16]
    assert found.boxes.tolist() == [[1, 1, 5, 5]]
    assert found.first_x.tolist() == [1]
    assert found.contacts.tolist() == []
    assert (found.numbers[1:5, 1:5] == 1).all()
    assert np.count_nonzero(found.numbers) == 16


def test_a_speck_at_the_block_s_edge_may_be_part_of_a_gland_and_stays():
    found = pieces_of(
        """
        ..........
        ..........
        #.........
        ..........
        ..........
        .....##...
        ..........
        .......##.
        """
    )
    assert found.areas.tolist() == [1, 2]
    assert found.boxes.tolist() == [[0, 2, 1, 3], [7, 7, 9, 8]]


BAY = """
    .####.....
    .#..#.....
    .#..#.....
    .####.....
    ..........
    ..........
    ..........
    ..........
    """.replace("    .####.....\n", "    .#..#.....\n", 1)


def test_background_that_leaves_the_block_between_gland_may_be_a_hole():
    found = pieces_of(BAY)
    assert found.is_gland.tolist() == [True, False]
    assert found.areas.tolist() == [10, 6]
    assert found.contacts.tolist() == [[1, 2]]
    assert found.first_x.tolist() == [1, 2]


def test_at_the_slide_s_edge_the_same_background_encloses_nothing():
    found = pieces_of(BAY, Box(30, 0, 10, 8))
    assert found.is_gland.tolist() == [True]
    assert found.contacts.tolist() == []


def test_background_larger_than_a_hole_is_none():
    assert pieces_of(BAY, max_hole_px=5).is_gland.tolist() == [True]


def test_a_speck_beside_a_possible_hole_stays_as_the_hole_may_join_it():
    found = pieces_of(
        """
        ########..
        ########..
        ##....##..
        ##.##.##..
        ##....##..
        ##....##..
        ##....##..
        ##....##..
        """,
        max_hole_px=40,
        min_area_px=10,
    )
    assert found.is_gland.tolist() == [True, True, False, False]
    assert sorted(found.contacts.tolist()) == [[1, 3], [1, 4], [2, 4]]  # 3 is the strip at the right
    assert found.areas[1] == 2


def test_a_block_of_background_has_no_pieces():
    found = find_pieces(np.zeros((8, 10), bool), INNER, GRID, max_hole_px=6, min_area_px=4)
    assert len(found.areas) == 0
    assert not found.numbers.any()


def test_a_small_block_of_background_may_lie_within_a_hole():
    found = find_pieces(np.zeros((2, 3), bool), Box(30, 40, 3, 2), GRID, max_hole_px=6, min_area_px=4)
    assert (found.is_gland.tolist(), found.areas.tolist()) == ([False], [6])


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(0.2, 0.8), st.sampled_from([0, 3, 20]), st.sampled_from([0, 3, 9]))
def test_numbers_boxes_areas_and_first_pixels_are_those_of_the_pixels(
    seed: int, share: float, max_hole_px: int, min_area_px: int
):
    mask = np.random.default_rng(seed).random((9, 11)) < share
    block = Box(20, 20, 11, 9)
    found = find_pieces(mask, block, GRID, max_hole_px=max_hole_px, min_area_px=min_area_px)
    assert found.numbers.max(initial=0) == len(found.areas) == len(found.is_gland)
    for number, (rows, columns) in enumerate(ndimage.find_objects(found.numbers), start=1):
        piece = found.numbers == number
        assert ndimage.label(piece)[1] == 1
        assert piece.sum() == found.areas[number - 1]
        assert found.boxes[number - 1].tolist() == [columns.start, rows.start, columns.stop, rows.stop]
        assert found.first_x[number - 1] == np.flatnonzero(piece[rows.start])[0]
        if not found.is_gland[number - 1]:
            assert found.areas[number - 1] <= max_hole_px
            assert not mask[piece].any()
    kept = np.isin(found.numbers, 1 + np.flatnonzero(found.is_gland))
    lost = mask & ~kept
    for speck in range(1, ndimage.label(lost)[1] + 1):
        assert (ndimage.label(lost)[0] == speck).sum() < min_area_px


@pytest.mark.parametrize("turned", [False, True])
def test_pieces_that_meet_at_corners_only_are_two(turned: bool):
    mask = np.zeros((8, 10), bool)
    mask[1:3, 1:3] = mask[3:5, 3:5] = True
    mask = mask[:, ::-1] if turned else mask
    found = find_pieces(mask, INNER, GRID, max_hole_px=0, min_area_px=4)
    assert found.areas.tolist() == [4, 4]
