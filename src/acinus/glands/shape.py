"""Size and outline of one gland: formulas of planar geometry on its smooth outline.

Every function takes the outline in the unit its result is wanted in; `measure` scales pixels to µm once.
Where QuPath has the measurement, the definition is QuPath's (``ObjectMeasurements``), so that recomputing
there agrees. The perimeter is the length of the smoothed outline, since counting pixel edges overstates a
disc by 4/π.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from shapely.geometry import LinearRing
from shapely.geometry.base import BaseGeometry

from acinus.core.image import BoolMask
from acinus.glands.polygons import Outline

__all__ = [
    "Moments",
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


def solidity(outline: Outline, hull: BaseGeometry) -> float:
    """Return A / A(convex hull): 1 for convex shapes, lower with bays, lobes and holes."""
    return float(outline.area / hull.area)


def convexity(outline: Outline, hull: BaseGeometry) -> float:
    """Return P(convex hull) / P(outer rings): 1 for convex shapes, lower when the boundary winds.

    Zdilla et al. 2016 and ImageJ's Shape Filter use the same ratio.
    """
    return float(hull.length / sum(ring.length for ring in outer_rings(outline)))


def feret_diameters(hull: BaseGeometry) -> tuple[float, float]:
    """Return the largest and the smallest distance of two parallel lines that enclose a convex hull.

    The largest is the longest chord of the convex hull; the smallest has one line along an edge of the hull
    (rotating calipers; Toussaint 1983). QuPath's ``Min diameter`` is the smallest.

    Examples
    --------
    >>> [round(diameter, 3) for diameter in feret_diameters(shapely.box(0, 0, 4, 3))]
    [5.0, 3.0]
    """
    corners: NDArray[np.float64] = shapely.get_coordinates(hull)[:-1]  # (V, 2)
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    kept = lengths > 0
    normals = np.stack([edges[kept, 1], -edges[kept, 0]], axis=1) / lengths[kept, None]
    heights = normals @ corners.T  # (E, V)
    return float(pdist(corners).max()), float(np.ptp(heights, axis=1).min())


def bounding_circle(hull: BaseGeometry) -> float:
    """Return the diameter of the smallest circle around a convex hull; QuPath calls it ``Max diameter``."""
    return 2.0 * float(shapely.minimum_bounding_radius(hull))


@dataclass(frozen=True)
class Moments:
    """Where a mask lies and how it is spread, each pixel being a unit square.

    Attributes
    ----------
    area, x, y : float
        Pixels, and the centroid's column and row; the centre of the first pixel is 0, 0.
    xx, xy, yy : float
        Second central moments divided by the area. A pixel is no point, hence + 1/12 on both variances (as
        in scikit-image's regionprops).
    """

    area: float
    x: float
    y: float
    xx: float
    xy: float
    yy: float

    @classmethod
    def of(cls, mask: BoolMask) -> Moments:
        """Return those of a mask, (h, w) bool, of at least one pixel."""
        sums = cv2.moments(mask.view(np.uint8), binaryImage=True)
        # Whole numbers, whose squares exceed what a float holds.
        n, x, y, xx, xy, yy = (int(sums[f"m{order}"]) for order in ("00", "10", "01", "20", "11", "02"))
        return cls(
            area=float(n),
            x=x / n,
            y=y / n,
            xx=(n * xx - x * x) / n**2 + 1.0 / 12.0,
            xy=(n * xy - x * y) / n**2,
            yy=(n * yy - y * y) / n**2 + 1.0 / 12.0,
        )


def eccentricity(moments: Moments) -> float:
    """Return √(1 − λ₂/λ₁) of the second central moments: 0 for a disc, towards 1 when elongated.

    Examples
    --------
    >>> round(eccentricity(Moments.of(np.ones((10, 20), bool))) ** 2, 6)  # variances 20²/12 and 10²/12
    0.75
    """
    small, large = np.linalg.eigvalsh([[moments.xx, moments.xy], [moments.xy, moments.yy]])
    return float(np.sqrt(max(0.0, 1.0 - small / large)))


def orientation(moments: Moments) -> float:
    """Return the direction of the long axis of the ellipse of equal moments, in degrees from 0 to 180.

    From the x axis (to the right) towards the y axis (down); 0 for a shape that has no long axis.

    Examples
    --------
    >>> [orientation(Moments.of(np.ones(shape, bool))) for shape in ((10, 20), (20, 10))]
    [0.0, 90.0]
    """
    angle = 0.5 * math.atan2(2.0 * moments.xy, moments.xx - moments.yy)
    return math.degrees(angle) % 180.0
