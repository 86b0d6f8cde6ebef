from __future__ import annotations

import numpy as np
import pytest

from acinus.core.colour import optical_density
from acinus.data.augment import normalise, random_turn, stain_jitter, turned

EVERY_VALUE = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)


def test_a_jitter_of_strength_zero_changes_nothing():
    assert np.array_equal(stain_jitter(EVERY_VALUE, strength=0.0, rng=np.random.default_rng(0)), EVERY_VALUE)


def test_the_same_generator_state_gives_the_same_jitter_and_the_next_another():
    rng = np.random.default_rng(3)
    first, second = (stain_jitter(EVERY_VALUE, strength=1.0, rng=rng) for _ in range(2))
    assert np.array_equal(stain_jitter(EVERY_VALUE, strength=1.0, rng=np.random.default_rng(3)), first)
    assert not np.array_equal(first, second)


def test_a_jitter_gives_an_image_of_the_same_form():
    jittered = stain_jitter(EVERY_VALUE[:5], strength=1.0, rng=np.random.default_rng(0))
    assert jittered.dtype == np.uint8
    assert jittered.shape == (5, 16, 3)


def test_a_jitter_treats_every_pixel_alike():
    rgb = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    whole = stain_jitter(rgb, strength=1.0, rng=np.random.default_rng(1))
    part = stain_jitter(rgb[2:5, 1:7], strength=1.0, rng=np.random.default_rng(1))
    assert np.array_equal(whole[2:5, 1:7], part)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_amount_of_stain_varies_by_a_quarter_and_its_colour_a_little(strength: float):
    grey = np.full((1, 1, 3), 93, np.uint8)  # a density of one in each channel
    rng = np.random.default_rng(0)
    density = np.stack(
        [optical_density(stain_jitter(grey, strength=strength, rng=rng))[0, 0] for _ in range(400)]
    )
    expected = strength * np.sqrt(0.5**2 / 12 + 3 * 0.05**2 + 0.03**2)  # uniform amount, mixing, shift
    assert density.mean() == pytest.approx(1.0, abs=0.03)
    assert density.std(axis=0).mean() == pytest.approx(expected, rel=0.12)


def test_all_eight_turns_are_drawn_equally_often():
    rng = np.random.default_rng(0)
    turns = [random_turn(rng) for _ in range(800)]
    counts = {turn: turns.count(turn) for turn in set(turns)}
    assert sorted(counts) == [(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)]
    assert min(counts.values()) > 60


def test_normalised_values_run_from_minus_two_to_two():
    values = normalise(np.array([[0, 51, 255]], np.uint8))
    assert values.dtype == np.float32
    assert values.ravel().tolist() == pytest.approx([-2.0, -1.2, 2.0], abs=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("channels", [3, 5])
def test_an_image_is_turned_as_numpy_turns_it(mirrored: bool, quarters: int, channels: int):
    image = np.random.default_rng(0).random((6, 6, channels), np.float32)
    expected = np.rot90(image[:, ::-1] if mirrored else image, quarters)
    assert np.array_equal(turned(image, (mirrored, quarters)), expected)


def test_a_jitter_is_an_affine_map_of_optical_density():
    rgb = np.random.default_rng(1).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    rng = np.random.default_rng(2)
    mixing = np.eye(3) + rng.normal(0.0, 0.05, (3, 3))
    amount, shift = rng.uniform(0.75, 1.25), rng.normal(0.0, 0.03, 3)
    expected = np.empty(rgb.shape)
    for row, column in np.ndindex(5, 4):
        density = -np.log((rgb[row, column] + 1.0) / 256.0)
        expected[row, column] = np.exp(-(amount * (mixing @ density) + shift)) * 256.0 - 1.0
    jittered = stain_jitter(rgb, strength=1.0, rng=np.random.default_rng(2))
    assert np.abs(jittered - expected.clip(0, 255)).max() <= 0.501
