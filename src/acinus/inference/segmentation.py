"""The result of segmenting one image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import is_one_colour
from acinus.core.image import BoolMask, LabelMap, RgbImage
from acinus.core.segmenter import ProbabilityMap, Segmenter, to_bytes
from acinus.inference.confidence import Confidence, certainty
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.inference.refinement import Refined, RefinedSegmenter
from acinus.inference.windows import maps_in_windows
from acinus.slides.tissue import tissue_mask

__all__ = ["Segmentation", "segment_image"]


@dataclass(frozen=True)
class Segmentation:
    """Glands of one image.

    Attributes
    ----------
    image : RgbImage
        What was segmented.
    labels : (H, W) int32
        0 background, 1..N one number per gland, at the image's size.
    probability : (H, W) float32
        P(gland), at the image's size.
    certainty : (H, W) float32
        0..1, at the image's size; see `acinus.inference.confidence.certainty`.
    within : (H, W) bool, optional
        What was of interest; by default all of the image.
    """

    image: RgbImage
    labels: LabelMap
    probability: ProbabilityMap
    certainty: NDArray[np.float32]
    within: BoolMask | None = None

    @classmethod
    def without_glands(cls, image: RgbImage) -> Self:
        """Return that of an image that is not segmented: no gland, certain of nothing."""
        nothing = np.zeros(image.shape, dtype=np.float32)
        return cls(image, np.zeros(image.shape, dtype=np.int32), nothing, nothing)

    @property
    def gland_count(self) -> int:
        """Number of glands."""
        return int(self.labels.max(initial=0))

    @property
    def quality(self) -> float | None:
        """Label-free estimate of how far to trust this, 0..1; None without tissue. See `Confidence`."""
        return Confidence.of(self.certainty, self.tissue).mean

    @cached_property
    def tissue(self) -> BoolMask:
        """Where tissue of interest lies, (H, W) bool."""
        tissue = tissue_mask(self.image.rgb, mpp=self.image.mpp)
        return tissue if self.within is None else tissue & self.within


def segment_image(
    image: RgbImage, segmenter: Segmenter, settings: InstanceSettings, *, within: BoolMask | None = None
) -> Segmentation:
    """Return the glands of one image in memory.

    An image of one colour (bare background, a black frame) has none, whatever a network that never saw such
    an image would answer: its probability is 0.

    Parameters
    ----------
    image : RgbImage
    segmenter : Segmenter
    settings : InstanceSettings
    within : (H, W) bool, optional
        What lies outside is neither gland nor tissue.
    """
    if is_one_colour(image.rgb):
        nothing = np.zeros(image.shape, dtype=np.float32)
        result = Refined(nothing, certainty(nothing, None))
    elif isinstance(segmenter, RefinedSegmenter):
        result = segmenter.refine(image)
    else:
        alone = maps_in_windows(image, segmenter)
        result = Refined(alone.probability, certainty(alone.probability, None), alone.depth)
    depth = None if result.depth is None else to_bytes(result.depth)
    probability = result.probability if within is None else result.probability * within
    return Segmentation(
        image=image,
        labels=label_glands(probability, settings, mpp=image.mpp, depth=depth),
        probability=probability,
        certainty=result.certainty,
        within=within,
    )
