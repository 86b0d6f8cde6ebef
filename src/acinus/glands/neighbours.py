"""Who stands next to whom: distances between glands and how many are near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from acinus.glands.polygons import Outline

__all__ = ["OutlineSource", "OutlinesInMemory", "gaps_and_neighbours", "nearest_centroids"]

_BATCH = 1000  # outlines whose surroundings are looked at together
_SLACK = 1.0 + 1e-9  # boxes and outlines round differently


class OutlineSource(Protocol):
    """Outlines by number, in memory or on disk; the bounding boxes of all are at hand."""

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Left, top, right and bottom of each outline, shape (N, 4)."""
        ...

    def read(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return the outlines of these numbers, counted from 0, as an object array."""
        ...


class OutlinesInMemory:
    """An `OutlineSource` over a list."""

    def __init__(self, outlines: Sequence[Outline]) -> None:
        self._outlines = np.empty(len(outlines), dtype=object)
        self._outlines[:] = outlines
        self.bounds: NDArray[np.float64] = shapely.bounds(self._outlines).reshape(-1, 4)

    def read(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return the outlines of these numbers."""
        return self._outlines[numbers]


def nearest_centroids(centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each centroid's distance to the nearest other one; NaN for a single gland.

    Parameters
    ----------
    centroids : ndarray of shape (N, 2)
        In any unit.

    Returns
    -------
    ndarray of shape (N,)
        In the unit of the centroids.

    Examples
    --------
    >>> nearest_centroids(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])).tolist()
    [5.0, 1.0, 1.0]
    """
    if len(centroids) < 2:
        return np.full(len(centroids), np.nan)
    distances = np.asarray(cKDTree(centroids).query(centroids, k=2)[0])
    return np.asarray(distances[:, 1], dtype=np.float64)


def gaps_and_neighbours(
    outlines: OutlineSource, *, radius: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the gap to the nearest other outline and the number of others within `radius`, border to border.

    The nearest outline is no further off than the one whose bounding box has the nearest middle, so only
    outlines whose bounding boxes come as near as that (or as `radius`) are looked at, which a spatial index
    finds. Outlines are read in batches: memory follows the bounding boxes, time grows as N log N.

    Parameters
    ----------
    outlines : OutlineSource
        N of them, in any unit; neighbours had best have near numbers.
    radius : float
        In the unit of the outlines.

    Returns
    -------
    gaps : ndarray of shape (N,), float64
        In the unit of the outlines: 0 where outlines touch, NaN for a single one.
    counts : ndarray of shape (N,), int32

    Examples
    --------
    >>> row = OutlinesInMemory([shapely.box(x, 0, x + 10, 10) for x in (0, 15, 40)])
    >>> gaps, counts = gaps_and_neighbours(row, radius=6)
    >>> gaps.tolist(), counts.tolist()
    ([5.0, 5.0, 15.0], [1, 1, 0])
    """
    count = len(outlines.bounds)
    gaps = np.full(count, np.nan if count < 2 else np.inf)
    counts = np.zeros(count, dtype=np.int32)
    if count < 2:
        return gaps, counts
    boxes: Any = shapely.box(*outlines.bounds.T)
    tree = shapely.STRtree(boxes)
    candidates = _nearest_middles(outlines.bounds)
    for start in range(0, count, _BATCH):
        asked = np.arange(start, min(start + _BATCH, count))
        at_most = np.maximum(_distances(outlines, asked, candidates[asked]), radius)
        rows, others = tree.query(boxes[asked], predicate="dwithin", distance=at_most * _SLACK)
        near = asked[rows]
        near, others = near[near != others], others[near != others]
        distances = _distances(outlines, near, others)
        np.minimum.at(gaps, near, distances)
        np.add.at(counts, near[distances <= radius], 1)
    return gaps, counts


def _nearest_middles(bounds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each box the number of another one whose middle is nearest, shape (N,)."""
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2.0
    nearest = np.asarray(cKDTree(middles).query(middles, k=2)[1], dtype=np.int64)
    itself = nearest[:, 0] == np.arange(len(bounds))  # not where several boxes have one middle
    return np.where(itself, nearest[:, 1], nearest[:, 0])


def _distances(
    outlines: OutlineSource, some: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the distance from each of some outlines to its counterpart, each outline being read once."""
    numbers, places = np.unique(np.concatenate([some, others]), return_inverse=True)
    found = outlines.read(numbers)
    distances = shapely.distance(found[places[: len(some)]], found[places[len(some) :]])
    return np.asarray(distances, dtype=np.float64)
