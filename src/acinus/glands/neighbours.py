"""Who stands next to whom: distances between glands and how many are near."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from acinus.glands.polygons import Outline
from acinus.glands.shape import outer_rings

__all__ = ["Neighbourhood", "OutlineSource", "OutlinesInMemory", "measure_neighbours", "nearest_centroids"]

_BATCH = 1000  # outlines whose surroundings are looked at together
_QUAD_SEGS = 6  # of a quarter circle around an outline: within 1 % of its radius
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


@dataclass(frozen=True)
class Neighbourhood:
    """What stands around each of N glands.

    Attributes
    ----------
    gaps : ndarray of shape (N,), float64
        To the nearest other outline, in the unit of the outlines: 0 where they touch, NaN for a single gland.
    counts : ndarray of shape (N,), int32
        Other outlines within the radius, border to border.
    close_share : ndarray of shape (N,), float64
        Share of the outer border, 0..1, that is close to another gland.
    disorder : ndarray of shape (N,), float64
        How far the long axes of the neighbours turn away from the gland's own, 0..1; NaN without neighbours
        or axes.
    """

    gaps: NDArray[np.float64]
    counts: NDArray[np.int32]
    close_share: NDArray[np.float64]
    disorder: NDArray[np.float64]


def measure_neighbours(
    outlines: OutlineSource,
    directions: NDArray[np.float64],
    eccentricities: NDArray[np.float64],
    *,
    radius: float,
    close: float,
) -> Neighbourhood:
    """Return gaps, neighbours, borders back to back and the disorder of directions.

    The disorder of gland i with long axis θᵢ among its neighbours j within the radius is::

        Σ wⱼ sin²(θᵢ − θⱼ) / Σ wⱼ,   w = ε² / (2 − ε²) = (λ₁ − λ₂) / (λ₁ + λ₂)

    0 where all axes are parallel, ½ where they point at random, 1 where all neighbours stand across. ε is the
    eccentricity: a round neighbour has no axis and does not count. The formula is ours; that the disorder of
    directions among neighbouring glands tells how a tumour will behave is from Lee et al. (2014).

    Parameters
    ----------
    outlines : OutlineSource
        N of them, in any unit; neighbours had best have near numbers, for they are read in batches.
    directions : ndarray of shape (N,), float64
        Of the long axes, in radians; the opposite direction is the same.
    eccentricities : ndarray of shape (N,), float64
        0 (round) to 1.
    radius : float
        Largest gap of neighbours, in the unit of the outlines.
    close : float
        Largest distance to another gland at which a piece of border is close to it, at most `radius`.

    References
    ----------
    Lee et al., Co-occurring gland angularity in localized subgraphs: predicting biochemical recurrence in
    intermediate-risk prostate cancer patients, PLoS ONE 9(5), 2014.

    Examples
    --------
    >>> row = OutlinesInMemory([shapely.box(x, 0, x + 10, 10) for x in (0, 15, 40)])
    >>> near = measure_neighbours(row, np.array([0.0, np.pi / 2, 0.0]), np.full(3, 0.9), radius=6, close=6)
    >>> near.gaps.tolist(), near.counts.tolist(), near.disorder.tolist()
    ([5.0, 5.0, 15.0], [1, 1, 0], [1.0, 1.0, nan])
    """
    count = len(outlines.bounds)
    gaps = np.full(count, np.nan if count < 2 else np.inf)
    counts = np.zeros(count, dtype=np.int32)
    close_share = np.zeros(count)
    turned, weights = np.zeros(count), np.zeros(count)
    elongation = eccentricities**2 / (2.0 - eccentricities**2)
    for near, others, distances in _near_pairs(outlines, radius=radius):
        np.minimum.at(gaps, near, distances)
        within = distances <= radius
        i, j = near[within], others[within]
        np.add.at(counts, i, 1)
        np.add.at(turned, i, elongation[j] * np.sin(directions[i] - directions[j]) ** 2)
        np.add.at(weights, i, elongation[j])
        touching = distances <= close
        _add_close_shares(close_share, outlines, near[touching], others[touching], reach=close)
    has_axis = (weights > 0) & (elongation > 0)
    disorder = np.divide(turned, weights, out=np.full(count, np.nan), where=has_axis)
    return Neighbourhood(gaps, counts, close_share, disorder)


def _near_pairs(
    outlines: OutlineSource, *, radius: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Yield glands, others and their distances: all others within `radius` of a gland, and the nearest one.

    The nearest outline is no further off than the one whose bounding box has the nearest middle, so only
    outlines whose bounding boxes come as near as that (or as `radius`) are looked at, which a spatial index
    finds. Outlines are read in batches: memory follows the bounding boxes, time grows as N log N. All pairs
    of one gland come in one batch.
    """
    count = len(outlines.bounds)
    if count < 2:
        return
    boxes: Any = shapely.box(*outlines.bounds.T)
    tree = shapely.STRtree(boxes)
    candidates = _nearest_middles(outlines.bounds)
    for start in range(0, count, _BATCH):
        asked = np.arange(start, min(start + _BATCH, count))
        at_most = np.maximum(_distances(outlines, asked, candidates[asked]), radius)
        rows, others = tree.query(boxes[asked], predicate="dwithin", distance=at_most * _SLACK)
        near = asked[rows]
        near, others = near[near != others], others[near != others]
        yield near, others, _distances(outlines, near, others)


def _add_close_shares(
    shares: NDArray[np.float64],
    outlines: OutlineSource,
    near: NDArray[np.int64],
    others: NDArray[np.int64],
    *,
    reach: float,
) -> None:
    """Set the share of each gland's outer border that lies within `reach` of one of its others."""
    if not len(near):
        return
    numbers, places = np.unique(np.concatenate([near, others]), return_inverse=True)
    found = outlines.read(numbers)
    around = shapely.buffer(found, reach, quad_segs=_QUAD_SEGS)
    order = np.argsort(places[: len(near)], kind="stable")
    glands, starts = np.unique(places[: len(near)][order], return_index=True)
    for gland, group in zip(glands, np.split(places[len(near) :][order], starts[1:]), strict=True):
        border = shapely.multilinestrings(outer_rings(found[gland]))
        covered = shapely.intersection(border, shapely.union_all(around[group]))
        shares[numbers[gland]] = covered.length / border.length


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
