"""One image in memory, from a segmenter to numbered glands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from acinus.core.image import RgbImage
from acinus.core.segmenter import GlandMaps, ProbabilityMap
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.inference.refinement import RefinedSegmenter, RefinementSettings
from acinus.inference.segmentation import segment_image

TISSUE, GLAND, WHITE = (235, 180, 215), (120, 60, 150), (245, 245, 245)


@dataclass
class SeesWalls:
    """Finds what is as dark as `GLAND`, and that black lines part it."""

    mpp: float = 2.0

    def probability(self, image: RgbImage) -> ProbabilityMap:
        return self.gland_maps(image).probability

    def gland_maps(self, image: RgbImage) -> GlandMaps:
        gland = image.rgb[..., 1] < 120
        wall = image.rgb[..., 1] == 0
        return GlandMaps(np.where(gland, 0.9, 0.1).astype(np.float32), (gland & ~wall).astype(np.float32))


@dataclass
class SeesPurple:
    """Finds what is as dark as `GLAND`, and counts how often it is asked."""

    mpp: float = 2.0
    asked: list[str] = field(default_factory=list)

    def probability(self, image: RgbImage) -> ProbabilityMap:
        self.asked.append(image.name)
        return np.where(image.rgb[..., 1] < 120, 0.9, 0.1).astype(np.float32)


def picture() -> RgbImage:
    rgb = np.full((150, 200, 3), TISSUE, np.uint8)
    rgb[20:60, 20:70] = rgb[80:130, 100:180] = GLAND
    return RgbImage(rgb, mpp=2.0, name="two")


@pytest.mark.parametrize("colour", [WHITE, (0, 0, 0), TISSUE])
def test_an_image_of_one_colour_has_no_gland_and_no_method_is_asked(colour: tuple[int, int, int]):
    segmenter = SeesPurple()
    found = segment_image(RgbImage(np.full((40, 50, 3), colour, np.uint8), mpp=2.0), segmenter, SETTINGS)
    assert segmenter.asked == []
    assert (found.gland_count, found.probability.max(), found.labels.shape) == (0, 0.0, (40, 50))


SETTINGS = InstanceSettings()


def test_glands_probability_and_certainty_are_those_of_the_method():
    found = segment_image(picture(), SeesPurple(), SETTINGS)
    assert found.gland_count == 2
    assert np.unique(found.labels[20:60, 20:70]).tolist() == [1]
    assert np.unique(found.labels[80:130, 100:180]).tolist() == [2]
    assert found.certainty == pytest.approx(np.full((150, 200), 0.8))
    assert found.quality == pytest.approx(0.8)
    assert found.tissue.all()


def test_a_refined_method_gives_its_own_certainty():
    segmenter = RefinedSegmenter(SeesPurple(), RefinementSettings(background_below=0.2, smoothing_um=0.0))
    found = segment_image(picture(), segmenter, SETTINGS)
    # The colours are certain, 0 or 1, and differ from 0.1 and 0.9 by 0.1: 0.8 − 0.1.
    assert found.certainty == pytest.approx(np.full((150, 200), 0.7), abs=0.01)
    assert found.probability[40, 40] == pytest.approx(0.4 * 0.9 + 0.6, abs=0.01)
    assert found.probability[5, 5] == pytest.approx(0.4 * 0.1, abs=0.01)


def test_labels_are_made_at_the_image_s_own_resolution():
    image = picture()
    found = segment_image(image, SeesPurple(), InstanceSettings(min_area_um2=9_000.0))
    assert found.gland_count == 1  # 40 × 50 px are 8,000 µm², 50 × 80 px 16,000
    again = label_glands(found.probability, InstanceSettings(min_area_um2=9_000.0), mpp=image.mpp)
    assert np.array_equal(found.labels, again)


@pytest.mark.parametrize("refine", [False, True])
def test_glands_are_split_where_the_depth_dips(refine: bool):
    image = picture()
    image.rgb[80:130, 138:141] = 0
    segmenter = SeesWalls()
    how = RefinementSettings(colour_weight=0.0, tissue_only=False)
    found = segment_image(image, RefinedSegmenter(segmenter, how) if refine else segmenter, SETTINGS)
    assert found.gland_count == 3
    assert found.labels[100, 110] != found.labels[100, 170]
    assert segment_image(image, SeesPurple(), SETTINGS).gland_count == 2  # by the outline alone
