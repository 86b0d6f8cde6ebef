"""Colours: bins, counts and likelihoods by hand; in bytes the same as of the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.inference.colours import ColourCounts, ColourModel, ColourRange, blurred, lab_of, stained


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


WHOLE = ColourRange(np.zeros(3), np.full(3, 256.0))  # bins of 8 along each axis


def at(*bins: int) -> int:
    return (bins[0] * 32 + bins[1]) * 32 + bins[2]


@pytest.mark.parametrize(
    ("lab", "bins"),
    [((0, 0, 0), (0, 0, 0)), ((7.9, 8, 255), (0, 1, 31)), ((-50, 300, 128), (0, 31, 16))],
)
def test_a_colour_falls_into_the_bin_by_hand_and_outliers_into_the_outermost(lab: tuple, bins: tuple):
    assert WHOLE.bins(np.array(lab, np.float32)) == at(*bins)


def test_a_range_without_extent_has_one_bin_on_each_side():
    flat = ColourRange(np.full(3, 100.0), np.full(3, 100.0))
    below, same, above = flat.bins(np.array([[99] * 3, [100] * 3, [101] * 3], np.float32))
    assert (below, same, above) == (at(0, 0, 0), at(0, 0, 0), at(31, 31, 31))


def test_counts_are_those_of_the_masks_and_parts_add_up():
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 32**3, (20, 30))
    gland, background = rng.random((20, 30)) < 0.3, rng.random((20, 30)) < 0.5
    whole = ColourCounts.of(bins, gland, background)
    assert (whole.gland.sum(), whole.background.sum()) == (gland.sum(), background.sum())
    for value in (bins[0, 0], bins[7, 9]):
        assert whole.gland[value] == (gland & (bins == value)).sum()
    top, bottom = (
        ColourCounts.of(bins[rows], gland[rows], background[rows]) for rows in (slice(0, 7), slice(7, 20))
    )
    total = top + bottom
    assert np.array_equal(total.gland, whole.gland)
    assert np.array_equal(total.background, whole.background)


def counts_of(gland: dict[int, int], background: dict[int, int]) -> ColourCounts:
    counts = []
    for named in (gland, background):
        count = np.zeros(32**3, np.int64)
        count[list(named)] = list(named.values())
        counts.append(count)
    return ColourCounts(*counts)


def test_a_likelihood_compares_shares_and_what_was_never_seen_is_undecided():
    dark, pale = at(5, 16, 16), at(25, 16, 16)
    model = counts_of({dark: 90, pale: 10}, {dark: 100, pale: 300}).model(WHOLE, least_px=100)
    assert model is not None
    assert model.table[dark] == pytest.approx(0.9 / (0.9 + 0.25), abs=1e-3)
    assert model.table[pale] == pytest.approx(0.1 / (0.1 + 0.75), abs=1e-3)
    assert model.table[at(15, 0, 0)] == pytest.approx(0.5)
    few = counts_of({dark: 900, pale: 100}, {dark: 1, pale: 3}).model(WHOLE, least_px=4)
    assert few is not None
    assert few.table == pytest.approx(model.table, abs=1e-6)


@pytest.mark.parametrize(("gland", "background"), [(99, 400), (100, 99), (0, 400)])
def test_a_class_with_too_few_pixels_teaches_nothing(gland: int, background: int):
    counts = counts_of({at(5, 16, 16): gland}, {at(25, 16, 16): background})
    assert counts.model(WHOLE, least_px=100) is None


def test_even_without_a_least_number_a_class_needs_a_pixel():
    assert counts_of({}, {at(1, 1, 1): 5}).model(WHOLE, least_px=0) is None


def test_neighbouring_colours_share_what_was_learnt():
    model = counts_of({at(10, 16, 16): 50}, {at(20, 16, 16): 50}).model(WHOLE, least_px=1)
    assert model is not None
    table = model.table.reshape(32, 32, 32)[:, 16, 16]
    assert table[8:13].min() > 0.99
    assert table[18:23].max() < 0.01
    assert (table[10:21] == np.sort(table[10:21])[::-1]).all()


def test_the_likelihood_of_an_image_is_its_table_looked_up():
    model = ColourModel(WHOLE, np.linspace(0, 1, 32**3, dtype=np.float32))
    lab = np.random.default_rng(0).uniform(0, 256, (4, 5, 3)).astype(np.float32)
    found = model.likelihood(lab)
    for y, x in ((0, 0), (3, 4)):
        assert found[y, x] == model.table[at(*(lab[y, x] // 8).astype(int))]


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), False),
        ((243, 242, 244), False),
        ((0, 0, 0), False),
        ((128, 128, 128), False),
        ((120, 60, 150), True),
        ((235, 180, 215), True),
        ((170, 120, 70), True),
    ],
)
def test_white_grey_and_black_are_no_stain(rgb: tuple[int, int, int], expected: bool):
    lab = lab_of(np.full((1, 1, 3), rgb, np.uint8), sigma=0.0)
    assert stained(lab).tolist() == [[expected]]


def test_a_blur_of_nothing_changes_nothing_and_any_keeps_the_mean():
    values = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    assert blurred(values, 0.0) is values
    smooth = blurred(values, 2.0)
    assert smooth.std() < 0.3 * values.std()
    assert smooth.mean() == pytest.approx(values.mean(), abs=0.01)
