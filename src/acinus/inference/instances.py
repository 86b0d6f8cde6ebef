"""From probability to instances: fill what glands enclose, drop specks, split glands that touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask, LabelMap
from acinus.core.limits import Area, Length, Share
from acinus.core.segmenter import ProbabilityMap
from acinus.core.settings import formerly, settings_class
from acinus.core.units import um2_to_px, um_to_px
from acinus.inference.depth_split import split_by_depth
from acinus.inference.splitting import split_touching

__all__ = [
    "Components",
    "InstanceSettings",
    "components_of",
    "gland_mask",
    "label_glands",
    "label_mask",
    "split_component",
    "with_filled_holes",
]


@settings_class
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
    least_dip : float
        Glands that touch are split where the depth that the network tells falls by more than this along the
        line between them; see `acinus.inference.depth_split`.
    neck_depth_um : float
        Where the network tells no depth, they are split where the neck between them is narrower than their
        bodies by this much on each side.
    """

    threshold: Share = 0.5
    min_area_um2: Area = 800.0
    max_hole_um2: Area = 20_000.0
    least_dip: Share = 0.45
    neck_depth_um: Annotated[Length, formerly("parting_um")] = 10.0


@dataclass(frozen=True)
class Components:
    """The connected components of a mask, over edges only.

    Attributes
    ----------
    numbers : (H, W) int32
        0 outside of the mask, 1..N one number per component.
    areas : (N,) int64
        Pixels of each.
    boxes : (N, 4) int64
        Bounding boxes: left, top, right, bottom; right and bottom are the first column and row after it.
    """

    numbers: LabelMap
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def at_edge(self) -> NDArray[np.bool_]:
        """Say of each component whether it touches the array's edge, (N,) bool."""
        height, width = self.numbers.shape
        left, top, right, bottom = self.boxes.T
        return np.asarray((left == 0) | (top == 0) | (right == width) | (bottom == height), dtype=bool)

    def mask_of(self, chosen: NDArray[np.bool_]) -> BoolMask:
        """Return the pixels of the chosen components, `chosen` being (N,) bool."""
        return np.asarray(np.append(False, chosen)[self.numbers], dtype=bool)


def components_of(mask: BoolMask) -> Components:
    """Find the connected components of a mask of any size, (H, W) bool."""
    if mask.size == 0:
        return Components(
            numbers=np.zeros(mask.shape, dtype=np.int32),
            areas=np.zeros(0, dtype=np.int64),
            boxes=np.zeros((0, 4), dtype=np.int64),
        )
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    left, top, width, height, area = stats[1:].astype(np.int64).T
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    return Components(numbers=np.asarray(numbers, dtype=np.int32), areas=area, boxes=boxes)


def with_filled_holes(mask: BoolMask, *, max_hole_px: float) -> BoolMask:
    """Return the mask with its holes of at most `max_hole_px` pixels; background at the edge is no hole."""
    background = components_of(~mask)
    holes = (background.areas <= max_hole_px) & ~background.at_edge()
    return mask | background.mask_of(holes) if holes.any() else mask


def gland_mask(probability: ProbabilityMap, settings: InstanceSettings, *, mpp: float) -> BoolMask:
    """Return the cleaned mask of all glands, (H, W) bool."""
    mask = with_filled_holes(
        probability >= settings.threshold, max_hole_px=um2_to_px(settings.max_hole_um2, mpp=mpp)
    )
    components = components_of(mask)
    return components.mask_of(components.areas >= um2_to_px(settings.min_area_um2, mpp=mpp))


def label_glands(
    probability: ProbabilityMap,
    settings: InstanceSettings,
    *,
    mpp: float,
    depth: NDArray[np.uint8] | None = None,
) -> LabelMap:
    """Return one number per gland, (H, W) int32, 0 background, 1..N without gaps.

    Parameters
    ----------
    probability : (H, W) float32
    mpp : float
        µm per pixel of `probability`.
    depth : (H, W) uint8, optional
        How deep inside its gland a pixel lies, × 255, by which glands that touch are split.
    """
    return label_mask(gland_mask(probability, settings, mpp=mpp), settings, mpp=mpp, depth=depth)


def label_mask(
    mask: BoolMask, settings: InstanceSettings, *, mpp: float, depth: NDArray[np.uint8] | None = None
) -> LabelMap:
    """Split each connected component of a cleaned mask and number all glands, (H, W) int32, 1..N."""
    components = components_of(mask)
    labels = np.zeros(mask.shape, dtype=np.int32)
    count = 0
    for number, (left, top, right, bottom) in enumerate(components.boxes.tolist(), start=1):
        box = np.s_[top:bottom, left:right]
        component = components.numbers[box] == number
        inside = None if depth is None else depth[box]
        parts = split_component(component, settings, mpp=mpp, depth=inside)
        np.add(parts, count, out=labels[box], where=parts > 0)
        count += int(parts.max())
    return labels


def split_component(
    mask: BoolMask, settings: InstanceSettings, *, mpp: float, depth: NDArray[np.uint8] | None = None
) -> LabelMap:
    """Split one connected component into the glands that touch in it.

    Parameters
    ----------
    mask : (H, W) bool
        Connected over edges, within its bounding box or with background around it.
    depth : (H, W) uint8, optional
        As of `label_glands`; without it the outline decides.

    Returns
    -------
    (H, W) int32
        1..N without gaps, 0 elsewhere: also where the split left less than a gland.
    """
    if depth is None:
        labels = split_touching(mask, neck_depth_px=um_to_px(settings.neck_depth_um, mpp=mpp))
    else:
        labels = split_by_depth(
            mask, depth, mpp=mpp, least_dip=settings.least_dip, min_area_um2=settings.min_area_um2
        )
    sizes = np.bincount(labels.ravel())
    kept = sizes >= um2_to_px(settings.min_area_um2, mpp=mpp)
    kept[0] = False
    if kept[1:].all():
        return labels
    return np.asarray(np.where(kept, np.cumsum(kept), 0).astype(np.int32)[labels])
