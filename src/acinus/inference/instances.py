"""From probability to instances: fill what glands enclose, drop specks, part glands that touch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
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
    parting_um: float = 10.0


def gland_mask(probability: ProbabilityMap, settings: InstanceSettings, *, mpp: float) -> BoolMask:
    """Return the cleaned mask of all glands, (H, W) bool."""
    mask = probability >= settings.threshold
    holes = ~mask & ndimage.binary_fill_holes(mask)
    mask = mask | _components_of(holes, 0.0, um2_to_px(settings.max_hole_um2, mpp=mpp))
    return _components_of(mask, um2_to_px(settings.min_area_um2, mpp=mpp), np.inf)


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


def _summits(depth: NDArray[np.float32], height: float) -> LabelMap:
    """Number the h-maxima of `depth`: the regional maxima of its grey reconstruction from `height` below.

    Everything here steps over edges, never over corners, as the flooding does: a gland that meets another at
    a corner only needs a summit of its own.
    """
    lowered = reconstruction(
        np.maximum(depth - height, 0.0),
        depth,
        method="dilation",
        footprint=ndimage.generate_binary_structure(2, 1),
    )
    tops = local_maxima(lowered, connectivity=1) & (lowered > 0)
    # A gland that nowhere rises by `height` (a thin one) is its own summit.
    components, count = ndimage.label(depth > 0)
    has_top = np.zeros(count + 1, dtype=bool)
    has_top[np.unique(components[tops])] = True
    tops |= ~has_top[components] & (depth > 0)
    numbered, _ = ndimage.label(tops)
    return np.asarray(numbered, dtype=np.int32)


def _components_of(mask: BoolMask, low_px: float, high_px: float) -> BoolMask:
    """Return the components whose area lies in `low_px` to `high_px`, both included."""
    components, _ = ndimage.label(mask)
    sizes = np.bincount(components.ravel(), minlength=1)
    kept = (low_px <= sizes) & (sizes <= high_px)
    kept[0] = False
    return np.asarray(kept[components], dtype=bool)


def _without_fragments(labels: LabelMap, area_px: float) -> LabelMap:
    """Drop parts that parting made smaller than a gland, and renumber without gaps."""
    sizes = np.bincount(labels.ravel())
    kept = sizes >= area_px
    kept[0] = False
    numbers = np.zeros(len(sizes), dtype=np.int32)
    numbers[kept] = np.arange(1, int(kept.sum()) + 1)
    return np.asarray(numbers[labels], dtype=np.int32)
