from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.image import RgbImage
from acinus.data.resample import resize_map, resize_regions, rgb_at_mpp, size_at_mpp


@pytest.mark.parametrize(
    ("mpp", "target_mpp", "size"),
    [(0.5, 0.5, (100, 201)), (0.5, 1.0, (50, 100)), (1.0, 0.5, (200, 402)), (0.5, 4.0, (12, 25))],
)
def test_the_size_follows_the_resolution(mpp: float, target_mpp: float, size: tuple[int, int]):
    assert size_at_mpp((100, 201), mpp=mpp, target_mpp=target_mpp) == size


def test_an_image_never_shrinks_to_nothing():
    assert size_at_mpp((3, 100), mpp=0.1, target_mpp=4.0) == (1, 2)


def test_shrinking_averages_areas():
    rgb = np.array([[0, 100, 10, 30], [200, 100, 30, 10]], np.uint8)[..., None].repeat(3, axis=2)
    small = rgb_at_mpp(RgbImage(rgb, mpp=1.0), 2.0)
    assert small[..., 0].tolist() == [[100, 20]]
    assert small.dtype == np.uint8


def test_growing_interpolates_between_pixels():
    rgb = np.array([[0, 100]], np.uint8)[..., None].repeat(3, axis=2)
    assert rgb_at_mpp(RgbImage(rgb, mpp=2.0), 1.0)[0, :, 0].tolist() == [0, 25, 75, 100]


def test_at_its_own_resolution_an_image_is_returned_as_it_is():
    image = RgbImage(np.random.default_rng(0).integers(0, 255, (7, 9, 3), dtype=np.uint8), mpp=1.3)
    assert np.array_equal(rgb_at_mpp(image, 1.3), image.rgb)


@pytest.mark.parametrize("target_mpp", [0.7, 1.7, 3.1])
def test_a_plain_image_stays_plain(target_mpp: float):
    image = RgbImage(np.full((30, 41, 3), (220, 160, 195), np.uint8), mpp=1.0)
    resampled = rgb_at_mpp(image, target_mpp)
    assert resampled.shape[:2] == size_at_mpp((30, 41), mpp=1.0, target_mpp=target_mpp)
    assert (resampled == (220, 160, 195)).all()


def test_the_centre_of_a_spot_stays_where_it_is_in_micrometres():
    rows, columns = np.mgrid[:200, :260] + 0.5
    spot = np.exp(-((rows - 90) ** 2 + (columns - 140) ** 2) / 400)
    rgb = (255 * spot).astype(np.uint8)[..., None].repeat(3, axis=2)
    for target_mpp in (0.37, 1.25, 2.5):
        red = rgb_at_mpp(RgbImage(rgb, mpp=0.5), target_mpp)[..., 0].astype(float)
        y, x = np.mgrid[: red.shape[0], : red.shape[1]] + 0.5
        at = (y * red).sum() / red.sum() * target_mpp, (x * red).sum() / red.sum() * target_mpp
        assert at == pytest.approx((45.0, 70.0), abs=0.25)


def test_maps_are_averaged_when_shrinking_and_interpolated_when_growing():
    values = np.array([[0.0, 1.0], [0.5, 0.5]], np.float32)
    assert resize_map(values, (1, 1)).tolist() == [[0.5]]
    assert resize_map(values[:1], (1, 4)).shape == (1, 4)
    assert resize_map(values, (4, 4))[0].tolist() == [0.0, 0.25, 0.75, 1.0]
    assert resize_map(values, (2, 2)).tolist() == values.tolist()


@pytest.mark.parametrize(("length", "wanted"), [(6, 6), (12, 6), (12, 4), (9, 3), (13, 7), (5, 15), (4, 6)])
def test_each_pixel_of_a_resized_map_has_the_value_of_the_nearest_one(length: int, wanted: int):
    regions = np.arange(length, dtype=np.uint8)[:, None] + 50 * np.arange(2, dtype=np.uint8)[None]
    found = resize_regions(regions, (wanted, 2))[:, 0].astype(int)
    centres = (np.arange(wanted) + 0.5) * length / wanted - 0.5
    distance = np.abs(found - centres)
    assert distance.max() <= 0.5 + 1e-9


def test_halving_takes_the_first_of_two():
    assert resize_regions(np.array([[7, 8, 9, 1]], np.uint8).repeat(2, axis=0), (1, 2)).tolist() == [[7, 9]]


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_enlarging_a_map_of_regions_and_shrinking_it_again_restores_it(height: int, width: int, factor: int):
    regions = np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (height, width))
    large = resize_regions(regions, (factor * height, factor * width))
    assert np.array_equal(large, np.kron(regions, np.ones((factor, factor), np.uint8)))
    assert np.array_equal(resize_regions(large, (height, width)), regions)


def test_no_region_is_invented():
    regions = np.random.default_rng(0).choice(np.array([0, 2, 255], np.uint8), (31, 17))
    assert np.isin(resize_regions(regions, (11, 29)), (0, 2, 255)).all()
