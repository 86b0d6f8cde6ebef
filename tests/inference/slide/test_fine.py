"""Outlines of a slide's glands run where the probability says, between the middles of working pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.inference.slide.fine import fine_crop, fine_factor, fine_mask


def ramp(distance: np.ndarray) -> np.ndarray:
    """Return a probability × 255 that falls from 1 to 0 over four pixels about distance 0."""
    return np.rint(255 * np.clip(0.5 - distance / 4, 0, 1)).astype(np.uint8)


def disc(side: int, radius: float, *, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to a circle's border at pixels of 1 / `factor`, and where that is negative."""
    y, x = (np.mgrid[: side * factor, : side * factor] + 0.5) / factor
    distance = np.hypot(x - side / 2, y - side / 2) - radius
    return distance, distance < 0


def test_a_disc_is_drawn_as_if_it_had_been_seen_in_fine_pixels():
    distance, own = disc(40, 13.3, factor=1)
    _, true = disc(40, 13.3, factor=2)
    found = fine_mask(own, ramp(distance), threshold=0.5, factor=2)
    repeated = own.repeat(2, axis=0).repeat(2, axis=1)
    assert np.count_nonzero(found != true) < 0.2 * np.count_nonzero(repeated != true)


@pytest.mark.parametrize(("value", "covered"), [(128, 3), (191, 4), (255, 4)])
def test_a_border_lies_nearer_to_the_less_certain_pixel(value: int, covered: int):
    """Pixels of 200 and of 0 with one between: where 127.5 is passed, counted in half pixels."""
    own = np.array([[True, True, False]])
    found = fine_mask(own, np.array([[255, value, 0]], np.uint8), threshold=0.5, factor=2)
    assert found[0].sum() == covered


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_the_middle_of_a_working_pixel_stays_on_its_side(threshold: float):
    rng = np.random.default_rng(0)
    own = ndimage.binary_opening(rng.random((30, 40)) < 0.7, iterations=2)
    probability = rng.integers(0, 256, own.shape, dtype=np.uint8)  # says nothing of the gland
    middles = fine_mask(own, probability, threshold=threshold, factor=3)[1::3, 1::3]
    assert np.array_equal(middles, own)


def test_one_fine_pixel_a_working_pixel_is_the_gland_itself():
    own = np.random.default_rng(1).random((9, 7)) < 0.5
    assert np.array_equal(fine_mask(own, np.zeros(own.shape, np.uint8), threshold=0.5, factor=1), own)


def test_glands_that_touch_share_the_line_between_them():
    labels = np.zeros((20, 30), np.int32)
    labels[3:17, 2:15], labels[3:17, 15:28] = 1, 2
    rng = np.random.default_rng(2)
    probability = np.where(labels > 0, rng.integers(128, 256, labels.shape), 0).astype(np.uint8)
    left, right = (fine_mask(labels == n, probability, threshold=0.5, factor=2) for n in (1, 2))
    assert not (left & right).any()
    rows = np.s_[8:32]  # away from the corners
    assert (left | right)[rows, 6:54].all()


def test_a_crop_has_the_gland_in_fine_pixels_and_the_others_it_encloses():
    labels = np.zeros((12, 14), np.int32)
    labels[2:10, 2:12] = 7
    labels[5:7, 6:8] = 9
    probability = np.where(labels > 0, 255, 0).astype(np.uint8)
    box = Box(100, 50, 14, 12)
    crop = fine_crop(7, labels, probability, box=box, touches_side=True, threshold=0.5, factor=2)
    # Columns 4 to 23 and rows 4 to 19 of fine pixels, and one around.
    assert (crop.box, crop.touches_side, crop.labels.dtype) == (Box(203, 103, 22, 18), True, np.int32)
    assert np.count_nonzero(crop.mask) == pytest.approx(4 * (80 - 4), rel=0.05)
    assert set(np.unique(crop.labels).tolist()) == {0, 7, 9}
    assert (crop.labels[8:10, 10:12] == 9).all()


@pytest.mark.parametrize(("native_mpp", "factor"), [(0.25, 2), (0.625, 2), (0.7, 1), (1.25, 1), (2.0, 1)])
def test_pixels_are_no_finer_than_the_slide_s_own(native_mpp: float, factor: int):
    assert fine_factor(mpp=1.25, native_mpp=native_mpp) == factor
