"""From probability to instances: fill what glands enclose, drop specks, part glands that touch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from acinus.core.image import BoolMask, LabelMap
from acinus.core.segmenter import ProbabilityMap
from acinus.core.units import um2_to_px, um_to_px

__all__ = ["InstanceSettings", "gland_mask", "label_glands"]


@dataclass(frozen=True)
class InstanceSettings:
    """How instances are cut out of the probability map (ours).

    Attributes
    ----------
    threshold : float
        Probability from which a pixel is gland.
    min_area_um2 : float
        Smaller glands are dropped: less than a crypt cut across its tip.
    max_hole_um2 : float
        Enclosed areas up to this size belong to the gland: lumina and misread debris.
    parting_um : float
        Touching glands are parted where the neck between them is narrower than their bodies by this much
        on each side.
    """

    threshold: float = 0.5
    min_area_um2: float = 800.0
    max_hole_um2: float = 20_000.0
    parting_um: float = 6.0


def gland_mask(probability: ProbabilityMap, settings: InstanceSettings, *, mpp: float) -> BoolMask:
    """Return the cleaned mask of all glands, (H, W) bool."""
    mask = probability >= settings.threshold
    holes = _no_larger_than(
        ~mask & ndimage.binary_fill_holes(mask), um2_to_px(settings.max_hole_um2, mpp=mpp)
    )
    mask = mask | holes
    specks = _no_larger_than(mask, um2_to_px(settings.min_area_um2, mpp=mpp))
    return np.asarray(mask & ~specks, dtype=bool)


def label_glands(probability: ProbabilityMap, settings: InstanceSettings, *, mpp: float) -> LabelMap:
    """Return one number per gland, (H, W) int32, 0 background, 1..N without gaps.

    Parameters
    ----------
    probability : (H, W) float32
    mpp : float
        µm per pixel of `probability`.

    Notes
    -----
    The distance to the background has one summit per gland; lesser summits, which rise by less than
    `parting_um` above the saddle to a higher one, are bends of the same gland (h-maxima, by grey
    reconstruction: Soille 2003, section 6.3.4). The summits are flooded by watershed.
    """
    mask = gland_mask(probability, settings, mpp=mpp)
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.int32)
    padded = np.pad(mask.astype(np.uint8), 1)  # zero frame: distance_transform needs some background
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    summits = _summits(depth, um_to_px(settings.parting_um, mpp=mpp))
    labels = watershed(-depth, summits, mask=mask)
    return _without_fragments(np.asarray(labels, dtype=np.int32), um2_to_px(settings.min_area_um2, mpp=mpp))


def _summits(depth: np.ndarray[tuple[int, int], np.dtype[np.float32]], height: float) -> LabelMap:
    """Number the h-maxima of `depth`, computed by grey reconstruction."""
    from skimage.morphology import reconstruction

    lowered = reconstruction(np.maximum(depth - height, 0.0), depth, method="dilation")
    tops = (depth - lowered) > 0
    # A plateau that never rises by `height` (a thin gland) keeps its own summit.
    components, count = ndimage.label(depth > 0, structure=np.ones((3, 3)))
    has_top = np.zeros(count + 1, dtype=bool)
    has_top[np.unique(components[tops])] = True
    tops |= ~has_top[components] & (depth > 0)
    numbered, _ = ndimage.label(tops, structure=np.ones((3, 3)))
    return np.asarray(numbered, dtype=np.int32)


def _no_larger_than(mask: BoolMask, area_px: float) -> BoolMask:
    components, _ = ndimage.label(mask)
    sizes = np.bincount(components.ravel())
    small = sizes <= area_px
    small[0] = False
    return np.asarray(small[components], dtype=bool)


def _without_fragments(labels: LabelMap, area_px: float) -> LabelMap:
    """Drop parts that parting made smaller than a gland, and renumber without gaps."""
    sizes = np.bincount(labels.ravel())
    kept = sizes >= area_px
    kept[0] = False
    numbers = np.zeros(len(sizes), dtype=np.int32)
    numbers[kept] = np.arange(1, int(kept.sum()) + 1)
    return np.asarray(numbers[labels], dtype=np.int32)
