"""Colours in bytes: ranges from histograms and bins from tables are those of the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.inference.colours import ColourRange


@given(st.integers(0, 2**32 - 1), st.integers(1, 700))
def test_the_range_of_histograms_is_that_of_the_pixels(seed: int, count: int):
    rng = np.random.default_rng(seed)
    lowest, spread = rng.integers(0, 100, 3), rng.integers(1, 157, 3)
    lab = lowest + rng.integers(0, spread, (count, 3))
    histograms = np.stack([np.bincount(axis, minlength=256) for axis in lab.T])
    found, expected = ColourRange.of_histograms(histograms), ColourRange.of(lab.astype(np.float32))
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


def test_the_bins_of_bytes_add_up_to_the_bin_of_the_colour():
    colours = ColourRange(np.array([20.3, 118.0, 90.0]), np.array([241.0, 118.0, 160.7]))
    lab = np.random.default_rng(0).integers(0, 256, (500, 3))
    first, second, third = (table[values] for table, values in zip(colours.byte_bins(), lab.T, strict=True))
    assert np.array_equal(first + second + third, colours.bins(lab.astype(np.float32)))
