"""The disc by which masks are grown, shrunk, opened and closed."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["disc"]


def disc(radius_px: float) -> NDArray[np.uint8]:
    """Return a disc-shaped structuring element, (2 r + 1, 2 r + 1); r is the rounded radius, at least 1.

    Examples
    --------
    >>> disc(1.4)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]], dtype=uint8)
    """
    return _disc(max(1, round(radius_px)))


@cache
def _disc(radius_px: int) -> NDArray[np.uint8]:
    side = 2 * radius_px + 1
    kernel = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)
    kernel.flags.writeable = False  # everybody gets the same one
    return kernel
