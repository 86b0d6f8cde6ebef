"""Who stands next to whom: distances between glands and how many are near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from acinus.glands.polygons import Outline

__all__ = ["nearest_centroids", "nearest_gaps", "neighbour_counts"]


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


def nearest_gaps(outlines: Sequence[Outline]) -> NDArray[np.float64]:
    """Return the width of the gap between each outline and the nearest other one; NaN for a single gland.

    Found through a spatial index, so the time grows as N log N. 0 where outlines touch.

    Returns
    -------
    ndarray of shape (N,)
        In the unit of the outlines.
    """
    gaps = np.full(len(outlines), np.nan)
    if len(outlines) < 2:
        return gaps
    geometries = np.array(outlines, dtype=object)
    tree = shapely.STRtree(geometries)
    (asked, _), distances = tree.query_nearest(
        geometries, exclusive=True, return_distance=True, all_matches=False
    )
    gaps[asked] = distances
    return gaps


def neighbour_counts(outlines: Sequence[Outline], *, radius: float) -> NDArray[np.int32]:
    """Return how many other outlines come within `radius` of each one, border to border, shape (N,).

    Examples
    --------
    >>> row = [shapely.box(x, 0, x + 10, 10) for x in (0, 15, 40)]
    >>> neighbour_counts(row, radius=6).tolist()
    [1, 1, 0]
    """
    geometries = np.array(outlines, dtype=object)
    if len(geometries) < 2:
        return np.zeros(len(geometries), dtype=np.int32)
    near, _ = shapely.STRtree(geometries).query(geometries, predicate="dwithin", distance=radius)
    counts = np.bincount(near, minlength=len(geometries)) - 1
    return counts.astype(np.int32)
