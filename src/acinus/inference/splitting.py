"""Split glands that touch: one gland for each summit of the distance to the background."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from acinus.core.image import BoolMask, LabelMap

__all__ = ["distance_inside", "split_touching", "watershed_regions"]

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)


def split_touching(mask: BoolMask, *, neck_depth_px: float) -> LabelMap:
    """Return one number per gland of a mask that is one connected component, (H, W) int32, 1..N on the mask.

    Parameters
    ----------
    mask : (H, W) bool
        One component, connected over edges; what lies outside of the array counts as background.
    neck_depth_px : float
        A summit of the distance to the background is a gland of its own if it rises by more than this above
        the saddle to a higher one. Lesser summits are bends of the same gland.

    Notes
    -----
    Every regional maximum of the distance is flooded by watershed, then basins are joined over their saddles,
    highest saddle first, where the lesser of the two summits rises by no more than `neck_depth_px`: what
    remains are the maxima whose dynamics exceed `neck_depth_px` (Grimaud 1992, "A new measure of contrast:
    the dynamics"), which are the h-maxima (Soille 2003, section 6.3.4). Everything steps over edges, never
    over corners.

    The result depends on the component alone, not on where in an image it lies.
    """
    depth = distance_inside(mask)
    if _has_one_summit(depth, neck_depth_px):
        return mask.astype(np.int32)
    return watershed_regions(depth, mask, least_rise=neck_depth_px)


def watershed_regions(height: NDArray[np.float32], mask: BoolMask, *, least_rise: float) -> LabelMap:
    """Return the regions of a mask whose summits rise by more than `least_rise`, (H, W) int32 from 1.

    Parameters
    ----------
    height : (H, W) float32
        Above 0 on the mask, 0 elsewhere.
    """
    basins, summits = _basins(height, mask)
    return _joined(basins, summits, height, least_rise)


def distance_inside(mask: BoolMask) -> NDArray[np.float32]:
    """Return the distance to the background in pixels, (H, W) float32."""
    framed = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.ascontiguousarray(depth, dtype=np.float32)


def _maxima(depth: NDArray[np.float32]) -> BoolMask:
    """Return pixels with no higher neighbour: regional maxima, and level ground beside a slope."""
    return np.asarray((depth == cv2.dilate(depth, _CROSS)) & (depth > 0))


def _has_one_summit(depth: NDArray[np.float32], neck_depth_px: float) -> bool:
    """Say whether it is certain, without flooding, that one gland remains: so it is for most components."""
    peak = depth.max()
    if peak <= neck_depth_px:
        return True
    # Summits that are reached from the peak without stepping deeper than `neck_depth_px` below it are bends.
    plateaus = cv2.connectedComponents((depth >= peak - neck_depth_px).view(np.uint8), connectivity=4)[1]
    around_peak = plateaus == plateaus.flat[depth.argmax()]
    return not (_maxima(depth) & (depth > neck_depth_px) & ~around_peak).any()


def _basins(depth: NDArray[np.float32], mask: BoolMask) -> tuple[LabelMap, NDArray[np.float32]]:
    """Return the watershed basins of all maxima, (H, W) int32 from 1, and the depth of each one's summit."""
    maxima = _maxima(depth)
    count, marks = cv2.connectedComponents(maxima.view(np.uint8), connectivity=4)
    summits = np.zeros(count, dtype=np.float32)
    summits[marks[maxima]] = depth[maxima]  # all pixels of a maximum are equally deep
    return np.asarray(watershed(-depth, marks, mask=mask), dtype=np.int32), summits


def _joined(
    basins: LabelMap, summits: NDArray[np.float32], depth: NDArray[np.float32], neck_depth_px: float
) -> LabelMap:
    """Join basins over saddles, highest first, where the lesser summit rises by at most `neck_depth_px`."""
    height = np.float32(neck_depth_px)
    parent = list(range(len(summits)))

    def root(basin: int) -> int:
        while parent[basin] != basin:
            parent[basin] = basin = parent[parent[basin]]
        return basin

    for first, second, saddle in _saddles(basins, depth):
        higher, lesser = root(first), root(second)
        if summits[higher] < summits[lesser]:
            higher, lesser = lesser, higher
        if summits[lesser] - height <= saddle:
            parent[lesser] = higher
    roots = np.array([root(basin) for basin in parent])
    return np.unique(roots, return_inverse=True)[1].astype(np.int32)[basins]


def _saddles(basins: LabelMap, depth: NDArray[np.float32]) -> Iterator[tuple[int, int, np.float32]]:
    """Yield pairs of basins that meet and the greatest depth where they do, deepest first."""
    firsts, seconds, depths = [], [], []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        a, b = basins[here], basins[there]
        meet = np.nonzero((a != b) & (a > 0) & (b > 0))
        firsts.append(np.minimum(a[meet], b[meet]))
        seconds.append(np.maximum(a[meet], b[meet]))
        depths.append(np.minimum(depth[here][meet], depth[there][meet]))
    first, second, saddle = np.concatenate(firsts), np.concatenate(seconds), np.concatenate(depths)
    by_pair = np.lexsort((-saddle, second, first))
    first, second, saddle = first[by_pair], second[by_pair], saddle[by_pair]
    deepest = np.ones(len(first), dtype=bool)  # the first of each pair
    deepest[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    first, second, saddle = first[deepest], second[deepest], saddle[deepest]
    downwards = np.argsort(-saddle, kind="stable")
    yield from zip(first[downwards].tolist(), second[downwards].tolist(), saddle[downwards], strict=True)
