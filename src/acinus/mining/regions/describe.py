"""What a candidate region shows, in a few cheap numbers: rings, sharpness, appearance. No label enters."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from acinus.core.colour import mean_of_channels, optical_density
from acinus.core.image import RgbImage
from acinus.data.resample import image_at_mpp
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.morphology import blur
from acinus.slides.focus import FOCUS_MPP, sharpness
from acinus.slides.tissue import tissue_mask

__all__ = ["DESCRIBED_MPP", "Description", "describe_region"]

DESCRIBED_MPP = FOCUS_MPP
"""µm per pixel at which a candidate is read."""

_RINGS_MPP = 2.5  # half the pixels of stage 1 each way: rings are counted, not outlined
_RINGS = ClosedShapes(thresholds=6)
_SCALES_UM = (5.0, 20.0)  # texture finer than nuclei, and finer than glands


@dataclass(frozen=True)
class Description:
    """What one candidate shows.

    Attributes
    ----------
    rings : int
        Closed shapes that look like glands.
    ring_share : float
        Share of the tissue that they cover, 0..1.
    focus : float
        Sharpness of the tissue, see `acinus.slides.focus.sharpness`.
    tissue : float
        Share of the region that is tissue, 0..1.
    look : tuple of 8 floats
        Mean optical density of the tissue in red, green and blue, their standard deviations, and the
        standard deviation of its texture at two scales: what regions are told apart by.
    """

    rings: int
    ring_share: float
    focus: float
    tissue: float
    look: tuple[float, ...]


def describe_region(image: RgbImage) -> Description:
    """Describe a region read at `DESCRIBED_MPP`; one without tissue has 0 throughout."""
    tissue = tissue_mask(image.rgb, mpp=image.mpp)
    if not tissue.any():
        return Description(rings=0, ring_share=0.0, focus=0.0, tissue=0.0, look=(0.0,) * 8)
    density = optical_density(image.rgb)
    mean = mean_of_channels(density)
    stained = density[tissue]
    texture = [float((mean - blur(mean, scale, mpp=image.mpp))[tissue].std()) for scale in _SCALES_UM]
    coarse = image_at_mpp(image, _RINGS_MPP)
    found = _RINGS(coarse, np.zeros(coarse.shape, dtype=np.uint8)).glands
    glands = np.zeros(coarse.shape, dtype=np.int32) if found is None else found
    height, width = coarse.shape
    under = cv2.resize(tissue.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA) > 0
    return Description(
        rings=int(glands.max(initial=0)),
        ring_share=min(1.0, float(np.count_nonzero(glands)) / max(1, int(under.sum()))),
        focus=sharpness(mean, tissue),
        tissue=float(tissue.mean()),
        look=(*stained.mean(axis=0).tolist(), *stained.std(axis=0).tolist(), *texture),
    )
