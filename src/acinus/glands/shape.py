"""Size and outline of one gland: formulas of planar geometry on its smooth outline.

Every function takes the outline in the unit its result is wanted in; `measure` scales pixels to µm once.
Where QuPath has the measurement, the definition is QuPath's (``ObjectMeasurements``), so that recomputing
there agrees. The perimeter is the length of the smoothed outline, since counting pixel edges overstates a
disc by 4/π.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from shapely.geometry import LinearRing

from acinus.core.image import BoolMask
from acinus.glands.polygons import Outline

__all__ = [
    "bounding_circle",
    "circularity",
    "convexity",
    "eccentricity",
    "equivalent_diameter",
    "feret_diameters",
    "orientation",
    "outer_rings",
    "solidity",
]


def outer_rings(outline: Outline) -> list[LinearRing]:
    """Return the outer boundary of each part, holes left out."""
    return [part.exterior for part in shapely.get_parts(outline)]


def equivalent_diameter(area: float) -> float:
    """Return 2 √(area / π), the diameter of the disc of equal area.

    Examples
    --------
    >>> round(equivalent_diameter(np.pi * 5**2), 6)
    10.0
    """
    return 2.0 * float(np.sqrt(area / np.pi))


def circularity(outline: Outline) -> float:
    """Return 4π A / P² of the filled outline: 1 for a disc, 0.785 for a square, less when long or ragged.

    A and P are of the outer rings alone, as in QuPath; several parts add up (QuPath gives none).
    """
    rings = outer_rings(outline)
    area = sum(shapely.Polygon(ring).area for ring in rings)
    return 4.0 * float(np.pi) * area / sum(ring.length for ring in rings) ** 2


def solidity(outline: Outline) -> float:
    """Return A / A(convex hull): 1 for convex shapes, lower with bays, lobes and holes."""
    return float(outline.area / outline.convex_hull.area)


def convexity(outline: Outline) -> float:
    """Return P(convex hull) / P(outer rings): 1 for convex shapes, lower when the boundary winds.

    Zdilla et al. 2016 and ImageJ's Shape Filter use the same ratio.
    """
    return float(outline.convex_hull.length / sum(ring.length for ring in outer_rings(outline)))


def feret_diameters(outline: Outline) -> tuple[float, float]:
    """Return the largest and the smallest distance of two parallel lines that enclose the outline.

    The largest is the longest chord of the convex hull; the smallest has one line along an edge of the hull
    (rotating calipers; Toussaint 1983). QuPath's ``Min diameter`` is the smallest.

    Examples
    --------
    >>> [round(diameter, 3) for diameter in feret_diameters(shapely.box(0, 0, 4, 3))]
    [5.0, 3.0]
    """
    hull: NDArray[np.float64] = shapely.get_coordinates(outline.convex_hull)[:-1]  # (V, 2)
    edges = np.roll(hull, -1, axis=0) - hull
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    kept = lengths > 0
    normals = np.stack([edges[kept, 1], -edges[kept, 0]], axis=1) / lengths[kept, None]
    heights = normals @ hull.T  # (E, V)
    return float(pdist(hull).max()), float(np.ptp(heights, axis=1).min())


def bounding_circle(outline: Outline) -> float:
    """Return the diameter of the smallest enclosing circle, which QuPath calls ``Max diameter``."""
    return 2.0 * float(shapely.minimum_bounding_radius(outline))


def eccentricity(mask: BoolMask) -> float:
    """Return √(1 − λ₂/λ₁) of the pixels' second central moments: 0 for a disc, towards 1 when elongated.

    Each pixel is a unit square, not a point, hence + 1/12 on both variances (as in scikit-image's
    regionprops).

    Parameters
    ----------
    mask : ndarray of shape (h, w), bool
        At least one pixel.

    Examples
    --------
    >>> round(eccentricity(np.ones((10, 20), bool)) ** 2, 6)  # variances 20²/12 and 10²/12
    0.75
    """
    small, large = np.linalg.eigvalsh(_moments(mask))
    return float(np.sqrt(max(0.0, 1.0 - small / large)))


def orientation(mask: BoolMask) -> float:
    """Return the direction of the long axis of the ellipse of equal moments, in degrees from 0 to 180.

    From the x axis (to the right) towards the y axis (down); 0 for a shape that has no long axis.

    Parameters
    ----------
    mask : ndarray of shape (h, w), bool
        At least one pixel.

    Examples
    --------
    >>> orientation(np.ones((10, 20), bool)), orientation(np.ones((20, 10), bool))
    (0.0, 90.0)
    """
    (xx, xy), (_, yy) = _moments(mask)
    return float(np.rad2deg(0.5 * np.arctan2(2.0 * xy, xx - yy)) % 180.0)


def _moments(mask: BoolMask) -> NDArray[np.float64]:
    """Return the second central moments of the pixels, each a unit square: [[xx, xy], [xy, yy]]."""
    y, x = np.nonzero(mask)
    moments: NDArray[np.float64] = np.cov(np.stack([x, y]), bias=True) + np.eye(2) / 12.0
    return moments
