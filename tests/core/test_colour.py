import math

import numpy as np
import pytest

from acinus.core.colour import (
    brightest_channel,
    darkest_channel,
    mean_of_channels,
    optical_density,
    rgb_from_optical_density,
)


def test_density_is_the_negative_logarithm_of_the_transmitted_light():
    density = optical_density(np.array([[[255, 127, 0]]], np.uint8))
    assert density.dtype == np.float32
    assert density[0, 0].tolist() == pytest.approx([0.0, math.log(2), math.log(256)], abs=1e-6)


def test_every_8_bit_value_survives_the_way_to_density_and_back():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(rgb_from_optical_density(optical_density(values)), values)


def test_twice_the_stain_has_twice_the_density():
    one = optical_density(np.full((1, 1, 3), 127, np.uint8))  # half of the light: 128 / 256
    assert rgb_from_optical_density(2 * one).ravel().tolist() == [63, 63, 63]  # a quarter: 64 / 256


def test_densities_no_camera_sees_are_clipped():
    assert rgb_from_optical_density(np.full((1, 1, 3), -1.0, np.float32)).max() == 255
    assert rgb_from_optical_density(np.full((1, 1, 3), 50.0, np.float32)).max() == 0


def test_8_bit_values_have_the_density_of_the_same_numbers_and_an_empty_image_has_none():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(optical_density(rgb), optical_density(rgb.astype(np.float32)))
    assert np.array_equal(optical_density(rgb[::2, 3:9]), optical_density(rgb.astype(np.float32))[::2, 3:9])
    assert optical_density(rgb[:0]).shape == (0, 30, 3)


def test_channels_are_summed_up_as_numpy_does():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(brightest_channel(rgb), rgb.max(axis=2))
    assert np.array_equal(darkest_channel(rgb), rgb.min(axis=2))
    density = optical_density(rgb)
    assert np.array_equal(mean_of_channels(density), density.mean(axis=2))
