"""The interior prior: what a ring of exterior region encloses."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from acinus.core.image import BoolMask
from acinus.core.morphology import without_holes
from acinus.core.units import um2_to_px

__all__ = ["fill_rings"]


def fill_rings(
    exterior: BoolMask, *, mpp: float, min_area_um2: float, max_area_um2: float, against_sides: bool = True
) -> BoolMask:
    """Return the areas enclosed by `exterior` that are of a size to be the inside of a gland.

    Parameters
    ----------
    exterior : (H, W) bool
        The dark ring, cleaned.
    mpp : float
        µm per pixel.
    min_area_um2, max_area_um2 : float
        Enclosed areas outside this range are not trusted: smaller ones are gaps between nuclei, larger ones
        are stroma between glands that touch.
    against_sides : bool
        Let each side of the image close the rings it cuts.

    Returns
    -------
    (H, W) bool
        Interior regions, disjoint from `exterior`; all False when no ring closes.

    Examples
    --------
    >>> ring = np.ones((5, 5), bool)
    >>> ring[1:4, 1:4] = False
    >>> int(fill_rings(ring, mpp=1.0, min_area_um2=1, max_area_um2=100).sum())
    9
    """
    enclosed = without_holes(exterior) & ~exterior
    if against_sides:
        for side in ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)):
            top, bottom, left, right = side
            padded = np.pad(exterior, ((top, bottom), (left, right)), constant_values=True)
            filled = without_holes(padded)
            height, width = exterior.shape
            enclosed |= filled[top : top + height, left : left + width] & ~exterior
    regions, count = ndimage.label(enclosed)
    if not count:
        return np.zeros_like(exterior)
    area_px = np.bincount(regions.ravel())
    trusted = (area_px >= um2_to_px(min_area_um2, mpp=mpp)) & (area_px <= um2_to_px(max_area_um2, mpp=mpp))
    trusted[0] = False
    return np.asarray(trusted[regions], dtype=bool)
