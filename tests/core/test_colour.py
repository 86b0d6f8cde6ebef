import math

import numpy as np
import pytest

from acinus.core.colour import optical_density, rgb_from_optical_density


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
