import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.spatial.distance import cdist

from acinus.metrics import hausdorff
from acinus.metrics.hausdorff import hausdorff_px, object_shapes
from acinus.metrics.label_pair import LabelMapError


@pytest.fixture(params=[0, 256, 1000], autouse=True)
def largest_map_of_distances(request, monkeypatch):
    """Objects are compared by trees and cells, by maps of distances, or by either according to their size."""
    monkeypatch.setattr(hausdorff, "_SMALL_SIDE_PX", request.param)


def by_all_pixels(a: np.ndarray, b: np.ndarray) -> float:
    """The definition: every pixel against every pixel."""
    distances = cdist(np.argwhere(a), np.argwhere(b))
    return max(distances.min(axis=0).max(), distances.min(axis=1).max())


def by_distance_maps(a: np.ndarray, b: np.ndarray) -> float:
    """The definition through two full distance maps, for sets too large for all pairs."""
    return max(distance_transform_edt(~b)[a].max(), distance_transform_edt(~a)[b].max())


def disc(side: int, *, centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return np.hypot(rows - centre[0], columns - centre[1]) <= radius


def test_two_squares_moved_apart_lie_as_far_apart_as_they_were_moved():
    a = np.zeros((60, 60), bool)
    a[10:20, 10:20] = True
    assert hausdorff_px(a, np.roll(a, (12, 5), axis=(0, 1))) == 13.0


def test_one_stray_pixel_sets_the_distance():
    a = np.zeros((20, 40), bool)
    a[5:15, 5:15] = True
    b = a.copy()
    b[10, 34] = True
    assert hausdorff_px(a, b) == 20.0


def test_the_farthest_pixel_may_lie_inside():
    full = disc(101, centre=(50, 50), radius=45)
    ring = full & ~disc(101, centre=(50, 50), radius=30)
    # From the centre to the nearest pixel of the ring: just beyond 30 px. Outlines alone would say 0 here.
    assert hausdorff_px(full, ring) == by_distance_maps(full, ring)
    assert 30 < hausdorff_px(full, ring) <= 31


@pytest.mark.parametrize("seed", range(20))
def test_scattered_pixels_agree_with_all_pairs(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 23, 31)) < rng.choice([0.01, 0.1, 0.5, 0.9])
    a[rng.integers(23), rng.integers(31)] = b[rng.integers(23), rng.integers(31)] = True
    assert hausdorff_px(a, b) == pytest.approx(by_all_pixels(a, b), abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_large_shapes_with_bays_and_holes_agree_with_distance_maps(seed):
    rng = np.random.default_rng(seed)
    a, b = np.zeros((2, 301, 301), bool)
    for mask in (a, b):
        for _ in range(6):
            mask |= disc(301, centre=tuple(rng.uniform(40, 260, 2)), radius=rng.uniform(5, 90))
        for _ in range(4):
            mask &= ~disc(301, centre=tuple(rng.uniform(40, 260, 2)), radius=rng.uniform(5, 60))
        mask[rng.integers(301), rng.integers(301)] = True
    assert hausdorff_px(a, b) == pytest.approx(by_distance_maps(a, b), abs=1e-9)


def test_an_object_against_one_that_fills_the_image():
    small = disc(200, centre=(30, 40), radius=6)
    assert hausdorff_px(small, np.ones_like(small)) == by_distance_maps(small, np.ones_like(small))


def test_an_empty_set_has_no_distance():
    with pytest.raises(LabelMapError, match="got an empty one"):
        hausdorff_px(np.zeros((3, 3), bool), np.ones((3, 3), bool))


def test_extents_bound_the_distance_from_below():
    rng = np.random.default_rng(3)
    for _ in range(30):
        a, b = (disc(80, centre=tuple(rng.uniform(15, 65, 2)), radius=rng.uniform(1, 14)) for _ in range(2))
        a &= ~disc(80, centre=tuple(rng.uniform(15, 65, 2)), radius=6)
        if not a.any():
            continue
        (shape_a,), (shape_b,) = object_shapes(a.astype(np.int32)), object_shapes(b.astype(np.int32))
        bound = np.abs(shape_a.extents_px - shape_b.extents_px).max()
        assert bound <= by_all_pixels(a, b) + 1e-9
