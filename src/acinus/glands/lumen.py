"""The pale inside of a gland and the epithelium around it.

Pale means a low optical density, so one threshold serves strong and weak stains alike; it takes the lumen and
the mucin of goblet cells, which H&E does not tell apart. What is called lumen in the table is therefore
"pale interior".
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import remove_small_objects

from acinus.core.image import BoolMask, LabelMap, RgbArray
from acinus.core.units import um2_to_px, um_to_px
from acinus.glands.stain import optical_density

__all__ = ["PALE_OD", "filled_gland", "find_lumen", "pale_pixels", "wall_thickness"]

PALE_OD = 0.11
"""Mean optical density over red, green and blue below which a pixel is pale (ours; 78 % of light passes)."""

_SMOOTH_UM = 1.0  # median filter's reach: removes single dark or bright pixels, keeps straight edges in place
_RIM_UM = 3.0  # a pale line this close to the border is the cleft where the gland shrank from its stroma
_LEAST_LUMEN_UM2 = 50.0  # smaller pale spots are vacuoles and gaps between cells
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
    filled: BoolMask = np.asarray(ndimage.binary_fill_holes(mask)) & (mask | (labels == 0))
    return filled


def pale_pixels(rgb: RgbArray, *, mpp: float) -> BoolMask:
    """Return where the median-filtered image lets more light through than `PALE_OD`, shape (h, w)."""
    reach = round(um_to_px(_SMOOTH_UM, mpp=mpp))
    smooth = cv2.medianBlur(np.ascontiguousarray(rgb), 2 * reach + 1) if reach > 0 else rgb
    return np.asarray(optical_density(np.asarray(smooth)).mean(axis=-1) < PALE_OD)


def find_lumen(filled: BoolMask, pale: BoolMask, *, mpp: float) -> BoolMask:
    """Return the lumen: pale regions of some size away from the gland's border, with the debris inside them.

    Parameters
    ----------
    filled, pale : ndarray of shape (h, w), bool
        The image border does not count as the gland's.
    mpp : float
        µm per pixel.
    """
    distance = _distance_to_outside(filled)
    lumen = pale & filled & (distance > um_to_px(_RIM_UM, mpp=mpp))
    least_px = math.ceil(um2_to_px(_LEAST_LUMEN_UM2, mpp=mpp) - 1e-6)  # 50 µm² are 8 px of 2.5 µm, and lumen
    lumen = remove_small_objects(lumen, max_size=least_px - 1)
    enclosed = np.asarray(ndimage.binary_fill_holes(lumen)) & ~lumen
    debris = enclosed & ~remove_small_objects(enclosed, max_size=int(um2_to_px(_LARGEST_DEBRIS_UM2, mpp=mpp)))
    return np.asarray(lumen | (debris & filled))


def wall_thickness(filled: BoolMask, lumen: BoolMask, *, mpp: float) -> tuple[float, float]:
    """Return the mean width of the epithelium in µm and its coefficient of variation (standard deviation /
    mean).

    From every epithelial pixel that touches the lumen, the distance to the nearest pixel outside the gland
    (exact Euclidean distance transform). A ring of radii r < R gives R − r. Where the image border cuts the
    gland, it is not taken for the gland's.

    Returns
    -------
    (float, float)
        NaN, NaN without a lumen, or where no border of the gland is in the image.
    """
    edge = ndimage.binary_dilation(lumen) & filled & ~lumen
    distances = _distance_to_outside(filled)[edge]
    if distances.size == 0 or not np.isfinite(distances).all():
        return float("nan"), float("nan")
    mean = float(distances.mean())
    return mean * mpp, float(distances.std()) / mean


def _distance_to_outside(filled: BoolMask) -> NDArray[np.float64]:
    """Return each pixel's distance in pixels to the nearest pixel outside; infinite where there is none."""
    if filled.all():
        return np.full(filled.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(filled), dtype=np.float64)
