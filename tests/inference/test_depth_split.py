import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.inference.depth_split import _Graph, _quantile, split_by_depth

LIMITS = {"mpp": 1.0, "least_dip": 0.5, "min_area_um2": 100.0}


def two_rooms(*, border: int, width: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """A bar of 24 px whose depth is 255 but for a wall of three columns in its middle, of depth `border`."""
    mask = np.zeros((40, width + 8), bool)
    mask[8:32, 4 : width + 4] = True
    depth = np.where(mask, 255, 0).astype(np.uint8)
    middle = width // 2 + 4
    depth[8:32, middle - 1 : middle + 2] = border
    return mask, depth


def test_a_wall_across_a_bar_makes_two_glands():
    mask, depth = two_rooms(border=0)
    labels = split_by_depth(mask, depth, **LIMITS)
    assert labels.max() == 2
    assert np.array_equal(labels > 0, mask)
    assert len(np.unique(labels[8:32, 4:30])) == 1
    assert len(np.unique(labels[8:32, 38:64])) == 1


def test_a_wall_that_dips_less_than_the_limit_parts_nothing():
    mask, depth = two_rooms(border=180)  # a dip of 75 of 255
    assert split_by_depth(mask, depth, **LIMITS).max() == 1
    assert split_by_depth(mask, depth, **{**LIMITS, "least_dip": 0.2}).max() == 2


def test_a_wall_with_a_wide_gate_parts_nothing():
    mask, depth = two_rooms(border=0)
    depth[8:20] = np.where(mask[8:20], 255, 0)  # half of the wall is open
    assert split_by_depth(mask, depth, **LIMITS).max() == 1


def test_a_waist_alone_parts_nothing_where_the_depth_stays():
    """A lobed gland: its outline has a neck, which would split it by the distance to the background."""
    y, x = np.mgrid[:60, :120]
    mask = ((y - 30) ** 2 + (x - 35) ** 2 < 25**2) | ((y - 30) ** 2 + (x - 85) ** 2 < 25**2)
    mask |= (abs(y - 30) < 8) & (abs(x - 60) < 20)
    depth = np.where(mask, 255, 0).astype(np.uint8)
    assert split_by_depth(mask, depth, **LIMITS).max() == 1


def test_what_is_too_small_joins_its_neighbour():
    mask, depth = two_rooms(border=0)
    depth[8:32, 60:62] = 0  # a second wall leaves two columns of 24 px at the end
    labels = split_by_depth(mask, depth, **LIMITS)
    assert labels.max() == 2
    assert labels[20, 63] == labels[20, 50]


def test_one_pixel_is_one_gland():
    labels = split_by_depth(np.ones((1, 1), bool), np.full((1, 1), 9, np.uint8), **LIMITS)
    assert labels.tolist() == [[1]]


def test_a_mask_without_any_depth_is_one_gland():
    mask, _ = two_rooms(border=0)
    assert split_by_depth(mask, np.zeros(mask.shape, np.uint8), **LIMITS).max() == 1


def test_lengths_are_in_um():
    mask, depth = two_rooms(border=0)
    fine_mask, fine_depth = (np.kron(a, np.ones((2, 2), a.dtype)) for a in (mask, depth))
    coarse = split_by_depth(mask, depth, **LIMITS)
    fine = split_by_depth(fine_mask, fine_depth, **{**LIMITS, "mpp": 0.5})
    assert fine.max() == coarse.max() == 2
    assert split_by_depth(fine_mask, fine_depth, **{**LIMITS, "mpp": 0.5, "min_area_um2": 800.0}).max() == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_turned_and_mirrored_components_have_as_many_glands(seed: int, quarters: int):
    mask, depth = two_rooms(border=int(np.random.default_rng(seed).choice([0, 20, 230])))
    count = split_by_depth(mask, depth, **LIMITS).max()
    turned = (np.rot90(mask, quarters).copy(), np.rot90(depth, quarters).copy())
    assert split_by_depth(*turned, **LIMITS).max() == count
    assert split_by_depth(mask[:, ::-1].copy(), depth[:, ::-1].copy(), **LIMITS).max() == count


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_labels_cover_the_mask_and_have_no_gaps(seed: int):
    rng = np.random.default_rng(seed)
    mask = np.ones((30, 30), bool)
    depth = np.kron(rng.integers(0, 256, (6, 6)), np.ones((5, 5))).astype(np.uint8)
    labels = split_by_depth(mask, depth, mpp=1.0, least_dip=0.1, min_area_um2=20.0)
    assert np.array_equal(labels > 0, mask)
    assert np.array_equal(np.unique(labels), np.arange(1, labels.max() + 1))
    assert np.bincount(labels.ravel())[1:].min() >= 20


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=40), st.sampled_from([0.5, 0.8, 0.9]))
def test_quantiles_of_counts_are_those_of_the_sorted_values(values: list[int], share: float):
    counts = np.bincount(values, minlength=256)
    expected = min(value for value in values if sum(v <= value for v in values) >= share * len(values))
    assert _quantile(counts, share) == expected


def test_merging_adds_up_what_borders_share():
    """Three regions in a row that all meet the fourth: merged, they have one border with it."""
    regions = np.array([[1, 2, 3], [4, 4, 4]], np.int32)
    depth = np.array([[10, 10, 10], [20, 20, 20]], np.uint8)
    graph = _Graph.of(regions, depth, least_area_px=0.0)
    assert graph.borders[1][4][10] == 1
    graph.merge(limit=0.0)
    assert graph.numbers().tolist() == [0, 1, 1, 1, 1]
    walled = _Graph.of(
        np.array([[1, 2, 3], [4, 4, 4], [4, 4, 4], [4, 4, 4]], np.int32),
        np.array([[99, 99, 99], [5, 9, 5], [99, 99, 99], [99, 99, 99]], np.uint8),
        least_area_px=0.0,
    )
    assert walled.dip(1, 2) == 0
    assert walled.dip(2, 4) == 99 - 9
    walled.merge(limit=0.0)
    assert walled.numbers().tolist() == [0, 1, 1, 1, 2]
    assert walled.borders[1][4][5] == 2
    assert walled.borders[1][4][9] == 1


def test_a_dip_that_one_merger_changed_is_weighed_again():
    # 1 and 2 merge first (no dip); together they are 100 deep, and the dip to 3 grows from 30 to 60.
    inside = np.zeros((4, 256), np.int64)
    inside[1, 70], inside[2, 100], inside[3, 100] = 10, 90, 100
    borders: list[dict[int, np.ndarray]] = [{}, {}, {}, {}]
    for first, second, value in ((1, 2, 70), (1, 3, 40)):
        counts = np.zeros(256, np.int64)
        counts[value] = 5
        borders[first][second] = borders[second][first] = counts
    inner = [_quantile(row, 0.8) if row.any() else 0 for row in inside]
    graph = _Graph(inside, borders, inner, np.arange(4), 0.0)
    assert graph.dip(1, 3) == 30
    graph.merge(limit=50.0)
    assert graph.numbers().tolist() == [0, 1, 1, 2]
    assert graph.dip(1, 3) == pytest.approx(60)
