"""The training images' stain, which a report compares others with: that of tissue, not of glass."""

from __future__ import annotations

import numpy as np

from acinus.core.colour import optical_density
from acinus.core.image import RgbImage
from acinus.data.stain import mixed_stain, stain_of

EOSIN, PALE, GLASS = (225, 150, 190), (236, 200, 225), (243, 243, 244)


def image(left: tuple[int, int, int], right: tuple[int, int, int]) -> RgbImage:
    rgb = np.empty((200, 400, 3), np.uint8)
    rgb[:, :200], rgb[:, 200:] = left, right
    return RgbImage(rgb=rgb, mpp=2.0)


def density(colour: tuple[int, int, int]) -> np.ndarray:
    return optical_density(np.array([[colour]], np.uint8))[0, 0]


def test_glass_beside_the_tissue_does_not_count():
    stain = stain_of([image(EOSIN, GLASS)])
    np.testing.assert_allclose(stain["mean_od"], density(EOSIN), atol=0.03)
    assert max(stain["std_od"]) == 0


def test_each_image_with_tissue_counts_once_and_those_without_not_at_all():
    stain = stain_of([image(EOSIN, EOSIN), image(PALE, GLASS), image(GLASS, GLASS)])
    np.testing.assert_allclose(stain["mean_od"], (density(EOSIN) + density(PALE)) / 2, atol=0.03)
    np.testing.assert_allclose(stain["std_od"], np.abs(density(EOSIN) - density(PALE)) / 2, atol=0.03)


def test_where_no_image_has_tissue_all_pixels_count():
    np.testing.assert_allclose(stain_of([image(GLASS, GLASS)])["mean_od"], density(GLASS), rtol=1e-5)


def test_a_mixture_knows_both_sets_of_images_alike_however_many_each_has():
    one, other = stain_of([image(EOSIN, EOSIN)] * 3), stain_of([image(PALE, PALE)])
    mixed = mixed_stain(one, other)
    both = stain_of([image(EOSIN, EOSIN), image(PALE, PALE)])
    for name in ("mean_od", "std_od"):
        np.testing.assert_allclose(mixed[name], both[name], atol=1e-6)
    assert mixed["kinds"] == {"he": 1.0}
    np.testing.assert_allclose(mixed["look"]["mean"], both["look"]["mean"])
    np.testing.assert_allclose(mixed["look"]["covariance"], both["look"]["covariance"], atol=1e-12)


def test_what_a_model_of_an_earlier_version_does_not_tell_is_not_known_of_both():
    mixed = mixed_stain({"mean_od": [0.1, 0.2, 0.3], "std_od": [0.0] * 3}, stain_of([image(EOSIN, GLASS)]))
    assert "kinds" not in mixed
    assert mixed["look"] is None
