from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.inference.splitting import split_touching


def drawn(seed: int, *, side: int = 70, blur: float = 3.0) -> np.ndarray:
    """The largest connected piece of random blobs."""
    noise = np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)
    blobs = (cv2.GaussianBlur(noise, (0, 0), blur) > -0.01).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(blobs, connectivity=4)
    return pieces == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def depth_of(mask: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]


def plateau(depth: np.ndarray, seed: tuple[int, int], level: np.float32) -> np.ndarray:
    """Pixels that can be reached over edges from `seed` without stepping below `level`."""
    _, pieces = cv2.connectedComponents((depth >= level).astype(np.uint8), connectivity=4)
    return pieces == pieces[seed]


def tops_by_definition(mask: np.ndarray, height: float) -> list[np.ndarray]:
    """For each summit from which nothing higher can be reached within `height`: the plateau around it."""
    depth = depth_of(mask)
    found: list[np.ndarray] = []
    for y, x in zip(*np.nonzero(depth > height), strict=True):
        around = plateau(depth, (y, x), depth[y, x] - np.float32(height))
        if depth[around].max() == depth[y, x] and not any(top[y, x] for top in found):
            found.append(around)
    return found


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 2.0, 3.5]))
def test_each_gland_has_one_top_as_the_definition_says(seed: int, neck_depth_px: float):
    mask = drawn(seed, side=40)
    labels = split_touching(mask, neck_depth_px=neck_depth_px)
    tops = tops_by_definition(mask, neck_depth_px)
    assert labels.max() == max(1, len(tops))
    assert sorted({int(n) for top in tops for n in np.unique(labels[top])}) == list(range(1, len(tops) + 1))
    assert all(len(np.unique(labels[top])) == 1 for top in tops)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 2.0, 5.0]))
def test_the_glands_cover_the_mask_and_each_hangs_together(seed: int, neck_depth_px: float):
    mask = drawn(seed)
    labels = split_touching(mask, neck_depth_px=neck_depth_px)
    assert np.array_equal(labels > 0, mask)
    for number in range(1, labels.max() + 1):
        assert cv2.connectedComponents((labels == number).astype(np.uint8), connectivity=4)[0] == 2


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.tuples(*[st.integers(0, 9)] * 4))
def test_the_background_around_a_component_changes_nothing(seed: int, around: tuple[int, int, int, int]):
    mask = drawn(seed)
    top, bottom, left, right = around
    framed = split_touching(np.pad(mask, ((top, bottom), (left, right))), neck_depth_px=2.0)
    inside = framed[top : top + mask.shape[0], left : left + mask.shape[1]]
    assert np.array_equal(inside, split_touching(mask, neck_depth_px=2.0))


def test_a_greater_neck_depth_never_splits_more():
    mask = drawn(3, side=200, blur=5.0)
    depths = (0.0, 1.0, 2.0, 4.0, 8.0, 50.0)
    counts = [int(split_touching(mask, neck_depth_px=depth).max()) for depth in depths]
    assert counts == sorted(counts, reverse=True)
    assert counts[2] > counts[-1] == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 1)])
def test_the_smallest_components_are_one_gland(shape: tuple[int, int]):
    assert split_touching(np.ones(shape, dtype=bool), neck_depth_px=0.0).tolist() == np.ones(shape).tolist()
