"""The pale inside of a gland and the epithelium around it.

Pale means a low optical density, so one threshold serves strong and weak stains alike; it takes the lumen and
the mucin of goblet cells, which H&E does not tell apart. What is called lumen in the table is therefore
"pale interior".
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.image import BoolMask, LabelMap, RgbArray
from acinus.core.morphology import disc, without_holes, without_small
from acinus.core.units import um2_to_px, um_to_px
from acinus.glands.polygons import shoelace_area, smooth_ring
from acinus.glands.rings import mask_rings
from acinus.glands.shape import circularity
from acinus.glands.stain import absorbance

__all__ = [
    "PALE_OD",
    "count_lumina",
    "distance_to",
    "distance_to_outside",
    "filled_gland",
    "find_lumen",
    "pale_pixels",
    "wall_thickness",
]

PALE_OD = 0.11
"""Mean optical density over red, green and blue below which a pixel is pale (ours; 78 % of light passes)."""

_SMOOTH_UM = 1.0  # median filter's reach: removes single dark or bright pixels, keeps straight edges in place
_RIM_UM = 3.0  # a pale line this close to the border is the cleft where the gland shrank from its stroma
_LEAST_LUMEN_UM2 = 50.0  # smaller pale spots are vacuoles and gaps between cells
_LEAST_COUNTED_UM2 = 200.0  # one goblet cell's mucin is about 10 µm across
_LARGEST_DEBRIS_UM2 = 500.0  # dark islands up to this inside a lumen are shed cells, not epithelium


def filled_gland(labels: LabelMap, label: int) -> BoolMask:
    """Return a gland's pixels and the background it encloses, shape (h, w).

    Examples
    --------
    >>> ring = np.array([[3, 3, 3], [3, 0, 3], [3, 3, 3]], np.int32)
    >>> bool(filled_gland(ring, 3).all())
    True
    """
    mask = labels == label
    filled: BoolMask = without_holes(mask) & (mask | (labels == 0))
    return filled


def pale_pixels(rgb: RgbArray, *, mpp: float) -> BoolMask:
    """Return where the median-filtered image lets more light through than `PALE_OD`, shape (h, w)."""
    reach = round(um_to_px(_SMOOTH_UM, mpp=mpp))
    smooth = cv2.medianBlur(np.ascontiguousarray(rgb), 2 * reach + 1) if reach > 0 else rgb
    red, green, blue = np.moveaxis(absorbance(np.asarray(smooth)), -1, 0)
    return np.asarray((red + green + blue) / 3.0 < PALE_OD)


def find_lumen(outside_px: NDArray[np.float64], pale: BoolMask, *, mpp: float) -> BoolMask:
    """Return the lumen: pale regions of some size away from the gland's border, with the debris inside them.

    Parameters
    ----------
    outside_px : ndarray of shape (h, w), float64
        Of `distance_to_outside`.
    pale : ndarray of shape (h, w), bool
    mpp : float
        µm per pixel.
    """
    filled = outside_px > 0
    lumen = pale & (outside_px > um_to_px(_RIM_UM, mpp=mpp))
    least_px = math.ceil(um2_to_px(_LEAST_LUMEN_UM2, mpp=mpp) - 1e-6)  # 50 µm² are 8 px of 2.5 µm, and lumen
    lumen = without_small(lumen, least_px=least_px, connectivity=4)
    enclosed = without_holes(lumen) & ~lumen
    least_open_px = int(um2_to_px(_LARGEST_DEBRIS_UM2, mpp=mpp)) + 1
    debris = enclosed & ~without_small(enclosed, least_px=least_open_px, connectivity=4)
    return np.asarray(lumen | (debris & filled))


def wall_thickness(outside_px: NDArray[np.float64], lumen: BoolMask, *, mpp: float) -> tuple[float, float]:
    """Return the mean width of the epithelium in µm and its coefficient of variation (standard deviation /
    mean).

    From every epithelial pixel that touches the lumen, the distance to the nearest pixel outside the gland
    (exact Euclidean distance transform). A ring of radii r < R gives R − r. Where the image border cuts the
    gland, it is not taken for the gland's.

    Parameters
    ----------
    outside_px : ndarray of shape (h, w), float64
        Of `distance_to_outside`.
    lumen : ndarray of shape (h, w), bool
    mpp : float
        µm per pixel.

    Returns
    -------
    (float, float)
        NaN, NaN without a lumen, or where no border of the gland is in the image.
    """
    edge = cv2.dilate(lumen.view(np.uint8), disc(1)).view(bool) & (outside_px > 0) & ~lumen
    distances = outside_px[edge]
    if distances.size == 0 or not np.isfinite(distances).all():
        return float("nan"), float("nan")
    mean = float(distances.mean())
    return mean * mpp, float(distances.std()) / mean


def count_lumina(lumen: BoolMask, *, mpp: float) -> tuple[int, float]:
    """Return how many lumina a gland has, and how round the largest is.

    A lumen counts from 200 µm² on (16 µm across, ours: more than the mucin of one goblet cell), the largest
    one whatever its size. Several lumina in one gland without stroma between them are what cribriform means.

    Parameters
    ----------
    lumen : ndarray of shape (h, w), bool
        Pixels that touch diagonally belong together.
    mpp : float
        µm per pixel.

    Returns
    -------
    count : int
        0 without a lumen.
    circularity : float
        4π A / P² of the largest lumen's outline, which is smoothed as that of a gland is; NaN without one.

    References
    ----------
    van der Kwast et al., ISUP Consensus Definition of Cribriform Pattern Prostate Cancer, Am. J. Surg.
    Pathol. 45(8), 2021.

    Examples
    --------
    >>> lumen = np.zeros((60, 60), bool)
    >>> lumen[5:25, 5:25] = lumen[35:55, 5:25] = lumen[5:9, 40:44] = True  # 400, 400 and 16 µm²
    >>> count_lumina(lumen, mpp=1.0)[0]
    2
    """
    parts, count = ndimage.label(lumen, structure=np.ones((3, 3)))
    if count == 0:
        return 0, float("nan")
    areas_px = np.bincount(parts.ravel())[1:]
    largest = int(areas_px.argmax()) + 1
    window = ndimage.find_objects(parts, max_label=largest)[largest - 1]
    ring = smooth_ring(max(mask_rings(parts[window] == largest), key=shoelace_area))
    counted = int(np.count_nonzero(areas_px >= um2_to_px(_LEAST_COUNTED_UM2, mpp=mpp)))
    return max(counted, 1), circularity(shapely.Polygon(ring))


def distance_to_outside(filled: BoolMask) -> NDArray[np.float64]:
    """Return each pixel's distance in pixels to the nearest pixel outside the gland, 0 outside.

    The image border does not count as the gland's: infinite where no pixel is outside.

    Parameters
    ----------
    filled : ndarray of shape (h, w), bool
        Of `filled_gland`.
    """
    return distance_to(~filled)


def distance_to(target: BoolMask) -> NDArray[np.float64]:
    """Return each pixel's exact Euclidean distance to the nearest pixel of a mask, in pixels.

    From centre to centre; infinite where the mask is empty.

    Examples
    --------
    >>> distance_to(np.array([[True, False, False]])).tolist()
    [[0.0, 1.0, 2.0]]
    """
    if not target.any():
        return np.full(target.shape, np.inf)
    away = (~target).astype(np.uint8)
    found = np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float64)
    # Squares are whole numbers; OpenCV's last digit depends on where in memory the mask lies.
    exact: NDArray[np.float64] = np.sqrt(np.rint(found**2))
    return exact
