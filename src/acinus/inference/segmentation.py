"""The result of segmenting one image."""

from __future__ import annotations

from dataclasses import dataclass

from acinus.core.image import LabelMap, RgbImage
from acinus.core.segmenter import ProbabilityMap, Segmenter
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.inference.windows import probability_in_windows

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
    """

    image: RgbImage
    labels: LabelMap
    probability: ProbabilityMap

    @property
    def gland_count(self) -> int:
        """Number of glands."""
        return int(self.labels.max(initial=0))


def segment_image(image: RgbImage, segmenter: Segmenter, settings: InstanceSettings) -> Segmentation:
    """Return the glands of one image in memory."""
    probability = probability_in_windows(image, segmenter)
    return Segmentation(
        image=image,
        labels=label_glands(probability, settings, mpp=image.mpp),
        probability=probability,
    )
