from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from acinus.slides.resample import resample, sampling_axis


def naive_area_mean(line: np.ndarray, left: float, right: float) -> float:
    """Integrate a line of pixels over [left, right) in steps of a thousandth of a pixel."""
    points = np.arange(left, right, 1e-3) + 5e-4
    return float(line[np.clip(points.astype(int), 0, len(line) - 1)].mean())


@given(start=st.floats(0, 5), step=st.floats(1, 6), n_out=st.integers(1, 4), seed=st.integers(0, 99))
def test_coarser_pixels_are_the_mean_over_the_area_they_cover(start, step, n_out, seed):
    line = np.random.default_rng(seed).integers(0, 256, 40).astype(float)
    axis = sampling_axis(start=start, step=step, n_out=n_out, n_source=40, extent=40)
    values = axis.weights @ line[axis.first : axis.first + axis.count]
    expected = [naive_area_mean(line, start + k * step, start + (k + 1) * step) for k in range(n_out)]
    assert_allclose(values, expected, atol=0.6)


def test_finer_pixels_lie_on_the_line_between_pixel_centres():
    line = np.array([0.0, 100.0, 200.0])
    axis = sampling_axis(start=0, step=0.5, n_out=6, n_source=3, extent=3)
    # centres of the output at 0.25, 0.75, 1.25 ...; centres of the source at 0.5, 1.5, 2.5; the ends repeat
    assert_allclose(axis.weights @ line, [0, 25, 75, 125, 175, 200], atol=1e-4)


@given(step=st.floats(0.2, 5), shift=st.integers(0, 20))
def test_a_pixel_does_not_depend_on_the_tile_it_is_read_in(step, shift):
    line = np.random.default_rng(0).integers(0, 256, 200).astype(float)
    whole = sampling_axis(start=0, step=step, n_out=30, n_source=200, extent=200)
    tile = sampling_axis(start=shift * step, step=step, n_out=30 - shift, n_source=200, extent=200)
    all_values = whole.weights @ line[whole.first : whole.first + whole.count]
    tile_values = tile.weights @ line[tile.first : tile.first + tile.count]
    assert_allclose(tile_values, all_values[shift:], atol=1e-2)


def test_a_pixel_half_outside_the_slide_is_half_white():
    source = np.zeros((2, 2, 3), np.uint8)
    x = sampling_axis(start=-2, step=2, n_out=3, n_source=2, extent=2)
    y = sampling_axis(start=-1, step=2, n_out=1, n_source=2, extent=2)
    result = resample(source[y.first : y.first + y.count, x.first : x.first + x.count], x=x, y=y)
    assert result[0, :, 0].tolist() == [255, 128, 255]


def test_the_same_grid_is_copied_bit_by_bit():
    source = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    x = sampling_axis(start=0, step=1, n_out=7, n_source=7, extent=7)
    y = sampling_axis(start=0, step=1, n_out=5, n_source=5, extent=5)
    assert np.array_equal(resample(source, x=x, y=y), source)
