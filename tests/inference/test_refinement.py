"""An image's colours and sides: what they add to the probability, on images small enough to reason about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.errors import UsageError
from acinus.core.image import RgbArray, RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.inference.refinement import (
    RefinedSegmenter,
    RefinementSettings,
    SureLimits,
    byte_counts,
    cut_lumina,
    refined,
)

PURPLE, PINK, WHITE = (110, 60, 140), (225, 150, 190), (245, 243, 246)
MPP = 2.0
SHARP = RefinementSettings(least_um2=0.0, smoothing_um=0.0)


def stripes(*colours: tuple[int, int, int], height: int = 40, width: int = 20) -> RgbArray:
    """Return upright stripes of these colours side by side, each `width` px wide."""
    return np.concatenate([np.full((height, width, 3), colour, np.uint8) for colour in colours], axis=1)


def by_colour(
    probability: ProbabilityMap, rgb: RgbArray, how: RefinementSettings = SHARP
) -> ProbabilityMap | None:
    """Return the likelihood by colour alone; None where colours are left out."""
    alone = replace(how, colour_weight=1.0, lumen_above=1.0, tissue_only=False)
    found = refined(probability, rgb, alone, mpp=MPP).probability
    return None if np.array_equal(found, probability) else found


def told(probability: ProbabilityMap, rgb: RgbArray) -> ProbabilityMap:
    """Return the likelihood by colour alone, where colours are not left out."""
    likelihood = by_colour(probability, rgb)
    assert likelihood is not None
    return likelihood


def test_a_pixel_the_network_missed_is_told_by_its_colour():
    rgb = stripes(PURPLE, PINK, PURPLE)
    probability = np.full(rgb.shape[:2], 0.01, np.float32)
    probability[:, :20] = 0.95  # the first purple stripe is known to be gland, the second is missed
    likelihood = told(probability, rgb)
    # Half of the background's pixels are purple as well: 1 / (1 + 1 / 2), as the naive shares give.
    assert likelihood[:, :20] == pytest.approx(2.0 / 3.0, abs=0.01)
    assert likelihood[:, 40:] == pytest.approx(2.0 / 3.0, abs=0.01)
    assert likelihood[:, 20:40].max() < 0.01


def test_how_much_of_each_class_there_is_does_not_count():
    few, many = stripes(PURPLE, PINK), stripes(PURPLE, PINK, PINK, PINK, PINK, PINK)
    for rgb in (few, many):
        probability = np.where(rgb[..., 0] == PURPLE[0], 0.9, 0.01).astype(np.float32)
        likelihood = told(probability, rgb)
        assert likelihood[:, :20].min() > 0.99
        assert likelihood[:, 20:].max() < 0.01


def test_colours_are_left_out_where_a_class_is_too_small():
    rgb = stripes(PURPLE, PINK)
    probability = np.where(rgb[..., 0] == PURPLE[0], 0.9, 0.01).astype(np.float32)
    assert by_colour(probability, rgb, RefinementSettings(least_um2=801.0 * MPP**2)) is None
    assert by_colour(probability, rgb, RefinementSettings(least_um2=800.0 * MPP**2)) is not None
    undecided = np.full_like(probability, 0.4)
    assert by_colour(undecided, rgb) is None
    assert refined(undecided, rgb, SHARP, mpp=MPP).probability == pytest.approx(undecided)


def test_bare_background_teaches_nothing_and_is_left_to_the_network():
    rgb = stripes(WHITE, WHITE, WHITE, PINK, PURPLE)
    probability = np.full(rgb.shape[:2], 0.01, np.float32)
    probability[:, 60:80], probability[:, 80:] = 0.3, 0.9
    # Beside white alone, pink would pass for gland; no background that the network is sure of is stained.
    assert by_colour(probability, rgb) is None
    probability[:, 70:80] = 0.01
    likelihood = told(probability, rgb)
    assert likelihood[:, 65:75].max() < 0.1
    assert np.array_equal(likelihood[:, :50], probability[:, :50])  # left to the network


def test_the_weight_is_the_colours_share():
    rgb = stripes(PURPLE, PINK, PURPLE)
    probability = np.full(rgb.shape[:2], 0.01, np.float32)
    probability[:, :20] = 0.95
    likelihood = told(probability, rgb)
    settings = RefinementSettings(colour_weight=0.25, least_um2=0.0, smoothing_um=0.0, lumen_above=1.0)
    expected = 0.75 * probability + 0.25 * likelihood
    result = refined(probability, rgb, settings, mpp=MPP)
    assert result.probability == pytest.approx(expected)
    contradicted = np.abs(2.0 * probability - 1.0) - np.abs(probability - likelihood)
    assert result.certainty == pytest.approx(np.maximum(contradicted, 0.0))
    alone = RefinementSettings(colour_weight=0.0, lumen_above=1.0)
    assert np.array_equal(refined(probability, rgb, alone, mpp=MPP).probability, probability)
    assert refined(probability, rgb, alone, mpp=MPP).certainty == pytest.approx(
        np.abs(2.0 * probability - 1.0)
    )


def half_disc(probability_inside: float) -> ProbabilityMap:
    """Return gland everywhere but in a half disc of radius 20 px that the upper side cuts."""
    y, x = np.mgrid[:60, :80]
    probability = np.full((60, 80), 0.9, np.float32)
    probability[y * y + (x - 40) ** 2 <= 20**2] = probability_inside
    return probability


def test_a_round_lumen_that_the_side_cuts_becomes_gland():
    lumina = cut_lumina(half_disc(0.35), RefinementSettings(), mpp=1.0)
    assert np.array_equal(lumina, half_disc(0.35) < 0.5)
    pink = np.full((60, 80, 3), PINK, np.uint8)
    result = refined(half_disc(0.35), pink, RefinementSettings(), mpp=1.0)
    mirrored = result.probability
    assert mirrored[0, 40] == pytest.approx(0.65)  # as sure of gland as it was of background
    assert mirrored[59, 40] == pytest.approx(0.9)


def test_what_the_network_is_sure_of_stays_background():
    assert not cut_lumina(half_disc(0.05), RefinementSettings(), mpp=1.0).any()


def test_stroma_with_corners_stays_background():
    probability = np.full((60, 60), 0.9, np.float32)
    probability[:40, 28:32] = probability[:4, 5:55] = 0.3  # a T: a crack between two glands
    assert not cut_lumina(probability, RefinementSettings(), mpp=1.0).any()


def test_enclosed_and_large_background_is_not_a_cut_lumen():
    enclosed = np.roll(half_disc(0.35), 20, axis=0)
    enclosed[0] = 0.9
    assert not cut_lumina(np.pad(enclosed, 1, constant_values=0.9), RefinementSettings(), mpp=1.0).any()
    small = RefinementSettings(max_lumen_um2=500.0)  # the half disc has about 640 px
    assert not cut_lumina(half_disc(0.35), small, mpp=1.0).any()
    assert cut_lumina(half_disc(0.35), small, mpp=0.5).any()


def test_an_image_without_background_has_no_lumen():
    assert not cut_lumina(np.ones((5, 5), np.float32), RefinementSettings(), mpp=1.0).any()


def test_glass_beside_the_tissue_is_no_gland_and_a_lumen_stays_one():
    y, x = np.mgrid[:160, :240]
    rgb = np.full((160, 240, 3), WHITE, np.uint8)
    rgb[:, :120] = PINK
    rgb[(y - 80) ** 2 + (x - 60) ** 2 <= 40**2] = PURPLE
    lumen = (y - 80) ** 2 + (x - 60) ** 2 <= 20**2  # 160 µm wide
    open_at_the_side = y**2 + (x - 60) ** 2 <= 15**2
    rgb[lumen | open_at_the_side] = WHITE
    everywhere = np.full((160, 240), 0.9, np.float32)  # says a network that never saw glass
    found = refined(everywhere, rgb, RefinementSettings(), mpp=MPP).probability
    assert found[:, 125:].max() == 0.0
    assert found[:, :119].min() == pytest.approx(0.9)
    left = refined(everywhere, rgb, RefinementSettings(tissue_only=False), mpp=MPP).probability
    assert left == pytest.approx(everywhere)


def test_what_is_stained_otherwise_than_h_and_e_is_no_glass():
    brown = np.full((80, 80, 3), (170, 120, 70), np.uint8)  # DAB is no tissue to a mask that knows H&E
    brown[:, 40:] = WHITE
    everywhere = np.full((80, 80), 0.9, np.float32)
    found = refined(everywhere, brown, RefinementSettings(), mpp=MPP).probability
    assert found[:, :38].min() == pytest.approx(0.9)
    assert found[:, 44:].max() == 0.0


class Darkness:
    """Says gland where an image is dark, and remembers at which resolution it was asked."""

    mpp = 4.0

    def __init__(self):
        self.asked: list[float] = []

    def probability(self, image: RgbImage) -> ProbabilityMap:
        self.asked.append(image.mpp)
        return np.where(image.rgb[..., 0] < 150, 0.9, 0.01).astype(np.float32)


def test_a_refined_segmenter_works_at_its_own_resolution_and_answers_at_the_image_s():
    inner = Darkness()
    segmenter = RefinedSegmenter(inner, SHARP)
    result = segmenter.probability(RgbImage(stripes(PURPLE, PINK, height=80, width=60), mpp=2.0))
    assert segmenter.mpp == 4.0
    assert inner.asked == [4.0]
    assert result.shape == (80, 120)
    assert result.dtype == np.float32
    assert result[:, :50].min() > 0.89
    assert result[:, 70:].max() < 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 3), st.booleans())
def test_a_turned_and_mirrored_image_has_the_turned_and_mirrored_answer(
    seed: int, quarters: int, mirrored: bool
):
    rng = np.random.default_rng(seed)
    rgb = np.where(rng.random((40, 48, 1)) < 0.5, PURPLE, PINK) + rng.integers(-20, 21, (40, 48, 3))
    rgb[:15, :12] = WHITE
    rgb = rgb.astype(np.uint8)
    probability = rng.random((40, 48), dtype=np.float32)
    how = RefinementSettings(least_um2=0.0, tissue_only=False)

    def turned(values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(values[:, ::-1] if mirrored else values, quarters))

    found = refined(turned(probability), turned(rgb), how, mpp=MPP)
    expected = refined(probability, rgb, how, mpp=MPP)
    # Blurring rounds otherwise from another side, and a pixel may fall into the next bin of colours.
    for one, other in ((found.probability, expected.probability), (found.certainty, expected.certainty)):
        difference = np.abs(one - turned(other))
        assert difference.mean() < 1e-3
        assert difference.max() < 2e-2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 1.0))
def test_the_answer_lies_between_network_and_colours_and_is_a_probability(seed: int, weight: float):
    rng = np.random.default_rng(seed)
    rgb = rng.integers(60, 240, (30, 36, 3), dtype=np.uint8)
    probability = rng.random((30, 36), dtype=np.float32)
    how = RefinementSettings(colour_weight=weight, least_um2=0.0, lumen_above=1.0, tissue_only=False)
    found = refined(probability, rgb, how, mpp=MPP)
    likelihood = by_colour(probability, rgb, how)
    assert found.certainty.min() >= 0.0
    assert found.certainty.max() <= 1.0
    if likelihood is not None:
        low, high = np.minimum(probability, likelihood), np.maximum(probability, likelihood)
        assert (found.probability >= low - 1e-6).all()
        assert (found.probability <= high + 1e-6).all()


LIMITS = RefinementSettings(
    gland_above=0.75, background_below=0.05, sure_share=0.5, gland_least=0.6, background_most=0.2
)


def limits_of(counts: dict[int, int], how: RefinementSettings = LIMITS) -> tuple[float, float]:
    """Return the limits, × 255, for bytes that occur so often: of gland and of background."""
    values = np.zeros(256, np.int64)
    for value, count in counts.items():
        values[value] = count
    limits = SureLimits.of(values, how)
    return limits.gland_above * 255, limits.background_below * 255


def test_a_network_that_is_decided_keeps_the_limits():
    assert limits_of({2: 60, 40: 40, 150: 10, 250: 90}) == pytest.approx((0.75 * 255, 0.05 * 255))


def test_limits_move_towards_one_half_until_enough_pixels_are_sure():
    # 50 of 100 pixels of background are at 30 or less; 60 of 100 of gland at 170 or more, 40 above it.
    counts = {10: 20, 30: 30, 100: 50, 140: 40, 170: 20, 185: 40}
    assert limits_of(counts) == pytest.approx((170.5, 30.5))


def test_limits_move_no_further_than_their_bounds():
    assert limits_of({100: 10, 140: 10}) == pytest.approx((0.6 * 255, 0.2 * 255))


def test_each_limit_moves_by_itself():
    assert limits_of({1: 100, 140: 10}) == pytest.approx((0.6 * 255, 0.05 * 255))
    assert limits_of({100: 10, 255: 10}) == pytest.approx((0.75 * 255, 0.2 * 255))


def test_limits_stay_where_a_side_has_no_pixel():
    assert limits_of({}) == limits_of({200: 3, 3: 7}) == pytest.approx((0.75 * 255, 0.05 * 255))


def test_the_byte_of_one_half_is_on_the_side_of_gland():
    gland, background = limits_of({127: 10, 128: 10}, replace(LIMITS, gland_least=0.5, background_most=0.5))
    assert (gland, background) == pytest.approx((128.5, 127.5))


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60), st.floats(0, 1))
@settings(max_examples=80)
def test_limits_let_enough_pixels_be_sure_unless_their_bounds_forbid_it(values: list[float], share: float):
    probability = np.array(values, np.float32)
    how = replace(LIMITS, sure_share=share)
    limits = SureLimits.of(byte_counts(probability), how)
    assert how.gland_least <= limits.gland_above <= how.gland_above
    assert how.background_below <= limits.background_below <= how.background_most
    steps = np.rint(probability * 255)
    below = steps[steps < 128]
    if limits.background_below < how.background_most and below.size:
        assert (below < limits.background_below * 255).mean() >= share - 1e-9


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60))
@settings(max_examples=80)
def test_a_share_of_none_leaves_the_same_pixels_sure_as_fixed_limits(values: list[float]):
    probability = np.array(values, np.float32)
    limits = SureLimits.of(byte_counts(probability), replace(LIMITS, sure_share=0.0))
    gland, background = limits.pixels(probability)
    assert np.array_equal(gland, probability > LIMITS.gland_above)
    assert np.array_equal(background, probability < LIMITS.background_below)


def test_bytes_are_counted_by_their_nearest():
    counts = byte_counts(np.array([[0.0, 0.0019, 0.002, 1.0]], np.float32))
    assert (counts[0], counts[1], counts[255], counts.sum()) == (2, 1, 1, 4)


def test_a_hesitant_network_still_teaches_its_colours():
    """It says 0.65 to 0.72 and 0.12 to 0.18 where another one says 0.9 and 0.01."""
    rgb = stripes(PURPLE, PINK)
    columns = np.linspace(0.0, 1.0, 20, dtype=np.float32)
    hesitant = np.tile(np.concatenate([0.65 + 0.07 * columns, 0.12 + 0.06 * columns]), (40, 1))
    likelihood = by_colour(hesitant, rgb, replace(SHARP, sure_share=0.5))
    assert likelihood is not None
    assert likelihood[:, :20].min() > 0.99
    assert likelihood[:, 20:].max() < 0.01
    assert by_colour(hesitant, rgb, replace(SHARP, sure_share=0.0)) is None


def test_bounds_by_which_one_pixel_would_be_sure_to_be_both_are_refused():
    with pytest.raises(UsageError, match=r"gland_least is 0\.3; expected at least background_most, 0\.4"):
        RefinementSettings(gland_least=0.3, background_most=0.4)
