from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.mining.regions.candidates import candidate_boxes, varied_order

NOTHING, ALL = np.zeros((40, 40), bool), np.ones((40, 40), bool)


def boxes(tissue=ALL, permitted=ALL, **changes) -> list[Box]:
    return candidate_boxes(tissue, permitted, **{"mpp": 8.0, "side_um": 80.0, "least_tissue": 0.3, **changes})


def test_squares_cover_the_tissue_side_by_side():
    assert len(boxes()) == 16
    assert boxes()[:2] == [Box(0, 0, 10, 10), Box(10, 0, 10, 10)]
    assert boxes(NOTHING) == []


def test_a_square_with_less_tissue_than_asked_is_none():
    tissue = NOTHING.copy()
    tissue[-10:, :10] = np.tri(10)
    # Without the pixels at the glass: 36 of 64 px are on and below the diagonal.
    assert boxes(tissue, least_tissue=0.56) == [Box(0, 32, 8, 8)]
    assert boxes(tissue, least_tissue=0.57) == []


def test_each_piece_of_tissue_has_its_own_squares_without_the_glass_beside_it():
    tissue = NOTHING.copy()
    tissue[5:13, 7:16] = True  # across four squares of a lattice of the slide
    tissue[20:26, 30:40] = True
    tissue[34:38, 0:20] = True  # too thin to be a region
    # Without the pixels at the glass; the slide's own side is none.
    assert boxes(tissue) == [Box(8, 6, 7, 6), Box(31, 21, 9, 4)]


def test_a_square_that_is_cut_by_what_is_not_permitted_shrinks_and_a_spotted_one_goes():
    permitted = NOTHING.copy()
    permitted[2:9, 3:10] = True
    assert boxes(permitted=permitted) == [Box(3, 2, 7, 7)]
    spotted = NOTHING.copy()
    spotted[::2] = True
    assert boxes(permitted=spotted) == []


def test_a_slide_smaller_than_a_square_is_one():
    small = np.ones((6, 7), bool)
    assert boxes(small, small) == [Box(0, 0, 7, 6)]


def test_squares_are_cut_by_the_sides_of_a_slide_where_that_leaves_less_out():
    wide = np.ones((10, 17), bool)
    assert boxes(wide, wide) == [Box(0, 0, 8, 10), Box(8, 0, 9, 10)]  # instead of 7 px left out
    narrow = np.ones((10, 14), bool)
    assert boxes(narrow, narrow) == [Box(2, 0, 10, 10)]  # 4 px left out


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 0.95))
def test_boxes_are_no_larger_than_asked_and_full_of_tissue_that_is_permitted(seed, share):
    rng = np.random.default_rng(seed)
    tissue, permitted = (rng.random((10, 13)).repeat(4, axis=0).repeat(4, axis=1) < share for _ in range(2))
    for box in boxes(tissue, permitted | ~tissue, least_tissue=0.5):
        here = np.s_[box.y : box.bottom, box.x : box.right]
        assert min(box.width, box.height) >= 2.5
        assert max(box.width, box.height) <= 10
        assert tissue[here].mean() >= 0.5
        assert (permitted | ~tissue)[here].mean() >= 0.85


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_an_order_holds_each_box_once(seed, count):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (10, 10 * count, 3), dtype=np.uint8)
    all_boxes = [Box(10 * number, 0, 10, 10) for number in range(count)]
    order = varied_order(picture, all_boxes, seed=seed)
    assert sorted(order, key=lambda box: box.x) == all_boxes
    assert order == varied_order(picture, all_boxes, seed=seed)


def test_what_is_rare_comes_second():
    picture = np.full((10, 300, 3), (220, 150, 190), np.uint8)
    picture[:, 290:] = (90, 40, 120)
    row = [Box(10 * number, 0, 10, 10) for number in range(30)]
    for seed in range(20):
        assert row[-1] in varied_order(picture, row, seed=seed)[:2]
