"""A Gaussian over bytes: its result at a pixel is the same to the bit, whatever part is blurred."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["blur_reach_px", "blurred_bytes"]


def blur_reach_px(sigma: float) -> int:
    """Return how far from a pixel `blurred_bytes` looks: four standard deviations.

    Examples
    --------
    >>> blur_reach_px(1.5), blur_reach_px(0.0)
    (6, 0)
    """
    return max(0, math.ceil(4.0 * sigma))


def blurred_bytes(values: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Return a map after a Gaussian, its sides mirrored; 0 leaves it as it is.

    Parameters
    ----------
    values : (H, W) or (H, W, C) uint8
    sigma : float
        Standard deviation in pixels.

    Notes
    -----
    OpenCV blurs bytes in fixed point. In floating point the last bit may depend on how an array is cut up for
    the processor's vectors, and rounding would let that through.
    """
    if sigma <= 0.0:
        return values
    side = 2 * blur_reach_px(sigma) + 1
    return np.asarray(
        cv2.GaussianBlur(values, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101), np.uint8
    )
