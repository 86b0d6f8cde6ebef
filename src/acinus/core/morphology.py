"""The disc by which masks are grown, shrunk, opened and closed; masks without small pieces or holes."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask

__all__ = ["disc", "without_holes", "without_small"]


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


def without_small(mask: BoolMask, *, least_px: float, connectivity: int) -> BoolMask:
    """Return the pieces of a mask that have at least so many pixels.

    Parameters
    ----------
    connectivity : {4, 8}
        Whether pixels that touch at an edge are of one piece, or also those that touch at a corner.

    Examples
    --------
    >>> diagonal = np.eye(2, dtype=bool)
    >>> [int(without_small(diagonal, least_px=2, connectivity=each).sum()) for each in (4, 8)]
    [0, 2]
    """
    _, numbers, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=connectivity)
    kept = facts[:, cv2.CC_STAT_AREA] >= least_px
    kept[0] = False
    return np.asarray(kept[numbers])


def without_holes(mask: BoolMask) -> BoolMask:
    """Return a mask with all that it encloses: what no path over edges joins to the outside of the array.

    Examples
    --------
    >>> ring = np.ones((3, 3), bool)
    >>> ring[1, 1] = False
    >>> bool(without_holes(ring).all())
    True
    """
    framed = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(framed, None, (0, 0), 2, flags=4)
    return np.asarray(framed[1:-1, 1:-1] != 2)
