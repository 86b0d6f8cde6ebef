"""How a network's maps are read, for those that teach the next round what is read: colours, then glands."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask, LabelMap, RgbArray
from acinus.core.segmenter import ProbabilityMap, to_bytes
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.inference.refinement import RefinementSettings, refined

__all__ = ["ImageReading"]


@dataclass(frozen=True)
class ImageReading:
    """Reads maps of an image in memory as `acinus.inference.segmentation.segment_image` does.

    Attributes
    ----------
    refinement : RefinementSettings
    instances : InstanceSettings
    """

    refinement: RefinementSettings
    instances: InstanceSettings

    def refine(self, rgb: RgbArray, probability: ProbabilityMap, *, mpp: float) -> ProbabilityMap:
        """Return the probability after what the image's own colours say, (H, W) float32."""
        return refined(probability, rgb, self.refinement, mpp=mpp).probability

    def split(
        self,
        mask: BoolMask,
        depth: NDArray[np.float32],
        *,
        mpp: float,
        least_dip: float,
        max_hole_um2: float,
        min_area_um2: float,
    ) -> LabelMap:
        """Return the glands of a mask with holes filled and specks dropped, (H, W) int32, 1..N."""
        settings = replace(
            self.instances, least_dip=least_dip, max_hole_um2=max_hole_um2, min_area_um2=min_area_um2
        )
        return label_glands(mask.astype(np.float32), settings, mpp=mpp, depth=to_bytes(depth))
