"""An image unlike those of the fit is said to be so, and so are outlines that no ring supports."""

from __future__ import annotations

import math

import numpy as np
import pytest

from acinus.core.image import RgbImage
from acinus.data.look import Looks
from acinus.data.stain import stain_of
from acinus.data.synthetic import synthetic_tile
from acinus.mining.closed_shapes import ClosedShapes
from acinus.pipeline import familiarity
from acinus.pipeline.familiarity import Familiarity, Field, Rings, foreign_stain, judged

DAB = (130, 80, 40)


@pytest.fixture(scope="module")
def tiles():
    return [synthetic_tile(seed=seed, height_px=384, width_px=384) for seed in range(4)]


@pytest.fixture(scope="module")
def stain(tiles):
    return stain_of([tile.image for tile in tiles])


def grey(image: RgbImage) -> RgbImage:
    return RgbImage(np.repeat(image.rgb.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2), image.mpp)


def test_true_glands_of_familiar_images_are_supported(tiles, stain):
    found = judged([Field(tile.image, tile.labels > 0) for tile in tiles], stain=stain, rings=Rings())
    assert found.unfamiliar == {}
    assert found.support > 0.3


def test_what_is_called_gland_beside_all_rings_is_unfamiliar(tiles, stain):
    found = judged([Field(t.image, t.labels == 0) for t in tiles], stain=stain, rings=Rings())
    assert list(found.unfamiliar) == ["rings"]
    assert found.support < 0.15
    assert f"share {math.floor(100 * found.support)} % of their area" in found.unfamiliar["rings"]


def test_a_support_that_misses_the_limit_by_a_hair_is_not_rounded_to_it(tiles, stain, monkeypatch):
    fields = [Field(t.image, t.labels == 0) for t in tiles]
    support = judged(fields, stain=stain, rings=Rings()).support
    limit = (math.floor(100 * support) + 1) / 100
    monkeypatch.setattr(familiarity, "_LEAST_SUPPORT", limit)
    reason = judged(fields, stain=stain, rings=Rings()).unfamiliar["rings"]
    assert f"share {100 * limit - 1:.0f} % of their area, expected {100 * limit:.0f} % or more" in reason


def test_next_to_no_gland_needs_no_support(tiles, stain):
    few = np.zeros(tiles[0].labels.shape, bool)
    few[:40, :40] = True  # 1 % of the picture
    assert judged([Field(tiles[0].image, few)], stain=stain, rings=Rings()).unfamiliar == {}


def test_support_is_intersection_over_union_of_all_fields_together(tiles, stain):
    shapes = ClosedShapes()

    def rings(image: RgbImage) -> np.ndarray:
        glands = shapes(image, np.zeros(image.shape, np.uint8)).glands
        assert glands is not None
        return glands > 0

    coarse = [RgbImage(np.ascontiguousarray(t.image.rgb[::4, ::4]), 2.5) for t in tiles[:2]]
    said = [rings(coarse[0]), np.ones(coarse[1].shape, bool)]
    [first, second] = [rings(image) for image in coarse]
    expected = (first.sum() + second.sum()) / (first.sum() + second.size)
    found = judged(map(Field, coarse, said), stain={}, rings=Rings(shapes))
    assert found.support == pytest.approx(expected)


def test_a_picture_in_which_there_is_nothing_is_familiar(stain):
    blank = RgbImage(np.full((100, 100, 3), 243, np.uint8), 2.0)
    nothing = np.zeros((100, 100), bool)
    found = judged([Field(blank, nothing)], stain=stain, rings=Rings())
    assert (found.support, found.unfamiliar) == (1.0, {})
    assert judged([], stain=stain, rings=Rings()) == Familiarity()


def test_other_colours_look_unlike_the_fit_and_the_reason_names_which(tiles, stain):
    image = tiles[0].image
    dark = RgbImage((image.rgb * np.array([0.7, 0.6, 0.9])).astype(np.uint8), image.mpp)
    found = judged([Field(dark, tiles[0].labels > 0)], stain=stain, rings=Rings())
    assert "most in how much red its stain absorbs" in found.unfamiliar["look"]
    before = {key: stain[key] for key in ("mean_od", "std_od")}  # of a model of an earlier version
    again = judged([Field(dark, tiles[0].labels > 0)], stain=before, rings=Rings())
    assert "look" not in again.unfamiliar


def test_what_is_stained_and_yet_no_tissue_is_unfamiliar(tiles, stain):
    green = RgbImage(np.full((100, 100, 3), (120, 200, 120), np.uint8), 2.0)
    found = judged([Field(green, np.zeros((100, 100), bool))], stain=stain, rings=Rings())
    assert found.unfamiliar["look"].startswith("stained, but nothing in it is recognised as tissue")
    assert Looks.from_plain(stain["look"]) is not None


def test_a_kind_of_stain_is_foreign_if_hardly_any_image_of_the_fit_had_it(tiles, stain):
    image = tiles[0].image
    assert foreign_stain(image.rgb, stain, mpp=image.mpp) is None
    found = foreign_stain(grey(image).rgb, stain, mpp=image.mpp)
    assert found is not None
    assert found.unfamiliar["stain"].startswith("black and white, and the model was fitted on H&E: not segm")
    brown = np.full((50, 50, 3), 243, np.uint8)
    brown[10:40, 10:40] = DAB
    for kinds, foreign in (({"he": 96, "brown": 4}, True), ({"he": 95, "brown": 5}, False), ({}, False)):
        assert (foreign_stain(brown, {"kinds": kinds}, mpp=2.0) is not None) is foreign


def test_quality_needs_both_a_certain_network_and_rings():
    assert Familiarity(support=0.25).quality(0.64) == pytest.approx(0.4)
    assert Familiarity(support=0.25).quality(None) is None
