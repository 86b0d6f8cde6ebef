"""Split glands that touch where the network draws a border: the depth dips along the whole line between them.

The outline alone cannot tell two crypts side by side, which must be split, from one lobed malignant gland,
which must not. The depth (taught by stage 2, see `acinus.grouping.targets`) can: between two glands it falls
along the whole line that would part them, in a bend of one gland only at its ends. Ours; regions are merged
over a region adjacency graph, by the evidence along their borders.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask, LabelMap
from acinus.core.units import um2_to_px, um_to_px
from acinus.inference.splitting import distance_inside, watershed_regions

__all__ = ["split_by_depth"]

_SMOOTHING_UM = 2.0  # of the depth before it is flooded
_PER_UM = 0.02  # by how much the distance to the background raises what is flooded: level ground drains to it
_LEAST_RISE = 0.1  # summits that rise less are bends from the start
_INNER = 0.8  # quantile of a region's depth that stands for its inside
_ALONG = 0.9  # quantile of the depth along a border that stands for its most passable place
_LEVELS = 256  # of the depth


def split_by_depth(
    mask: BoolMask, depth: NDArray[np.uint8], *, mpp: float, least_dip: float, min_area_um2: float
) -> LabelMap:
    """Return one number per gland of a mask that is one connected component, (H, W) int32, 1..N on the mask.

    Parameters
    ----------
    mask : (H, W) bool
        One component, connected over edges; what lies outside of the array counts as background.
    depth : (H, W) uint8
        How deep inside its gland a pixel lies, × 255.
    mpp : float
        µm per pixel of both.
    least_dip : float
        Two regions are two glands if the depth along the line between them, but for a tenth of it, lies by
        more than this below the inside of either; 0..1.
    min_area_um2 : float
        Regions below this size are no glands of their own: they join the neighbour they dip least against.

    Notes
    -----
    The depth is flooded by watershed; then regions are merged, always the two with the least dip between
    them, until every dip that is left exceeds `least_dip`. All that decides are counts of bytes, so that the
    result depends on nothing but the two arrays.
    """
    regions = _flooded(mask, depth, mpp=mpp)
    if int(regions.max(initial=0)) < 2:
        return regions
    graph = _Graph.of(regions, depth, least_area_px=um2_to_px(min_area_um2, mpp=mpp))
    graph.merge(limit=least_dip * (_LEVELS - 1))
    return graph.numbers()[regions]


def _flooded(mask: BoolMask, depth: NDArray[np.uint8], *, mpp: float) -> LabelMap:
    """Return the regions that rise to summits of the depth, (H, W) int32 from 1."""
    smooth = cv2.GaussianBlur(depth.astype(np.float32) / 255.0, (0, 0), um_to_px(_SMOOTHING_UM, mpp=mpp))
    height = smooth + np.float32(_PER_UM * mpp) * distance_inside(mask)
    height = np.where(mask, np.maximum(height, np.float32(1e-3)), np.float32(0.0))
    return watershed_regions(height.astype(np.float32), mask, least_rise=_LEAST_RISE)


@dataclass
class _Graph:
    """Regions and the borders between them, as counts of the depth's 256 values.

    Attributes
    ----------
    inside : (N + 1, 256) int64
        Of each region's pixels.
    borders : list of dict
        For each region its neighbours, with the counts along the border, one for each pair of pixels that
        face each other: the lesser of their depths.
    inner : list of int
        The depth that stands for the inside of each region.
    into : (N + 1,) int64
        The region that a region was merged into, itself while it stands.
    """

    inside: NDArray[np.int64]
    borders: list[dict[int, NDArray[np.int64]]]
    inner: list[int]
    into: NDArray[np.int64]
    least_area_px: float

    @classmethod
    def of(cls, regions: LabelMap, depth: NDArray[np.uint8], *, least_area_px: float) -> _Graph:
        count = int(regions.max())
        inside = np.bincount(
            regions.ravel().astype(np.int64) * _LEVELS + depth.ravel(), minlength=(count + 1) * _LEVELS
        ).reshape(count + 1, _LEVELS)
        pairs, along = _facing(regions, depth)
        codes, which = np.unique(pairs, return_inverse=True)
        counts = np.bincount(which * _LEVELS + along, minlength=len(codes) * _LEVELS)
        borders: list[dict[int, NDArray[np.int64]]] = [{} for _ in range(count + 1)]
        for code, border in zip(codes.tolist(), counts.reshape(-1, _LEVELS), strict=True):
            first, second = divmod(code, count + 1)
            borders[first][second] = borders[second][first] = border
        inner = [_quantile(row, _INNER) for row in inside]
        return cls(inside, borders, inner, np.arange(count + 1), least_area_px)

    def dip(self, first: int, second: int) -> int:
        """Return by how much the border lies below the insides, less than any dip where one is too small."""
        dip = min(self.inner[first], self.inner[second]) - _quantile(self.borders[first][second], _ALONG)
        small = min(self.inside[first].sum(), self.inside[second].sum()) < self.least_area_px
        return dip - 2 * _LEVELS if small else dip

    def merge(self, *, limit: float) -> None:
        """Merge the two regions of the least dip, then again, until the least is above `limit`."""
        waiting = [
            (self.dip(first, second), first, second)
            for first, neighbours in enumerate(self.borders)
            for second in neighbours
            if first < second
        ]
        heapq.heapify(waiting)
        while waiting and waiting[0][0] <= limit:
            dip, first, second = heapq.heappop(waiting)
            # What a merger changed was put in again; the old entry is out of date.
            if second in self.borders[first] and self.dip(first, second) == dip:
                self._join(first, second)
                for other in self.borders[first]:
                    low, high = sorted((first, other))
                    heapq.heappush(waiting, (self.dip(low, high), low, high))

    def _join(self, kept: int, gone: int) -> None:
        self.into[gone] = kept
        self.inside[kept] += self.inside[gone]
        self.inner[kept] = _quantile(self.inside[kept], _INNER)
        del self.borders[kept][gone]
        for other, border in self.borders[gone].items():
            if other != kept:
                del self.borders[other][gone]
                joined = self.borders[kept].get(other, 0) + border
                self.borders[kept][other] = self.borders[other][kept] = joined
        self.borders[gone] = {}

    def numbers(self) -> NDArray[np.int32]:
        """Return the number of the gland that each region belongs to, (N + 1,) of 0..M without gaps."""
        roots = self.into.copy()
        while (roots != roots[roots]).any():
            roots = roots[roots]
        return np.unique(roots, return_inverse=True)[1].astype(np.int32)


def _facing(regions: LabelMap, depth: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return for pixels of two regions side by side the pair, lesser × (N + 1) + greater, and their depth."""
    base = int(regions.max()) + 1
    pairs, depths = [], []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        a, b = regions[here].astype(np.int64), regions[there].astype(np.int64)
        meet = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.minimum(a[meet], b[meet]) * base + np.maximum(a[meet], b[meet]))
        depths.append(np.minimum(depth[here][meet], depth[there][meet]))
    return np.concatenate(pairs), np.concatenate(depths)


def _quantile(counts: NDArray[np.int64], share: float) -> int:
    """Return the least value up to which at least this share of what was counted lies."""
    sums = np.cumsum(counts)
    return int(np.searchsorted(sums, share * sums[-1]))
